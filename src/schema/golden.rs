//! Values of every kind as version 2 writes them, see `tests/golden/schema/README.md`.

use std::fmt::{Debug, Write};
use std::path::PathBuf;
use std::sync::Arc;

use smallvec::smallvec;

use super::*;
use crate::domain::account::{
    AccountKey, AccountNote, Balance, Booked, BookingKind, Holder, Posting, PostingKind, Standing,
};
use crate::domain::catalogue::{
    Agent, AreaDef, Booking, Calendar, CalendarException, CallbackFormat, CallbackMethod,
    CallbackSettings, CatalogueEvent, Channels, ConditionSet, DouyinClient, DouyinSku, Fee,
    FeeTier, Forbidden, LimitRule, LimitScope, LimitWindow, Pattern, Pool as PoolDef, Product,
    RebateAt, RefundRule, Rules, Season, Supplier, TimespanDef, TopApp, Weekdays,
};
use crate::domain::identity::{DocumentType, Sex};
use crate::domain::inventory::{AreaEvent, Capacity, PoolKey, SlotEvent, Stock, StockEvent};
use crate::domain::limits::{Count, CounterEvent, Counters, LimitKey, WindowInstance};
use crate::domain::order::{
    CloseReason, CounterHome, Notice, NoticeKind, NoticeOutcome, OrderEvent, OrderLine,
    OrderPlaced, Redemption, Refund, RefundedTicket, Reversal, TakenCount, Ticket, TicketUses,
};
use crate::domain::seats::{Focal, Numbering, SeatMap, SeatRow, Seating};
use crate::domain::voucher::VoucherEvent;
use crate::engine::operator::Operator;
use crate::engine::transaction::Event;
use crate::types::{
    AgentNo, AreaNo, Channel, Fen, IdentityHash, LineId, Lsn, OrderId, PoolNo, ProductNo, Quantity,
    RequestKey, RuleNo, Sealed, SeatNo, ServiceDate, SlotKey, SupplierNo, TicketId, Timespan,
    UnixMillis, VoucherCode,
};

/// Bytes on one line of a file.
const LINE_BYTES: usize = 32;
/// 2026-11-21 10:00 at GMT+8.
const NOW: UnixMillis = UnixMillis::new(1_795_226_400_000);
const DATE: ServiceDate = ServiceDate::from_days(20_779);
const ORDER: OrderId = OrderId::new(2_173_896_000_001_000_001);
const ADULT: ProductNo = ProductNo::new(0);
const SLOT: SlotKey = SlotKey { product: ADULT, date: Some(DATE), timespan: Timespan::new(1) };
const OPEN: SlotKey = SlotKey { product: ProductNo::new(4), date: None, timespan: Timespan::NONE };
const POOL: PoolKey =
    PoolKey { pool: PoolNo::new(0), date: Some(DATE), timespan: Timespan::new(1) };
const HOUSE: AccountKey = AccountKey { supplier: SupplierNo::new(0), holder: Holder::House };
const AGENT: AccountKey =
    AccountKey { supplier: SupplierNo::new(0), holder: Holder::Agent(AgentNo::new(1)) };

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/golden/schema/v2", &format!("{name}.hex")].iter().collect()
}

fn read(name: &str) -> Vec<u8> {
    let path = path(name);
    let text = std::fs::read_to_string(&path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

/// The file is read as `value` and `value` is written as the file.
fn check<T, F: PartialEq + Debug>(
    name: &str,
    value: &T,
    encode: fn(&T, &mut Vec<u8>),
    decode: fn(&[u8]) -> Result<T, SchemaError>,
    facts: impl Fn(&T) -> F,
) {
    let mut bytes = Vec::new();
    encode(value, &mut bytes);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let mut text = String::new();
        for line in bytes.chunks(LINE_BYTES) {
            writeln!(text, "{}", hex::encode(line)).unwrap();
        }
        std::fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        std::fs::write(path(name), text).unwrap();
    }
    let stored = read(name);
    let value_read = decode(&stored).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(facts(&value_read), facts(value), "{name}");
    assert_eq!(hex::encode(&bytes), hex::encode(&stored), "{name}");
}

#[test]
fn records_are_read_and_written_as_their_files() {
    let check = |name: &str, supplier: Option<u16>, events: Vec<Event>| {
        let supplier = supplier.map(SupplierNo::new);
        let transaction = Transaction { at: NOW, supplier, events };
        check(name, &transaction, encode_transaction, decode_transaction, Clone::clone);
    };
    check("record-catalogue", None, catalogue_events().map(Event::Catalogue).to_vec());
    check("record-top-up", Some(0), top_up());
    check("record-credit", Some(0), credit());
    check("record-sold", Some(0), sold());
    check("record-held", Some(0), held());
    check("record-paid", Some(0), paid());
    check("record-cancelled", Some(0), closed(CloseReason::Cancelled));
    check("record-expired", Some(0), closed(CloseReason::Expired));
    check("record-after-sale", Some(0), after_sale());
    check("record-adjusted", Some(0), adjusted());
    check("record-closed-slot", Some(0), shut());
}

#[test]
fn entities_are_read_and_written_as_their_files() {
    let stock = |held: u32, sold: u32| {
        let (held, sold) = (Quantity::new(held), Quantity::new(sold));
        Stock::restored(Capacity::Unlimited, Quantity::ZERO, held, sold)
    };
    let counters = || Counters::restored([count(0, 1, 1), count(1, 2, 300)]);
    let areas = smallvec![(AreaNo::new(2), stock(1, 600)), (AreaNo::new(1), stock(0, 0))];
    let seats = |numbers: [u16; 2]| numbers.map(SeatNo::new);
    let seating = Seating::restored(&seats([0, 65_535]), &seats([1, 128])).unwrap();
    let slot = Slot::new(areas, counters()).with_seatings(vec![(AreaNo::new(2), seating)]);
    let facts = |slot: &Slot| {
        let taken = (slot.areas().to_vec(), slot.seatings().to_vec());
        (taken, slot.counters().counts(), slot.is_open())
    };
    check("entity-slot", &slot, encode_slot, decode_slot, facts);
    check("entity-slot-closed", &slot.clone().with_open(false), encode_slot, decode_slot, facts);
    let pool = Pool::new(stock(3, 497).adjusted(Quantity::new(20), Quantity::new(5)));
    check("entity-pool", &pool, encode_pool, decode_pool, |pool| *pool.stock());
    let limit = LimitShard::new(counters());
    check("entity-limit", &limit, encode_limit, decode_limit, |it| it.counters().counts());
    let gone = Count { amount: Quantity::ZERO, ..count(1, 2, 1) };
    let counts = vec![count(0, 1, 2), gone];
    let run = Run { after: Lsn::new(300), state: limit.clone(), counts: counts.clone() };
    check("entity-limit-run", &run, encode_limit_run, decode_limit_run, |run| {
        (run.after, run.counts.clone())
    });
    let run = Run { after: Lsn::ZERO, state: slot.without_counters(), counts };
    check("entity-slot-run", &run, encode_slot_run, decode_slot_run, |run| {
        (run.after, facts(&run.state), run.counts.clone())
    });
    let rebate = Balance::Rebate { year: 2026 };
    let standings =
        [(Balance::Prepaid, 30_001, 30_000), (rebate, 600, 0), (Balance::Receivable, 0, 12_000)];
    let standings = standings.map(|(balance, recharged, consumed)| {
        let (recharged, consumed) = (Fen::new(recharged), Fen::new(consumed));
        Standing { balance, recharged, consumed }
    });
    let booked = Booked {
        reference: RequestKey::new("BANK-20261121-7").unwrap(),
        kind: BookingKind::Adjustment,
        balance: Balance::Prepaid,
        amount: Fen::new(-1),
    };
    let account = Account::restored(standings, Fen::new(500_000), [booked]);
    check("entity-account", &account, encode_account, decode_account, |account| {
        (account.standings().to_vec(), account.credit(), account.booked().to_vec())
    });
    let code = VoucherCode::from_number(16_569_843_362).unwrap();
    let voucher = Voucher { uses: 3, ..voucher(code) };
    check("entity-voucher", &voucher, encode_voucher, decode_voucher, |voucher| *voucher);

    let order = Order::placed(placed(Some("20261121-0001"), Channel::Ota, SLOT));
    check("entity-order-held", &order, encode_order, decode_order, Clone::clone);
    for (name, event) in [
        ("entity-order-paid", payment(Balance::Prepaid)),
        ("entity-order-cancelled", closing(CloseReason::Cancelled)),
        ("entity-order-expired", closing(CloseReason::Expired)),
        ("entity-order-refunded", refund()),
        ("entity-order-used", redemption()),
    ] {
        let mut order = order.clone();
        if matches!(event, OrderEvent::Refunded { .. } | OrderEvent::Redeemed { .. }) {
            order.apply(&payment(Balance::Prepaid));
        }
        order.apply(&event);
        check(name, &order, encode_order, decode_order, Clone::clone);
    }

    let mut catalogue = Catalogue::default();
    catalogue_events().iter().for_each(|event| catalogue.apply(event));
    check("entity-catalogue", &catalogue, encode_catalogue, decode_catalogue, Catalogue::events);
}

/// Keys have no files: these lines are the format.
#[test]
fn keys_are_written_as_ever() {
    let check = |key: &[u8], expected: &str| assert_eq!(hex::encode(key), expected);
    let limit = |window| limit_key(LimitKey { product: ProductNo::new(7), window, shard: 63 });
    check(&slot_key(SLOT), "00000000018000512b01");
    check(&slot_key(OPEN), "00000004000000000000");
    check(&pool_key(POOL), "00000000018000512b01");
    check(&limit(WindowInstance::VisitDate(DATE)), "00000007008000512b3f");
    check(&limit(WindowInstance::OrderDate(DATE)), "00000007018000512b3f");
    check(&limit(WindowInstance::Lifetime), "0000000702000000003f");
    check(&limit(WindowInstance::Week(DATE)), "00000007038000512b3f");
    check(&limit(WindowInstance::Month(DATE)), "00000007048000512b3f");
    check(&limit(WindowInstance::Rolling), "0000000705000000003f");
    check(&account_key(HOUSE), "00000000000000");
    check(&account_key(AGENT), "00000100000001");
    check(&order_key(ORDER), "1e2b3ae4eab3c241");
    let code = VoucherCode::from_number(999_999_999_999).unwrap();
    check(&voucher_key(code), "000000e8d4a50fff");
}

/// The size that the journal is planned with: an adult's ticket with its personal data sealed.
#[test]
fn a_one_ticket_order_is_small() {
    let transaction = Transaction { at: NOW, supplier: Some(SupplierNo::new(0)), events: sold() };
    let mut bytes = Vec::new();
    encode_transaction(&transaction, &mut bytes);
    assert!(bytes.len() - sealed().bytes.len() < 370, "{} bytes", bytes.len());
}

fn sealed() -> Sealed {
    Sealed { key_id: 1, bytes: (0..120).collect() }
}

fn count(rule: u8, identity: u128, amount: u32) -> Count {
    // The rules whose number ends in 6 are those of rolling windows.
    let day = (rule % 16 == 6).then_some(DATE);
    let identity =
        IdentityHash::new(identity.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    Count { rule: RuleNo::new(rule), identity, amount: Quantity::new(amount), day }
}

fn visit_date() -> LimitKey {
    LimitKey { product: ADULT, window: WindowInstance::VisitDate(DATE), shard: 0 }
}

fn placed(request_key: Option<&str>, channel: Channel, slot: SlotKey) -> OrderPlaced {
    let home = CounterHome::Shard(visit_date());
    OrderPlaced {
        id: ORDER,
        supplier: SupplierNo::new(0),
        agent: AgentNo::new(1),
        channel,
        request_key: request_key.map(|text| RequestKey::new(text).unwrap()),
        placed_at: NOW,
        expires_at: NOW.plus_millis(900_000),
        lines: vec![OrderLine {
            id: LineId::new(ORDER.get() + 1),
            product: slot.product,
            product_name: "云山景区成人票".into(),
            slot,
            area: AreaNo::NONE,
            pool: slot.date.map(|_| POOL.pool),
            quantity: Quantity::ONE,
            unit_price: Fen::new(12_000),
            list_price: Fen::new(15_000),
            unit_rebate: Fen::new(600),
            rebate_at: RebateAt::Payment,
            uses: 1,
            seats: vec![],
            valid_from: DATE.start(28_800),
            valid_until: DATE.plus_days(1).start(28_800),
        }],
        counts: vec![
            TakenCount { line: 0, home, count: count(0, 1, 1) },
            TakenCount { line: 0, home, count: count(1, 2, 1) },
        ],
        private: sealed(),
        total: Fen::new(12_000),
    }
}

fn ticket() -> Ticket {
    let code = VoucherCode::from_number(523_162_942_005).unwrap();
    Ticket {
        id: TicketId::new(ORDER.get() + 2),
        line: 0,
        code,
        used: 0,
        refunded: false,
        rebate_year: Some(2026),
    }
}

fn voucher(code: VoucherCode) -> Voucher {
    Voucher {
        code,
        ticket: ticket().id,
        order: ORDER,
        product: ADULT,
        uses: 1,
        valid_from: DATE.start(28_800),
        valid_until: DATE.plus_days(1).start(28_800),
    }
}

fn payment(from: Balance) -> OrderEvent {
    OrderEvent::Paid { order: ORDER, at: NOW, from, tickets: vec![ticket()] }
}

fn closing(reason: CloseReason) -> OrderEvent {
    OrderEvent::Closed { order: ORDER, at: NOW.plus_millis(1), reason }
}

fn refund() -> OrderEvent {
    let refund = Refund {
        batch: 20_261_121_110_000_000,
        request: Some(RequestKey::new("T-1").unwrap()),
        at: NOW.plus_millis(2),
        tickets: smallvec![RefundedTicket { ticket: 0, fee: Fen::new(1200) }],
        amount: Fen::new(12_000),
        fee: Fen::new(1200),
        rebate: Fen::new(600),
        withheld: Fen::new(100),
    };
    OrderEvent::Refunded { order: ORDER, refund: Box::new(refund) }
}

fn redemption() -> OrderEvent {
    let redemption = Redemption {
        no: ORDER.get() + 3,
        by: "gate/north".into(),
        request: RequestKey::new("G-1").unwrap(),
        uses: smallvec![TicketUses { ticket: 0, uses: 1 }],
        at: NOW.plus_millis(2),
        reversed: None,
    };
    let redemption = Box::new(redemption);
    OrderEvent::Redeemed { order: ORDER, redemption, rebate_year: Some(2026) }
}

/// What may happen to an order after it was paid, one event of each kind.
fn after_sale() -> Vec<Event> {
    let order = ORDER;
    let (by, request, at) = ("gate/north".into(), RequestKey::new("G-2").unwrap(), NOW);
    let reversal = Box::new(Reversal { by, request, at });
    let notice = Notice { no: 1, kind: NoticeKind::Consumed, at, about: ORDER.get() + 3 };
    let (no, outcome) = (1, NoticeOutcome::Delivered);
    vec![
        Event::Order(OrderEvent::Extended { order, at, expires_at: at.plus_millis(1) }),
        Event::Order(redemption()),
        Event::Order(OrderEvent::Reversed { order, redemption: ORDER.get() + 3, reversal }),
        Event::Order(OrderEvent::NoticeQueued { order, notice }),
        Event::Order(OrderEvent::NoticeSettled { order, no, at, outcome }),
        Event::Order(refund()),
        slot_event(SLOT, StockEvent::Returned(Quantity::ONE), CounterEvent::default()),
        moved(HOUSE, Balance::Fees, PostingKind::Fee, 1200),
    ]
}

fn slot_event(slot: SlotKey, stock: StockEvent, counters: CounterEvent) -> Event {
    let areas = smallvec![AreaEvent { area: AreaNo::NONE, stock, seats: Default::default() }];
    Event::Slot(slot, SlotEvent { areas, counters, open: None })
}

fn moved(account: AccountKey, balance: Balance, kind: PostingKind, fen: i64) -> Event {
    Event::Account(account, smallvec![Posting { balance, kind, amount: Fen::new(fen) }])
}

fn top_up() -> Vec<Event> {
    let kind = PostingKind::TopUp;
    let booked = Booked {
        reference: RequestKey::new("BANK-20261121-7").unwrap(),
        kind: BookingKind::TopUp,
        balance: Balance::Prepaid,
        amount: Fen::new(100_000_000_000),
    };
    vec![
        moved(AGENT, Balance::Prepaid, kind, 100_000_000_000),
        moved(HOUSE, Balance::Funding, kind, -100_000_000_000),
        Event::AccountNote(AGENT, AccountNote::Booked(booked)),
    ]
}

fn credit() -> Vec<Event> {
    vec![Event::AccountNote(AGENT, AccountNote::CreditSet(Fen::new(500_000)))]
}

/// An adult's ticket, placed and paid from rebate at once.
fn sold() -> Vec<Event> {
    let rebate = Balance::Rebate { year: 2026 };
    let posting = |balance, kind, fen: i64| Posting { balance, kind, amount: Fen::new(fen) };
    let (sale, earned) = (PostingKind::Sale, PostingKind::Rebate);
    vec![
        Event::Order(OrderEvent::Placed(Box::new(placed(
            Some("20261121100000000001"),
            Channel::Ota,
            SLOT,
        )))),
        slot_event(SLOT, StockEvent::Sold(Quantity::ONE), CounterEvent::default()),
        Event::Pool(POOL, StockEvent::Sold(Quantity::ONE)),
        Event::Limit(
            visit_date(),
            CounterEvent::Counted(smallvec![count(0, 1, 1), count(1, 2, 1)]),
        ),
        Event::Voucher(VoucherEvent::Issued(voucher(ticket().code))),
        Event::Account(
            AGENT,
            smallvec![posting(rebate, sale, -12_000), posting(rebate, earned, 600)],
        ),
        Event::Account(
            HOUSE,
            smallvec![
                posting(Balance::Sales, sale, 12_000),
                posting(Balance::RebateGranted, earned, -600)
            ],
        ),
        Event::Order(payment(rebate)),
    ]
}

/// A ticket that is not bound to a date and is not paid yet, from a caller without a number.
fn held() -> Vec<Event> {
    let one = Quantity::ONE;
    let window = WindowInstance::Lifetime;
    let limit = LimitKey { product: OPEN.product, window, shard: 63 };
    vec![
        Event::Order(OrderEvent::Placed(Box::new(placed(None, Channel::Console, OPEN)))),
        slot_event(OPEN, StockEvent::Held(one), CounterEvent::Counted(smallvec![count(2, 3, 5)])),
        Event::Limit(limit, CounterEvent::Counted(smallvec![count(3, 4, 1)])),
    ]
}

fn paid() -> Vec<Event> {
    vec![
        slot_event(SLOT, StockEvent::Confirmed(Quantity::ONE), CounterEvent::default()),
        Event::Pool(POOL, StockEvent::Confirmed(Quantity::ONE)),
        moved(AGENT, Balance::Receivable, PostingKind::Sale, -12_000),
        moved(HOUSE, Balance::Sales, PostingKind::Sale, 12_000),
        Event::Order(payment(Balance::Receivable)),
    ]
}

fn closed(reason: CloseReason) -> Vec<Event> {
    let one = Quantity::ONE;
    let window = WindowInstance::OrderDate(DATE);
    let limit = LimitKey { product: ADULT, window, shard: 15 };
    vec![
        Event::Order(closing(reason)),
        slot_event(
            SLOT,
            StockEvent::Released(one),
            CounterEvent::Returned(smallvec![count(0, 1, 1), count(1, 2, 1), count(2, 3, 1)]),
        ),
        Event::Pool(POOL, StockEvent::Released(one)),
        Event::Limit(limit, CounterEvent::Returned(smallvec![count(3, 4, 1)])),
    ]
}

/// An operator takes places off sale and gives a pool more.
fn adjusted() -> Vec<Event> {
    let places = Quantity::new(20);
    vec![
        slot_event(SLOT, StockEvent::Withdrawn(places), CounterEvent::default()),
        Event::Pool(POOL, StockEvent::Added(places)),
        operator("屋顶检修"),
    ]
}

/// An operator closes a slot.
fn shut() -> Vec<Event> {
    let closed = SlotEvent { open: Some(false), ..SlotEvent::default() };
    vec![Event::Slot(SLOT, closed), operator("storm warning")]
}

fn operator(reason: &str) -> Event {
    Event::Operator(Operator::new("ops/wang", reason).unwrap())
}

/// One entry of each kind, and with them every part that an entry may have or lack.
fn catalogue_events() -> [CatalogueEvent; 10] {
    let rule = |scope, window| LimitRule::new(scope, window, Quantity::new(5));
    let timed = Product {
        no: ADULT,
        id: "P-ADULT".into(),
        supplier: SupplierNo::new(0),
        name: "云山景区成人票".into(),
        on_sale: true,
        price: Fen::new(12_000),
        list_price: Fen::new(15_000),
        rebate: Fen::new(600),
        rebate_at: RebateAt::Redemption,
        uses: 3,
        pool: Some(POOL.pool),
        calendar: Calendar {
            dates: Some((DATE, DATE.plus_days(59))),
            capacity: Capacity::Limited(Quantity::new(500)),
            allowance: Quantity::new(10),
            exceptions: vec![
                CalendarException::on(DATE, DATE.plus_days(1)),
                CalendarException {
                    weekdays: Weekdays::from_bits(0b110_0000).unwrap(),
                    timespans: vec![Timespan::new(2)],
                    area: Some("A".into()),
                    closed: Some(true),
                    capacity: Some(Capacity::Unlimited),
                    allowance: Some(Quantity::new(1)),
                    price: Some(Fen::new(20_000)),
                    list_price: Some(Fen::new(25_000)),
                    ..CalendarException::on(DATE, DATE)
                },
            ],
        },
        timespans: vec![
            TimespanDef { no: Timespan::new(1), start_minute: 480, end_minute: 660 },
            TimespanDef { no: Timespan::new(2), start_minute: 660, end_minute: 840 },
        ],
        areas: Vec::new(),
        scene_prefix: "".into(),
        rules: Rules {
            order_min: Quantity::ONE,
            order_max: Quantity::new(5),
            document_per_ticket: true,
            unique_documents: true,
            channels: Channels::of([Channel::Ota, Channel::Douyin]),
            booking: Booking {
                sale_start: Some(UnixMillis::new(1_795_280_712_000)),
                sale_end: None,
                lead_days: 1,
                lead_hours: 2,
                cut_off_minute: Some(1020),
                same_day: false,
                season: Some(Season { first: 1101, last: 331, inverted: true }),
                weekdays: Weekdays::from_bits(0b001_1111).unwrap(),
                blackouts: vec![(DATE, DATE.plus_days(6))],
            },
            horizon_days: 60,
            hold_seconds: 900,
            limits: vec![
                rule(LimitScope::Document, LimitWindow::VisitDate),
                rule(LimitScope::Mobile, LimitWindow::Timespan),
                rule(LimitScope::Mobile, LimitWindow::OrderDate),
                rule(LimitScope::Document, LimitWindow::Lifetime),
                rule(LimitScope::AgentUser, LimitWindow::Week),
                rule(LimitScope::OpenId, LimitWindow::Month),
                rule(LimitScope::Everyone, LimitWindow::Rolling { days: 366 }),
                LimitRule {
                    channel: Some(Channel::Douyin),
                    ..rule(LimitScope::Channel, LimitWindow::OrderDate)
                },
                LimitRule {
                    agent: Some("demo-agent".into()),
                    ..rule(LimitScope::Agent, LimitWindow::Timespan)
                },
            ],
            conditions: vec![
                ConditionSet::default(),
                ConditionSet {
                    kinds: vec![DocumentType::ResidentId, DocumentType::Other],
                    prefixes: vec!["11".into()],
                    regions: vec!["1101".into(), "82".into()],
                    age_from: Some(6),
                    age_to: Some(60),
                    sex: Some(Sex::Female),
                    must_match: Some(Pattern::new("^11").unwrap()),
                    must_not_match: Some(Forbidden {
                        pattern: Pattern::new("X$").unwrap(),
                        text: "不支持该证件".into(),
                    }),
                },
            ],
            refund: RefundRule {
                tiers: vec![
                    FeeTier { hours_before: 24, fee: Fee::Fixed(Fen::new(500)) },
                    FeeTier { hours_before: -1, fee: Fee::Percent(2_000) },
                ],
            },
        },
    };
    let show = Product {
        no: ProductNo::new(1),
        id: "P-SHOW".into(),
        on_sale: false,
        pool: None,
        calendar: Calendar {
            dates: None,
            capacity: Capacity::Unlimited,
            allowance: Quantity::ZERO,
            exceptions: Vec::new(),
        },
        areas: vec![AreaDef {
            no: AreaNo::new(1),
            id: "A".into(),
            capacity: Quantity::new(3),
            seats: Some(Arc::new(seat_map())),
            price: Fen::new(38_000),
            list_price: Fen::new(48_000),
        }],
        rebate_at: RebateAt::Payment,
        uses: 1,
        scene_prefix: "SC".into(),
        rules: Rules {
            document_per_ticket: false,
            booking: Booking::default(),
            limits: Vec::new(),
            conditions: Vec::new(),
            refund: RefundRule { tiers: Vec::new() },
            ..timed.rules.clone()
        },
        ..timed.clone()
    };
    let sku = |sku_id: &str, timespan| {
        let (sku_id, product) = (sku_id.into(), ADULT);
        CatalogueEvent::DouyinSkuSet(Arc::new(DouyinSku { sku_id, product, timespan }))
    };
    [
        CatalogueEvent::SupplierSet(Arc::new(Supplier {
            no: SupplierNo::new(0),
            id: "01".into(),
            name: "云山景区".into(),
            utc_offset_seconds: 28_800,
        })),
        CatalogueEvent::PoolSet(Arc::new(PoolDef {
            no: POOL.pool,
            id: "POOL-GATE".into(),
            supplier: SupplierNo::new(0),
            capacity: Capacity::Limited(Quantity::new(500)),
            allowance: Quantity::new(3),
        })),
        CatalogueEvent::ProductSet(Arc::new(timed)),
        CatalogueEvent::ProductSet(Arc::new(show)),
        CatalogueEvent::AgentSet(Arc::new(Agent {
            no: AgentNo::new(0),
            id: "demo-agent".into(),
            name: "演示代理商".into(),
            enabled: true,
            secrets: sealed(),
            callback: None,
        })),
        CatalogueEvent::AgentSet(Arc::new(Agent {
            no: AgentNo::new(1),
            id: "called-agent".into(),
            name: "回调代理商".into(),
            enabled: true,
            secrets: Sealed::default(),
            callback: Some(CallbackSettings {
                url: "https://agent.example/callback".into(),
                official_sms: true,
                format: CallbackFormat::Json,
                method: CallbackMethod::Get,
            }),
        })),
        CatalogueEvent::DouyinClientSet(Arc::new(DouyinClient {
            client_key: "awdemo0000000001".into(),
            secret: sealed(),
            agent: AgentNo::new(0),
        })),
        sku("7000000000000000001", None),
        sku("7000000000000000002", Some(Timespan::new(2))),
        CatalogueEvent::TopAppSet(Arc::new(TopApp {
            app_key: "12345678".into(),
            secret: Sealed::default(),
            shops: vec!["2017112100077000000046517463".into()],
        })),
    ]
}

/// Two rows of two seats with an aisle, one seat blocked.
fn seat_map() -> SeatMap {
    let row = |label: &str, blocked| SeatRow {
        label: label.into(),
        first: 1,
        len: 2,
        aisles: 2,
        blocked,
    };
    let focal = Focal { row: 1, half: 3 };
    SeatMap::new(vec![row("1", 0), row("2", 4)], Numbering::OddEven, Some(focal)).unwrap()
}
