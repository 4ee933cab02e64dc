//! What is sold, to whom, and what people ask for. Capacities are small and people few, so that
//! every edge is common.

use std::sync::Arc;

use piaoku::domain::account::{
    AccountChange, AccountKey, Balance, BookMoney, BookingKind, Holder, SetCredit,
};
use piaoku::domain::catalogue::{
    AreaDef, Calendar, CallbackFormat, CallbackMethod, CallbackSettings, Catalogue,
    CatalogueCommand, Fee, FeeTier, LimitRule, LimitScope, LimitWindow, RebateAt, RefundRule,
    Rules, SetProduct, TimespanDef,
};
use piaoku::domain::identity::{DocumentCheck, IdentityRules, MobileCheck, PersonalText, sample};
use piaoku::domain::inventory::Capacity;
use piaoku::domain::order::NoticeOutcome;
use piaoku::domain::seats::{Numbering, SeatMap, SeatRow};
use piaoku::engine::admission::{
    AdmissionPolicy, Draft, DraftBuyer, DraftDate, DraftLine, DraftScene, DraftTimespan, Identity,
    IdentityHasher, SeatChoice,
};
use piaoku::engine::transaction::{Payment, Transaction, calendar_year};
use piaoku::types::{
    AgentNo, AreaNo, Channel, Fen, IdentityHash, Quantity, RequestKey, Sealed, ServiceDate,
    SupplierNo, Timespan, UnixMillis,
};

use crate::message::Request;
use crate::random::Random;

/// Venue time of both suppliers.
pub const OFFSET: i32 = 8 * 3600;
/// Agents: one with money for everything, one with money for a few tickets. Rebate is scarce for both.
pub const AGENTS: u32 = 2;
/// Suppliers, each with ids of its own.
pub const SUPPLIERS: u16 = 2;
/// Whoever asks without being an agent: gates, operators, the courier.
pub const HOUSE: AgentNo = AgentNo::new(99);
const DOCUMENTS: usize = 5;
const MOBILES: usize = 4;

/// Where time begins: ten in the morning at the venue.
pub fn start() -> UnixMillis {
    let day = ServiceDate::parse_compact("20261121").expect("a day that exists");
    day.start(OFFSET).plus_millis(10 * 3_600_000)
}

/// The records every history begins with: the catalogue and the agents' money.
pub fn first_records() -> Vec<Transaction> {
    let mut catalogue = Catalogue::default();
    let mut events = Vec::new();
    for command in commands() {
        let event = catalogue.decide(command).expect("the catalogue makes sense");
        catalogue.apply(&event);
        events.push(event);
    }
    let mut records = vec![Transaction::catalogue(start(), events)];
    for supplier in 0..SUPPLIERS {
        for (agent, prepaid, earned) in [(0, 5_000_000, 100), (1, 1000, 100)] {
            for (balance, fen) in [(Balance::Prepaid, prepaid), (rebate(start()), earned)] {
                let key = account(SupplierNo::new(supplier), AgentNo::new(agent));
                records.push(Transaction::top_up(start(), key, balance, Fen::new(fen)));
            }
        }
    }
    records
}

/// An operator does something to an agent's account: mostly books money, with a number of its own or
/// without, now and then takes some away or grants credit.
pub fn change(random: &mut Random, number: usize, now: UnixMillis) -> Request {
    let supplier = SupplierNo::new(random.below(usize::from(SUPPLIERS)) as u16);
    let account = account(supplier, agent(random));
    let credit = Fen::new(random.below(4) as i64 * 100);
    let (kind, fen) = match random.below(8) {
        0 => (BookingKind::Adjustment, [-300, -20][random.below(2)]),
        1 => (BookingKind::Adjustment, 50),
        2 => {
            let change = AccountChange::Credit(SetCredit { credit });
            return Request::Change { account, change };
        }
        _ => (BookingKind::TopUp, 100),
    };
    let balance = if random.chance(80) { Balance::Prepaid } else { rebate(now) };
    // Few references, so that one often stands for something else.
    let reference = random.chance(70).then(|| request_key("book", random, number % 3));
    let booking = BookMoney { kind, balance, amount: Fen::new(fen), reference };
    Request::Change { account, change: AccountChange::Book(booking) }
}

/// A caller's own number; now and then one that stands for something else already.
pub fn request_key(prefix: &str, random: &mut Random, number: usize) -> RequestKey {
    let number = if random.chance(10) { 0 } else { number };
    RequestKey::new(&format!("{prefix}-{number}")).expect("it is short")
}

/// How a notice ends; `None` when nobody knows.
pub fn outcome(random: &mut Random) -> Option<NoticeOutcome> {
    match random.below(10) {
        0..=1 => None,
        2 => Some(NoticeOutcome::GaveUp),
        3 => Some(NoticeOutcome::Skipped),
        _ => Some(NoticeOutcome::Delivered),
    }
}

pub fn agent(random: &mut Random) -> AgentNo {
    AgentNo::new(random.below(AGENTS as usize) as u32)
}

/// Some way of paying.
pub fn payment(random: &mut Random, now: UnixMillis) -> Payment {
    let from = [Balance::Prepaid, rebate(now), rebate(now), Balance::Receivable];
    Payment { from: from[random.below(from.len())], year: calendar_year(now, OFFSET) }
}

/// Somebody wants something; now and then it is nonsense.
pub fn draft(random: &mut Random, agent: AgentNo, now: UnixMillis) -> Draft {
    let today = ServiceDate::at(now, OFFSET);
    let timespans = [
        DraftTimespan::Earliest,
        DraftTimespan::Exactly(Timespan::new(1)),
        DraftTimespan::Exactly(Timespan::new(2)),
    ];
    let mut draft = Draft {
        channel: Channel::Ota,
        agent,
        buyer: DraftBuyer::default(),
        lines: Vec::new(),
        date: DraftDate::Day(today.plus_days(random.below(3) as i32)),
        timespan: timespans[random.below(timespans.len())],
        scene: DraftScene::default(),
        validity: None,
        mobile: sample::mobile(random.below(MOBILES) as u64),
        document: String::new(),
    };
    match random.below(8) {
        0 => {
            draft.validity = Some((now, now.plus_millis(86_400_000)));
            let product = ["P-COUPON", "P-CARD"][random.below(2)];
            draft.lines = vec![line(random, product, 3)];
        }
        1 => {
            let date = today.plus_days(random.below(2) as i32);
            draft.date = DraftDate::Day(date);
            let scene_id = format!("SC-{}-1930", date.to_compact());
            let area_id = ["A", "B"][random.below(2)].to_owned();
            let choice = [SeatChoice::Ours, SeatChoice::Buyers][random.below(2)];
            // Seats are named now and then whoever chooses, taken or not.
            let named = |random: &mut Random, area: &str, count: i64| -> Vec<String> {
                let (row, first) = (1 + random.below(4) / 3, random.below(4) as i64);
                (0..count).map(|n| format!("{area}-{row}-{}", 1 + (first + n) % 3)).collect()
            };
            draft.lines = vec![line(random, "P-SHOW", 3)];
            draft.lines[0].seats = named(random, &area_id, draft.lines[0].amount);
            draft.scene = DraftScene { scene_id, area_id, choice, ..DraftScene::default() };
        }
        2 => draft.lines = vec![line(random, "P-OTHER", 3)],
        3 if random.chance(40) => spoil(random, &mut draft, today),
        _ => {
            let products = ["P-ADULT", "P-ADULT", "P-CHILD", "P-CHILD", "P-FLASH", "P-FREE"];
            for _ in 0..=random.below(3) {
                let product = products[random.below(products.len())];
                let max = if product == "P-ADULT" { 1 } else { 2 };
                draft.lines.push(line(random, product, max));
            }
        }
    }
    draft
}

fn spoil(random: &mut Random, draft: &mut Draft, today: ServiceDate) {
    draft.lines = vec![line(random, "P-CHILD", 1)];
    match random.below(5) {
        0 => draft.lines.clear(),
        1 => draft.lines[0].amount = 0,
        2 => draft.lines[0].product_id = "P-NONE".to_owned(),
        3 => draft.date = DraftDate::Day(today.plus_days(-1)),
        _ => draft.mobile = "1".to_owned(),
    }
}

fn line(random: &mut Random, product: &str, most: usize) -> DraftLine {
    DraftLine {
        product_id: product.to_owned(),
        amount: random.below(most) as i64 + 1,
        document: sample::resident_id(random.below(DOCUMENTS) as u64),
        name: "王小明".to_owned(),
        ..DraftLine::default()
    }
}

pub fn policy() -> AdmissionPolicy {
    AdmissionPolicy {
        identity: IdentityRules {
            sent_as: PersonalText::Clear,
            document: DocumentCheck::Full,
            mobile: MobileCheck::Mainland,
            name_chars_max: 20,
        },
        lines_max: 10,
    }
}

/// A hash without a key: nothing here is anybody's.
pub struct PlainHasher;

impl IdentityHasher for PlainHasher {
    fn hash(&self, of: Identity<'_>) -> IdentityHash {
        match of {
            Identity::Document(_, text)
            | Identity::DocumentCiphertext(text)
            | Identity::Mobile(text)
            | Identity::MobileCiphertext(text)
            | Identity::OpenId(text) => fnv(text),
            Identity::AgentUser(agent, user) => fnv(&format!("{agent}/{user}")),
        }
    }
}

/// Everybody there is, by document and by mobile.
pub fn people() -> Vec<IdentityHash> {
    let documents = (0..DOCUMENTS as u64).map(|n| fnv(&sample::resident_id(n)));
    documents.chain((0..MOBILES as u64).map(|n| fnv(&sample::mobile(n)))).collect()
}

fn fnv(text: &str) -> IdentityHash {
    let step = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_01b3);
    IdentityHash::new(text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

fn rebate(now: UnixMillis) -> Balance {
    Balance::Rebate { year: calendar_year(now, OFFSET) }
}

fn account(supplier: SupplierNo, agent: AgentNo) -> AccountKey {
    AccountKey { supplier, holder: Holder::Agent(agent) }
}

fn commands() -> Vec<CatalogueCommand> {
    let supplier = |id: &str| CatalogueCommand::SetSupplier {
        id: id.to_owned(),
        name: id.to_owned(),
        utc_offset_seconds: OFFSET,
    };
    let agent = |id: u32| CatalogueCommand::SetAgent {
        id: format!("agent-{id}"),
        name: format!("agent {id}"),
        enabled: true,
        secrets: Sealed::default(),
    };
    let pool = CatalogueCommand::SetPool {
        id: "POOL-GATE".to_owned(),
        supplier: "01".to_owned(),
        capacity: limited(5),
        allowance: Quantity::ONE,
    };
    let mut commands = vec![supplier("01"), supplier("02"), pool];
    commands.extend((0..AGENTS).map(agent));
    // One agent is told what becomes of its orders, the other asks.
    let callback = Some(CallbackSettings {
        url: "http://agent.example/notices".into(),
        official_sms: true,
        format: CallbackFormat::Json,
        method: CallbackMethod::Post,
    });
    commands.push(CatalogueCommand::SetCallback { agent: "agent-0".to_owned(), callback });
    let products = products().into_iter();
    commands.extend(products.map(|product| CatalogueCommand::SetProduct(Box::new(product))));
    commands
}

fn products() -> Vec<SetProduct> {
    use LimitScope::{Document, Mobile};
    let limit = |scope, window, max| LimitRule::new(scope, window, Quantity::new(max));
    let span = |no, start_minute, end_minute| TimespanDef {
        no: Timespan::new(no),
        start_minute,
        end_minute,
    };
    let gate = |id: &str, capacity| {
        let mut product = product(id, "01", capacity);
        product.pool = Some("POOL-GATE".to_owned());
        product.timespans = vec![span(1, 8 * 60, 12 * 60), span(2, 12 * 60, 18 * 60)];
        product
    };
    let mut adult = gate("P-ADULT", 4);
    // As much as it costs, so that what is earned is soon spent.
    adult.rebate = Fen::new(100);
    adult.rules.document_per_ticket = true;
    adult.rules.refund = refunds(&[(-12, Fee::Fixed(Fen::ZERO))]);
    adult.rules.limits =
        vec![limit(Document, LimitWindow::VisitDate, 1), limit(Mobile, LimitWindow::VisitDate, 3)];
    let mut child = gate("P-CHILD", 3);
    child.rebate = Fen::new(40);
    child.rules.limits = vec![
        limit(Mobile, LimitWindow::Timespan, 2),
        limit(Mobile, LimitWindow::Rolling { days: 366 }, 5),
        limit(LimitScope::Agent, LimitWindow::VisitDate, 4),
        limit(LimitScope::Everyone, LimitWindow::Week, 40),
    ];
    child.rules.refund = refunds(&[(24, Fee::Fixed(Fen::ZERO)), (-12, Fee::Percent(2_000))]);
    let mut flash = product("P-FLASH", "01", 3);
    flash.rules.limits =
        vec![limit(Document, LimitWindow::Lifetime, 2), limit(Mobile, LimitWindow::OrderDate, 4)];
    let mut free = product("P-FREE", "01", 3);
    free.price = Fen::ZERO;
    free.rules.limits = vec![limit(Mobile, LimitWindow::VisitDate, 2)];
    let mut coupon = product("P-COUPON", "01", 40);
    (coupon.calendar.dates, coupon.rebate) = (None, Fen::new(40));
    // Three uses each, and the rebate comes with the first.
    let mut card = product("P-CARD", "01", 12);
    card.calendar.dates = None;
    (card.uses, card.rebate, card.rebate_at) = (3, Fen::new(30), RebateAt::Redemption);
    let mut other = product("P-OTHER", "02", 4);
    other.rules.refund = refunds(&[]);
    let row =
        |no: u8| SeatRow { label: no.to_string().into(), first: 0, len: 3, aisles: 0, blocked: 0 };
    let area = |id: &str, rows: u8| AreaDef {
        no: AreaNo::NONE,
        id: id.into(),
        capacity: Quantity::ZERO,
        seats: Some(Arc::new(
            SeatMap::new((1..=rows).map(row).collect(), Numbering::LeftToRight, None)
                .expect("rows of three seats"),
        )),
        price: Fen::new(200),
        list_price: Fen::new(200),
    };
    let mut show = product("P-SHOW", "02", 0);
    show.areas = vec![area("A", 1), area("B", 2)];
    show.scene_prefix = "SC".to_owned();
    show.timespans = vec![span(1, 19 * 60 + 30, 21 * 60)];
    vec![adult, child, flash, free, coupon, card, show, other]
}

/// A refund rule of these tiers; none takes nothing back.
fn refunds(tiers: &[(i32, Fee)]) -> RefundRule {
    let tier = |&(hours_before, fee)| FeeTier { hours_before, fee };
    RefundRule { tiers: tiers.iter().map(tier).collect() }
}

/// An untimed product of one yuan without limits.
fn product(id: &str, supplier: &str, capacity: u32) -> SetProduct {
    let today = ServiceDate::at(start(), OFFSET);
    SetProduct {
        id: id.to_owned(),
        supplier: supplier.to_owned(),
        name: id.to_owned(),
        on_sale: true,
        price: Fen::new(100),
        list_price: Fen::new(200),
        rebate: Fen::ZERO,
        rebate_at: RebateAt::Payment,
        uses: 1,
        pool: None,
        calendar: Calendar {
            dates: Some((today, today.plus_days(365))),
            capacity: limited(capacity),
            allowance: Quantity::ZERO,
            exceptions: Vec::new(),
        },
        timespans: Vec::new(),
        areas: Vec::new(),
        scene_prefix: String::new(),
        rules: Rules {
            order_min: Quantity::ONE,
            order_max: Quantity::new(4),
            document_per_ticket: false,
            horizon_days: 30,
            hold_seconds: 60,
            limits: Vec::new(),
            ..Rules::default()
        },
    }
}

fn limited(capacity: u32) -> Capacity {
    Capacity::Limited(Quantity::new(capacity))
}
