//! What a product's rules cost: from a request as decoded to "every slot and limit would grant it",
//! which is all of Verify but its two thread hops.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hashbrown::HashMap;
use piaoku::domain::catalogue::{
    Booking, Calendar, CalendarException, Catalogue, CatalogueCommand, Channels, ConditionSet,
    Forbidden, LimitRule, LimitScope, LimitWindow, Pattern, RebateAt, Rules, Season, SetProduct,
    TimespanDef, Weekdays,
};
use piaoku::domain::identity::{
    DocumentCheck, DocumentType, IdentityRules, MobileCheck, PersonalText, sample,
};
use piaoku::domain::inventory::{Capacity, Slot, Stock};
use piaoku::domain::limits::{Count, Counters, LimitKey, LimitShard};
use piaoku::engine::admission::{
    AdmissionPolicy, Admitted, Draft, DraftBuyer, DraftDate, DraftLine, DraftScene, DraftTimespan,
    Identity, IdentityHasher, admit,
};
use piaoku::engine::plan::{Ask, ParticipantKey, Plan};
use piaoku::types::{
    AgentNo, Channel, Fen, IdentityHash, Quantity, Sealed, ServiceDate, SlotKey, Timespan,
    UnixMillis,
};

/// People who ask in turn.
const PERSONS: u64 = 1000;
/// Exceptions of the calendar that has any: every weekend of a year and then some.
const EXCEPTIONS: i32 = 100;

/// Nine in the morning of 21 November 2026 in Shanghai.
const NOW: UnixMillis = UnixMillis::from_secs(1_795_222_800);
const OFFSET: i32 = 8 * 3600;

/// As cheap as a hash can be, so that the rules are measured and not the hash.
struct PlainHasher;

impl IdentityHasher for PlainHasher {
    fn hash(&self, identity: Identity<'_>) -> IdentityHash {
        let text = match identity {
            Identity::Document(_, text)
            | Identity::DocumentCiphertext(text)
            | Identity::Mobile(text)
            | Identity::MobileCiphertext(text)
            | Identity::OpenId(text) => text,
            Identity::AgentUser(_, user) => return IdentityHash::new(u128::from(user as u64)),
        };
        let step = |hash: u128, byte: u8| hash.wrapping_mul(257) ^ u128::from(byte);
        IdentityHash::new(text.bytes().fold(1, step))
    }
}

fn today() -> ServiceDate {
    ServiceDate::at(NOW, OFFSET)
}

/// Every rule there is, none of which refuses.
fn all_on() -> Rules {
    let limit = |scope, window| LimitRule::new(scope, window, Quantity::new(u32::MAX));
    let pattern = |text: &str| Pattern::new(text).expect("a pattern of this bench");
    Rules {
        document_per_ticket: true,
        unique_documents: true,
        channels: Channels::of([Channel::Ota, Channel::Douyin]),
        booking: Booking {
            sale_start: Some(NOW.plus_millis(-1)),
            sale_end: Some(NOW.plus_millis(1)),
            lead_days: 1,
            lead_hours: 2,
            cut_off_minute: Some(17 * 60),
            same_day: false,
            season: Some(Season { first: 1101, last: 331, inverted: false }),
            weekdays: Weekdays::from_bits(0b111_1110).expect("six weekdays"),
            blackouts: (30..40).map(|n| (today().plus_days(n), today().plus_days(n))).collect(),
        },
        limits: vec![
            limit(LimitScope::Document, LimitWindow::VisitDate),
            limit(LimitScope::Document, LimitWindow::Rolling { days: 30 }),
            limit(LimitScope::Mobile, LimitWindow::Timespan),
            limit(LimitScope::Mobile, LimitWindow::Month),
            limit(LimitScope::Agent, LimitWindow::VisitDate),
            LimitRule {
                agent: Some("agent".into()),
                ..limit(LimitScope::Agent, LimitWindow::VisitDate)
            },
            limit(LimitScope::AgentUser, LimitWindow::Week),
            LimitRule {
                channel: Some(Channel::Ota),
                ..limit(LimitScope::Channel, LimitWindow::OrderDate)
            },
            limit(LimitScope::Everyone, LimitWindow::Lifetime),
        ],
        conditions: vec![
            ConditionSet { kinds: vec![DocumentType::Passport], ..ConditionSet::default() },
            ConditionSet {
                kinds: vec![DocumentType::ResidentId],
                regions: (10..83).map(|n: u32| n.to_string().into()).collect(),
                age_from: Some(1),
                age_to: Some(199),
                must_match: Some(pattern(r"^\d{17}[\dX]$")),
                must_not_match: Some(Forbidden { pattern: pattern("^0"), text: "不行".into() }),
                ..ConditionSet::default()
            },
        ],
        ..Rules::default()
    }
}

fn catalogue(rules: Rules, exceptions: i32) -> Catalogue {
    let text = |text: &str| text.to_owned();
    let exception = |n: i32| CalendarException {
        price: Some(Fen::new(200)),
        ..CalendarException::on(today().plus_days(2 * n), today().plus_days(2 * n))
    };
    let commands = [
        CatalogueCommand::SetSupplier {
            id: text("01"),
            name: text("spot"),
            utc_offset_seconds: OFFSET,
        },
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
                dates: Some((today(), today().plus_days(365))),
                capacity: Capacity::Unlimited,
                allowance: Quantity::ZERO,
                exceptions: (0..exceptions).map(exception).collect(),
            },
            timespans: vec![TimespanDef {
                no: Timespan::new(1),
                start_minute: 480,
                end_minute: 660,
            }],
            areas: Vec::new(),
            scene_prefix: String::new(),
            rules,
        })),
    ];
    let mut catalogue = Catalogue::default();
    for command in commands {
        let event = catalogue.decide(command).expect("a product that makes sense");
        catalogue.apply(&event);
    }
    catalogue
}

/// One ticket for somebody else each time, a week ahead.
fn drafts() -> Vec<Draft> {
    let draft = |n: u64| Draft {
        channel: Channel::Ota,
        agent: AgentNo::new(0),
        buyer: DraftBuyer { agent_user: Some(n as i64 + 1), open_id: String::new() },
        lines: vec![DraftLine {
            product_id: "P".to_owned(),
            amount: 1,
            document: sample::resident_id(n),
            name: "王小明".to_owned(),
            ..DraftLine::default()
        }],
        date: DraftDate::Day(today().plus_days(7)),
        timespan: DraftTimespan::Exactly(Timespan::new(1)),
        scene: DraftScene::default(),
        validity: None,
        mobile: sample::mobile(n),
        document: String::new(),
    };
    (0..PERSONS).map(draft).collect()
}

fn policy() -> AdmissionPolicy {
    let identity = IdentityRules {
        sent_as: PersonalText::Clear,
        document: DocumentCheck::Full,
        mobile: MobileCheck::Mainland,
        name_chars_max: 32,
    };
    AdmissionPolicy { identity, lines_max: 100 }
}

fn admitted(catalogue: &Catalogue, draft: &Draft) -> Admitted {
    admit(draft, catalogue, &policy(), &PlainHasher, NOW).expect("every rule lets it pass")
}

/// Slots and limit shards of every plan, with a count for each who asks.
#[derive(Default)]
struct Participants {
    slots: HashMap<SlotKey, Slot>,
    limits: HashMap<LimitKey, LimitShard>,
}

impl Participants {
    fn of(catalogue: &Catalogue, drafts: &[Draft]) -> Self {
        let mut participants = Self::default();
        let mut counts = HashMap::<LimitKey, Vec<Count>>::new();
        for draft in drafts {
            let plan = Plan::new(&admitted(catalogue, draft), Timespan::new(1), None);
            for (key, ask) in plan.parts() {
                match (key, ask) {
                    (ParticipantKey::Slot(key), Ask::Slot(_)) => {
                        let stocks = catalogue.slot_capacity(*key).into_iter();
                        let areas = stocks.map(|(no, places, more)| (no, Stock::new(places, more)));
                        let slot = Slot::new(areas.collect(), Counters::default());
                        participants.slots.insert(*key, slot);
                    }
                    (ParticipantKey::Limit(key), Ask::Limit(claims)) => {
                        let asked = claims.iter().map(|claim| claim.count());
                        counts.entry(*key).or_default().extend(asked);
                    }
                    _ => {}
                }
            }
        }
        let shards = counts.into_iter();
        let shards = shards.map(|(key, it)| (key, LimitShard::new(Counters::restored(it))));
        participants.limits = shards.collect();
        participants
    }

    fn would_grant(&self, plan: &Plan) -> bool {
        plan.parts().iter().all(|(key, ask)| match (key, ask) {
            (ParticipantKey::Slot(key), Ask::Slot(hold)) => self.slots[key].decide(hold).is_ok(),
            (ParticipantKey::Limit(key), Ask::Limit(claims)) => {
                self.limits[key].decide(claims).is_ok()
            }
            _ => false,
        })
    }
}

/// The three catalogues compared, with how many participants one plan asks.
fn cases() -> [(&'static str, Catalogue, usize); 3] {
    [
        ("none", catalogue(Rules::default(), 0), 1),
        ("all_on", catalogue(all_on(), 0), 7),
        ("all_on_and_100_exceptions", catalogue(all_on(), EXCEPTIONS), 7),
    ]
}

/// What does it cost to judge a request by catalogue and clock alone: without a rule, with every rule
/// there is, and with a calendar of a hundred exceptions besides? The document and the mobile are
/// checked in each case.
fn admit_one(c: &mut Criterion) {
    let drafts = drafts();
    let mut group = c.benchmark_group("rules/admit");
    group.throughput(Throughput::Elements(1));
    for (name, catalogue, _) in cases() {
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            let mut next = drafts.iter().cycle();
            b.iter(|| admitted(black_box(&catalogue), next.next().expect("it cycles")));
        });
    }
    group.finish();
}

/// And what does the whole decision cost: admission, the plan, and the word of the slot and of each
/// shard of limits, with a thousand people counted?
fn decide_one(c: &mut Criterion) {
    let drafts = drafts();
    let mut group = c.benchmark_group("rules/decide");
    group.throughput(Throughput::Elements(1));
    for (name, catalogue, parts) in cases() {
        let participants = Participants::of(&catalogue, &drafts);
        let decide = |draft: &Draft| {
            let plan = Plan::new(&admitted(&catalogue, draft), Timespan::new(1), None);
            assert_eq!(plan.parts().len(), parts, "a rule that is left out costs nothing");
            participants.would_grant(&plan)
        };
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            let mut next = drafts.iter().cycle();
            b.iter(|| assert!(decide(black_box(next.next().expect("it cycles")))));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = admit_one, decide_one
}
criterion_main!(benches);
