//! A small catalogue, made by the commands an operator would use, and orders of it: what the unit
//! tests of this layer share.

use std::sync::Arc;

use crate::domain::account::{AccountKey, Balance, Holder};
use crate::domain::catalogue::{
    AreaDef, Calendar, Catalogue, CatalogueCommand, LimitRule, LimitScope, LimitWindow, RebateAt,
    Rules, SetProduct, TimespanDef,
};
use crate::domain::identity::{DocumentCheck, IdentityRules, MobileCheck, PersonalText, sample};
use crate::domain::inventory::{Capacity, PoolKey};
use crate::domain::seats::{Numbering, SeatMap, SeatRow};
use crate::engine::Rejection;
use crate::engine::admission::{
    AdmissionPolicy, Admitted, Draft, DraftBuyer, DraftDate, DraftLine, DraftScene, DraftTimespan,
    Identity, IdentityHasher, SeatChoice, admit,
};
use crate::engine::ids::{IdSource, Numbers};
use crate::engine::plan::Plan;
use crate::engine::state::{Nowhere, State};
use crate::engine::transaction::{Granted, Payment, Transaction};
use crate::types::{
    AgentNo, AreaNo, Channel, Fen, IdentityHash, Lsn, OrderId, PoolNo, ProductNo, Quantity,
    RequestKey, Sealed, ServiceDate, SlotKey, SupplierNo, Timespan, UnixMillis, VoucherCode,
};

/// Venue time of both suppliers.
pub(crate) const OFFSET: i32 = 8 * 3600;
/// The only agent.
pub(crate) const AGENT: AgentNo = AgentNo::new(0);
/// Supplier `01`, which sells everything but the show.
pub(crate) const SPOT: SupplierNo = SupplierNo::new(0);
/// What orders are paid from unless a test says otherwise.
pub(crate) const PREPAID: Payment = Payment { from: Balance::Prepaid, year: 2026 };

/// Today at the venue.
pub(crate) fn today() -> ServiceDate {
    ServiceDate::parse_compact("20261121").unwrap()
}

/// Nine in the morning at the venue: the first timespan runs, none is over.
pub(crate) fn morning() -> UnixMillis {
    clock(9, 0)
}

/// An instant today at the venue.
pub(crate) fn clock(hour: i64, minute: i64) -> UnixMillis {
    today().start(OFFSET).plus_millis((hour * 60 + minute) * 60_000)
}

/// The only pool, on a day and in a timespan.
pub(crate) fn gate(date: ServiceDate, timespan: u8) -> PoolKey {
    PoolKey { pool: PoolNo::new(0), date: Some(date), timespan: Timespan::new(timespan) }
}

/// A slot of a product by public id.
pub(crate) fn slot(product: &str, date: Option<ServiceDate>, timespan: u8) -> SlotKey {
    SlotKey { product: product_no(product), date, timespan: Timespan::new(timespan) }
}

/// The number of a product by public id.
pub(crate) fn product_no(id: &str) -> ProductNo {
    catalogue().product_by_id(id).unwrap().no
}

/// The agent's account with [`SPOT`].
pub(crate) fn purse() -> AccountKey {
    AccountKey { supplier: SPOT, holder: Holder::Agent(AGENT) }
}

/// Two suppliers, a pool of ten places, one agent and a product for each rule.
pub(crate) fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    for command in commands() {
        let event = catalogue.decide(command).unwrap();
        catalogue.apply(&event);
    }
    catalogue
}

/// The record that makes [`catalogue`].
pub(crate) fn catalogue_record() -> Transaction {
    Transaction::catalogue(morning(), catalogue().events())
}

/// The commands that make [`catalogue`].
pub(crate) fn commands() -> Vec<CatalogueCommand> {
    let supplier = |id: &str| CatalogueCommand::SetSupplier {
        id: id.to_owned(),
        name: id.to_owned(),
        utc_offset_seconds: OFFSET,
    };
    let pool = CatalogueCommand::SetPool {
        id: "POOL-GATE".to_owned(),
        supplier: "01".to_owned(),
        capacity: Capacity::Limited(Quantity::new(10)),
        allowance: Quantity::ZERO,
    };
    let agent = CatalogueCommand::SetAgent {
        id: "agent".to_owned(),
        name: "agent".to_owned(),
        enabled: true,
        secrets: Sealed::default(),
    };
    let products = products().into_iter();
    let products = products.map(|product| CatalogueCommand::SetProduct(Box::new(product)));
    [supplier("01"), supplier("02"), pool, agent].into_iter().chain(products).collect()
}

fn products() -> Vec<SetProduct> {
    use LimitScope::{Document, Mobile};
    let limit = |scope, window, max| LimitRule::new(scope, window, Quantity::new(max));
    let spans = [(1, 8 * 60, 11 * 60), (2, 11 * 60, 14 * 60), (3, 14 * 60, 17 * 60)];
    let spans = spans.map(|(no, start_minute, end_minute)| TimespanDef {
        no: Timespan::new(no),
        start_minute,
        end_minute,
    });
    let base = product("BASE");
    let timed = SetProduct { timespans: spans.to_vec(), ..base.clone() };
    let gate = SetProduct { pool: Some("POOL-GATE".to_owned()), ..timed.clone() };

    let mut adult = SetProduct { id: "P-ADULT".to_owned(), rebate: Fen::new(600), ..gate.clone() };
    adult.price = Fen::new(12_000);
    adult.rules.document_per_ticket = true;
    adult.rules.limits =
        vec![limit(Document, LimitWindow::VisitDate, 1), limit(Mobile, LimitWindow::VisitDate, 5)];
    let child = SetProduct { id: "P-CHILD".to_owned(), price: Fen::new(6000), ..gate };

    let mut flash = SetProduct { id: "P-FLASH".to_owned(), price: Fen::new(990), ..base.clone() };
    flash.calendar.capacity = Capacity::Limited(Quantity::new(3));
    flash.rules.limits = vec![limit(Document, LimitWindow::Lifetime, 1)];
    let mut day = SetProduct { id: "P-DAY".to_owned(), ..base.clone() };
    day.rules.limits = vec![limit(Mobile, LimitWindow::VisitDate, 2)];
    let mut windows = SetProduct { id: "P-WINDOWS".to_owned(), ..timed };
    windows.rules.limits =
        vec![limit(Mobile, LimitWindow::Timespan, 2), limit(Mobile, LimitWindow::OrderDate, 4)];
    let mut pair = SetProduct { id: "P-PAIR".to_owned(), ..base.clone() };
    pair.rules.order_min = Quantity::new(2);
    let mut coupon = SetProduct { id: "P-COUPON".to_owned(), ..base.clone() };
    coupon.calendar.dates = None;
    coupon.calendar.capacity = Capacity::Limited(Quantity::new(5));
    let off = SetProduct { id: "P-OFF".to_owned(), on_sale: false, ..base.clone() };
    let free = SetProduct { id: "P-FREE".to_owned(), price: Fen::ZERO, ..base.clone() };
    let dear = |id: &str| {
        let mut dear = product(id);
        (dear.price, dear.rebate) = (Fen::new(1_000_000_000), Fen::new(1_000_000_000));
        dear.calendar.capacity = Capacity::Unlimited;
        dear.rules.order_max = Quantity::new(u32::MAX);
        dear
    };
    let area = |id: &str, capacity| AreaDef {
        no: AreaNo::NONE,
        id: id.into(),
        capacity: Quantity::new(capacity),
        seats: None,
        price: Fen::new(38_000),
        list_price: Fen::new(48_000),
    };
    let mut show = SetProduct { supplier: "02".to_owned(), ..product("P-SHOW") };
    show.areas = vec![area("A", 4), area("B", 6)];
    show.scene_prefix = "SC".to_owned();
    show.timespans = vec![TimespanDef {
        no: Timespan::new(1),
        start_minute: 19 * 60 + 30,
        end_minute: 21 * 60 + 30,
    }];
    // Two rows of three seats, an aisle in each; of supplier 01, who has the money.
    let row =
        |label: &str| SeatRow { label: label.into(), first: 0, len: 3, aisles: 0b010, blocked: 0 };
    let rows = vec![row("1"), row("2")];
    let map = SeatMap::new(rows, Numbering::LeftToRight, None).unwrap();
    let mut stage = SetProduct { id: "P-STAGE".to_owned(), ..show.clone() };
    (stage.supplier, stage.scene_prefix) = ("01".to_owned(), "ST".to_owned());
    (stage.price, stage.rules.order_max) = (Fen::new(1000), Quantity::new(6));
    stage.areas = vec![AreaDef { seats: Some(Arc::new(map)), ..area("S", 0) }];
    stage.areas[0].price = Fen::new(1000);
    let mut card = SetProduct { id: "P-CARD".to_owned(), price: Fen::new(3000), ..coupon.clone() };
    (card.uses, card.rebate, card.rebate_at) = (3, Fen::new(300), RebateAt::Redemption);
    let dear = [dear("P-DEAR-1"), dear("P-DEAR-2"), dear("P-DEAR-3")];
    let rest = [adult, child, flash, day, windows, pair, coupon, off, free, show, stage];
    rest.into_iter().chain(dear).chain([card]).collect()
}

/// An untimed product of supplier `01` without limits: ten yuan, 100 places a day for 60 days.
fn product(id: &str) -> SetProduct {
    SetProduct {
        id: id.to_owned(),
        supplier: "01".to_owned(),
        name: id.to_owned(),
        on_sale: true,
        price: Fen::new(1000),
        list_price: Fen::new(2000),
        rebate: Fen::ZERO,
        rebate_at: RebateAt::Payment,
        uses: 1,
        pool: None,
        calendar: Calendar {
            dates: Some((today().plus_days(-10), today().plus_days(59))),
            capacity: Capacity::Limited(Quantity::new(100)),
            allowance: Quantity::ZERO,
            exceptions: Vec::new(),
        },
        timespans: Vec::new(),
        areas: Vec::new(),
        scene_prefix: String::new(),
        rules: Rules {
            order_min: Quantity::ONE,
            order_max: Quantity::new(5),
            document_per_ticket: false,
            horizon_days: 60,
            hold_seconds: 900,
            limits: Vec::new(),
            ..Rules::default()
        },
    }
}

/// A hash without a key, which tests can compute.
pub(crate) struct PlainHasher;

impl IdentityHasher for PlainHasher {
    fn hash(&self, of: Identity<'_>) -> IdentityHash {
        match of {
            Identity::Document(_, text)
            | Identity::DocumentCiphertext(text)
            | Identity::Mobile(text)
            | Identity::MobileCiphertext(text)
            | Identity::OpenId(text) => identity(text),
            Identity::AgentUser(agent, user) => identity(&format!("{agent}/{user}")),
        }
    }
}

/// [`PlainHasher`]'s hash (FNV-1a).
pub(crate) fn identity(text: &str) -> IdentityHash {
    let step = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_01b3);
    IdentityHash::new(text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

/// Full document check, mainland mobiles, four lines.
pub(crate) fn policy() -> AdmissionPolicy {
    AdmissionPolicy {
        identity: IdentityRules {
            sent_as: PersonalText::Clear,
            document: DocumentCheck::Full,
            mobile: MobileCheck::Mainland,
            name_chars_max: 20,
        },
        lines_max: 4,
    }
}

/// A line of a product that asks for nobody.
pub(crate) fn line(product: &str, amount: i64) -> DraftLine {
    DraftLine { product_id: product.to_owned(), amount, ..DraftLine::default() }
}

/// One ticket for the `n`th made-up person.
pub(crate) fn person(product: &str, n: u64) -> DraftLine {
    DraftLine { document: sample::resident_id(n), name: "王小明".to_owned(), ..line(product, 1) }
}

/// An agent's order for today, timespan 1, with a mobile.
pub(crate) fn draft(lines: Vec<DraftLine>) -> Draft {
    Draft {
        channel: Channel::Ota,
        agent: AGENT,
        buyer: DraftBuyer::default(),
        lines,
        date: DraftDate::Day(today()),
        timespan: DraftTimespan::Exactly(Timespan::new(1)),
        scene: DraftScene::default(),
        validity: None,
        mobile: sample::mobile(1),
        document: String::new(),
    }
}

/// An agent's order of so many seats of `P-STAGE` tonight: the best ones, or those that are named.
pub(crate) fn stage_draft(amount: i64, seats: &[&str]) -> Draft {
    let seats: Vec<String> = seats.iter().map(|seat| (*seat).to_owned()).collect();
    let choice = if seats.is_empty() { SeatChoice::Ours } else { SeatChoice::Buyers };
    let scene_id = format!("ST-{}-1930", today().to_compact());
    let mut draft = draft(vec![DraftLine { seats, ..line("P-STAGE", amount) }]);
    let area_id = "S".to_owned();
    draft.scene = DraftScene { scene_id, area_id, choice, ..DraftScene::default() };
    draft.timespan = DraftTimespan::Unset;
    draft
}

/// An agent's order of products not bound to a date, valid for thirty days.
pub(crate) fn open_draft(lines: Vec<DraftLine>) -> Draft {
    let validity = (today().start(OFFSET), today().plus_days(30).start(OFFSET));
    let (date, timespan) = (DraftDate::Missing, DraftTimespan::Unset);
    Draft { date, timespan, validity: Some(validity), ..draft(lines) }
}

/// Admits at nine in the morning.
pub(crate) fn admitted(draft: &Draft) -> Result<Admitted, Rejection> {
    admit(draft, &catalogue(), &policy(), &PlainHasher, morning())
}

/// Numbers and codes counting up; as many codes as were given.
pub(crate) struct CountingIds {
    numbers: Numbers,
    codes: std::ops::Range<u64>,
}

impl CountingIds {
    /// Ids with this many codes.
    pub(crate) fn with_codes(count: u64) -> Self {
        Self { numbers: Numbers::new(SPOT), codes: 0..count }
    }
}

impl IdSource for CountingIds {
    fn next_number(&mut self, now: UnixMillis) -> u64 {
        self.numbers.next(now)
    }
    fn next_code(&mut self) -> Option<(u64, VoucherCode)> {
        self.codes.next().map(|number| (number, VoucherCode::from_number(number).unwrap()))
    }
}

/// A state and what is needed to add to it: the catalogue and a thousand yuan of both kinds.
pub(crate) struct Ledger {
    /// The state.
    pub(crate) state: State,
    /// Every record applied to it.
    pub(crate) records: Vec<Transaction>,
    /// Where ids come from.
    pub(crate) ids: CountingIds,
}

impl Ledger {
    /// The catalogue and the money.
    pub(crate) fn new() -> Self {
        let ids = CountingIds::with_codes(1000);
        let mut ledger = Self { state: State::default(), records: Vec::new(), ids };
        ledger.apply(catalogue_record());
        for balance in [Balance::Prepaid, Balance::Rebate { year: 2026 }] {
            let amount = Fen::new(100_000);
            ledger.apply(Transaction::top_up(morning(), purse(), balance, amount));
        }
        ledger
    }

    /// Applies a record as the next of the log.
    pub(crate) fn apply(&mut self, record: Transaction) {
        let lsn = Lsn::new(self.records.len() as u64 + 1);
        let applied = self.state.apply(lsn, record.clone(), &mut Nowhere);
        applied.unwrap_or_else(|never| match never {});
        self.records.push(record);
        self.state.refresh_capacities();
    }

    /// A fresh number.
    pub(crate) fn next_number(&mut self, now: UnixMillis) -> u64 {
        self.ids.next_number(now)
    }

    /// Sells a draft in timespan 1, whatever stock and money say.
    pub(crate) fn sell(&mut self, key: &str, draft: &Draft) -> OrderId {
        let key = RequestKey::new(key).unwrap();
        let record = with_grant(draft, Some(&key), |granted| {
            Transaction::sell(granted, PREPAID, morning(), &mut self.ids).unwrap()
        });
        self.applied(record)
    }

    /// Places a draft in timespan 1, whatever stock says.
    pub(crate) fn place(&mut self, key: &str, draft: &Draft) -> OrderId {
        let key = RequestKey::new(key).unwrap();
        let record = with_grant(draft, Some(&key), |granted| {
            Transaction::place(granted, morning(), &mut self.ids)
        });
        self.applied(record)
    }

    fn applied(&mut self, record: Transaction) -> OrderId {
        let order = record.order().unwrap();
        self.apply(record);
        order
    }
}

/// Hands `make` the grant of an admitted draft in its first timespan.
pub(crate) fn with_grant<T>(
    draft: &Draft,
    request_key: Option<&RequestKey>,
    make: impl FnOnce(Granted<'_>) -> T,
) -> T {
    let admitted = admitted(draft).unwrap();
    let timespan = admitted.candidates[0];
    let plan = Plan::new(&admitted, timespan, None);
    let private = Sealed { key_id: 1, bytes: Box::new([1, 2, 3]) };
    let (grants, notify) = (&[][..], false);
    let (admitted, plan, private) = (&admitted, &plan, &private);
    make(Granted { admitted, plan, grants, timespan, request_key, private, notify })
}
