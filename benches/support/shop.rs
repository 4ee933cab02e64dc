//! A small shop for benches: one supplier that has plenty of one product on many days.

use piaoku::actors::EngineHandle;
use piaoku::clock::{Clock, SystemClock};
use piaoku::domain::account::{AccountKey, Balance, Holder};
use piaoku::domain::catalogue::{Calendar, CatalogueCommand, RebateAt, Rules, SetProduct};
use piaoku::domain::identity::{
    DocumentCheck, DocumentType, IdentityRules, MobileCheck, PersonalText,
};
use piaoku::domain::inventory::Capacity;
use piaoku::engine::admission::{
    AdmissionPolicy, Admitted, Draft, DraftDate, DraftLine, DraftScene, DraftTimespan,
    IdentityHasher, admit,
};
use piaoku::types::{
    AgentNo, Channel, Fen, IdentityHash, Quantity, Sealed, ServiceDate, SupplierNo,
};

/// The only agent.
pub(crate) const AGENT: AgentNo = AgentNo::new(0);

struct NoPersons;

impl IdentityHasher for NoPersons {
    fn document(&self, _: DocumentType, _: &str) -> IdentityHash {
        IdentityHash::new(0)
    }
    fn mobile(&self, _: &str) -> IdentityHash {
        IdentityHash::new(0)
    }
}

/// Opens the shop: the catalogue for `days` and the money.
pub(crate) async fn open(handle: &EngineHandle, days: i32) {
    handle.change_catalogue(catalogue(today(), days)).await.expect("a catalogue");
    let account = AccountKey { supplier: SupplierNo::new(0), holder: Holder::Agent(AGENT) };
    handle.top_up(account, Balance::Prepaid, Fen::new(10_000_000_000_000)).await.expect("money");
}

fn today() -> ServiceDate {
    ServiceDate::at(SystemClock.now(), 0)
}

fn catalogue(today: ServiceDate, days: i32) -> Vec<CatalogueCommand> {
    let text = |text: &str| text.to_owned();
    vec![
        CatalogueCommand::SetSupplier { id: text("01"), name: text("spot"), utc_offset_seconds: 0 },
        CatalogueCommand::SetAgent {
            id: text("agent"),
            name: text("agent"),
            enabled: true,
            secrets: Sealed::default(),
        },
        CatalogueCommand::SetProduct(Box::new(SetProduct {
            id: text("P"),
            supplier: text("01"),
            name: text("ticket"),
            on_sale: true,
            price: Fen::new(100),
            list_price: Fen::new(100),
            rebate: Fen::ZERO,
            rebate_at: RebateAt::Payment,
            uses: 1,
            pool: None,
            calendar: Calendar {
                dates: Some((today, today.plus_days(days))),
                capacity: Capacity::Limited(Quantity::new(u32::MAX / 2)),
                allowance: Quantity::ZERO,
            },
            timespans: Vec::new(),
            areas: Vec::new(),
            scene_prefix: String::new(),
            rules: Rules {
                order_min: Quantity::ONE,
                order_max: Quantity::ONE,
                document_per_ticket: false,
                horizon_days: 2000,
                hold_seconds: 1800,
                limits: Vec::new(),
                ..Rules::default()
            },
        })),
    ]
}

/// An order of one ticket, `days` ahead.
pub(crate) fn admitted(engine: &EngineHandle, days: i32) -> Admitted {
    let line = DraftLine { product_id: "P".to_owned(), amount: 1, ..DraftLine::default() };
    let draft = Draft {
        channel: Channel::Ota,
        agent: AGENT,
        lines: vec![line],
        date: DraftDate::Day(today().plus_days(days)),
        timespan: DraftTimespan::Unset,
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
