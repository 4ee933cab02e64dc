//! A small shop for benches: one supplier that has plenty of one product on many days.

use piaoku::actors::EngineHandle;
use piaoku::clock::{Clock, SystemClock};
use piaoku::domain::account::{AccountKey, Balance, Holder};
use piaoku::domain::catalogue::{Calendar, CatalogueCommand, RebateAt, Rules, SetProduct};
use piaoku::domain::identity::{DocumentCheck, IdentityRules, MobileCheck, PersonalText};
use piaoku::domain::inventory::Capacity;
use piaoku::engine::admission::{
    AdmissionPolicy, Admitted, Draft, DraftBuyer, DraftDate, DraftLine, DraftScene, DraftTimespan,
    Identity, IdentityHasher, admit,
};
use piaoku::types::{
    AgentNo, Channel, Fen, IdentityHash, Quantity, Sealed, ServiceDate, SupplierNo,
};

/// The only agent.
pub(crate) const AGENT: AgentNo = AgentNo::new(0);

struct NoPersons;

impl IdentityHasher for NoPersons {
    fn hash(&self, _: Identity<'_>) -> IdentityHash {
        IdentityHash::new(0)
    }
}

/// Places enough for any bench.
pub(crate) const PLENTY: u32 = u32::MAX / 2;

/// Opens the shop: the catalogue for `days` and the money.
pub(crate) async fn open(handle: &EngineHandle, days: i32) {
    open_with(handle, days, PLENTY).await;
}

/// Opens the shop with so many places a day.
pub(crate) async fn open_with(handle: &EngineHandle, days: i32, places: u32) {
    let mut product = product("P", "01", (today(), today().plus_days(days)));
    product.calendar.capacity = Capacity::Limited(Quantity::new(places));
    let product = CatalogueCommand::SetProduct(Box::new(product));
    let commands = vec![supplier("01"), agent(), product];
    handle.change_catalogue(commands).await.expect("a catalogue");
    top_up(handle, SupplierNo::new(0)).await;
}

/// Gives the agent plenty of money with a supplier.
pub(super) async fn top_up(handle: &EngineHandle, supplier: SupplierNo) {
    let account = AccountKey { supplier, holder: Holder::Agent(AGENT) };
    handle.top_up(account, Balance::Prepaid, Fen::new(10_000_000_000_000)).await.expect("money");
}

/// The first day anything is sold for.
pub(super) fn today() -> ServiceDate {
    ServiceDate::at(SystemClock.now(), 0)
}

/// A supplier by its id.
pub(super) fn supplier(id: &str) -> CatalogueCommand {
    let (id, name) = (id.to_owned(), "spot".to_owned());
    CatalogueCommand::SetSupplier { id, name, utc_offset_seconds: 0 }
}

/// The agent.
pub(super) fn agent() -> CatalogueCommand {
    let (id, name) = ("agent".to_owned(), "agent".to_owned());
    CatalogueCommand::SetAgent { id, name, enabled: true, secrets: Sealed::default() }
}

/// A product of which there is plenty between two days.
pub(super) fn product(id: &str, supplier: &str, dates: (ServiceDate, ServiceDate)) -> SetProduct {
    SetProduct {
        id: id.to_owned(),
        supplier: supplier.to_owned(),
        name: "ticket".to_owned(),
        on_sale: true,
        price: Fen::new(100),
        list_price: Fen::new(100),
        rebate: Fen::ZERO,
        rebate_at: RebateAt::Payment,
        uses: 1,
        pool: None,
        calendar: Calendar {
            dates: Some(dates),
            capacity: Capacity::Limited(Quantity::new(PLENTY)),
            allowance: Quantity::ZERO,
            exceptions: Vec::new(),
        },
        timespans: Vec::new(),
        areas: Vec::new(),
        scene_prefix: String::new(),
        rules: Rules {
            order_min: Quantity::ONE,
            order_max: Quantity::new(2),
            document_per_ticket: false,
            horizon_days: 2500,
            hold_seconds: 1800,
            limits: Vec::new(),
            ..Rules::default()
        },
    }
}

/// An order of one ticket, `days` ahead.
pub(crate) fn admitted(engine: &EngineHandle, days: i32) -> Admitted {
    admitted_of(engine, 1, days)
}

/// An order of so many tickets, `days` ahead.
pub(crate) fn admitted_of(engine: &EngineHandle, tickets: i64, days: i32) -> Admitted {
    admit_line(engine, "P", tickets, today().plus_days(days), DraftTimespan::Unset)
}

/// An order of one product as the engine takes it.
pub(super) fn admit_line(
    engine: &EngineHandle,
    product: &str,
    tickets: i64,
    day: ServiceDate,
    timespan: DraftTimespan,
) -> Admitted {
    let product_id = product.to_owned();
    let line = DraftLine { product_id, amount: tickets, ..DraftLine::default() };
    let draft = Draft {
        channel: Channel::Ota,
        agent: AGENT,
        buyer: DraftBuyer::default(),
        lines: vec![line],
        date: DraftDate::Day(day),
        timespan,
        scene: DraftScene::default(),
        validity: None,
        mobile: String::new(),
        document: String::new(),
    };
    let identity = IdentityRules {
        sent_as: PersonalText::Clear,
        document: DocumentCheck::Off,
        mobile: MobileCheck::Off,
        name_chars_max: 32,
    };
    let policy = AdmissionPolicy { identity, lines_max: 1 };
    admit(&draft, &engine.catalogue(), &policy, &NoPersons, engine.now()).expect("it is on sale")
}
