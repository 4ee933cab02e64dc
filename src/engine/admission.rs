//! What can be said about a request from the catalogue and the clock alone: products, dates,
//! quantities, persons, prices. Verify and every way of ordering go through [`admit`], so they
//! cannot differ. What depends on stock, counters and money is asked later, by the plan.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::domain::catalogue::{
    Agent, Catalogue, Channels, LimitRule, LimitScope, LimitWindow, Product, Supplier,
    check_conditions,
};
use crate::domain::identity::{
    DocumentType, IdentityRules, is_ciphertext, normalise_document, normalise_mobile,
};
use crate::domain::seats::Seats;
use crate::engine::occasion::{check_sale, day_problem, is_closed, timespan_problem};
use crate::engine::plan::slot_key;
use crate::engine::{DateProblem, Rejection};
use crate::types::{
    AgentNo, AreaNo, Channel, Fen, IdentityHash, ProductNo, Quantity, RuleNo, ServiceDate, SlotKey,
    SupplierNo, Timespan, UnixMillis,
};

/// The date a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftDate {
    /// None.
    Missing,
    /// A day that exists.
    Day(ServiceDate),
    /// Something else.
    Malformed,
}

/// The timespan a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftTimespan {
    /// None: right for untimed products only.
    Unset,
    /// This one.
    Exactly(Timespan),
    /// The earliest with room for the whole order (`-1`).
    Earliest,
    /// A number that cannot be a timespan.
    Malformed,
}

/// The performance a request names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftScene {
    /// How its performances are named.
    pub naming: SceneNaming,
    /// Public id of the performance; empty when none was given.
    pub scene_id: String,
    /// Public id of the seat area; empty when none was given.
    pub area_id: String,
    /// Who chooses seats that have numbers.
    pub choice: SeatChoice,
}

/// How a request names its performances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SceneNaming {
    /// By the performance's public id and the area's: one performance for all lines.
    #[default]
    ById,
    /// By the day alone, each product its own. The time is the product's only one of that day, or what
    /// the request's timespan names; the area is that of the seats a line names, or the first open one.
    ByDay,
}

/// Who chooses the seats of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeatChoice {
    /// We do: the best of the area that is named. Seats that lines name do not count.
    #[default]
    Ours,
    /// The buyer did: lines name their seats.
    Buyers,
}

/// One line as a partner sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftLine {
    /// Public id of the product.
    pub product_id: String,
    /// How many; anything until admitted.
    pub amount: i64,
    /// Kind of document, if one was named.
    pub document_type: Option<DocumentType>,
    /// Whether the partner's kind of document was unknown.
    pub document_type_unknown: bool,
    /// Document number; empty when none was given.
    pub document: String,
    /// Name; empty when none was given.
    pub name: String,
    /// Mobile; empty when none was given.
    pub mobile: String,
    /// Whether the way in needs a mobile (gate-in mode `B`).
    pub mobile_needed: bool,
    /// Public ids of the seats it names; they count where the choice is the buyer's.
    pub seats: Vec<String>,
}

/// Who buys, where purchases may be counted by more than documents and mobiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftBuyer {
    /// The user of the agent's own system (`otheruserid`), if one was named.
    pub agent_user: Option<i64>,
    /// Douyin's `open_id`; empty when none was given.
    pub open_id: String,
}

/// A request to buy, in no partner's format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The way it came in.
    pub channel: Channel,
    /// Who buys.
    pub agent: AgentNo,
    /// For whom the agent buys.
    pub buyer: DraftBuyer,
    /// What.
    pub lines: Vec<DraftLine>,
    /// For which day.
    pub date: DraftDate,
    /// For which timespan.
    pub timespan: DraftTimespan,
    /// For which performance.
    pub scene: DraftScene,
    /// First and last instant of validity, for products not bound to a date.
    pub validity: Option<(UnixMillis, UnixMillis)>,
    /// The order's own mobile; empty when the protocol has none.
    pub mobile: String,
    /// The order's own document number; stands in for lines that have none.
    pub document: String,
}

/// A person, by what is known of one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Identity<'a> {
    /// A normalised document number of a kind.
    Document(DocumentType, &'a str),
    /// A document number that only the partner can read: equal text is the same person.
    DocumentCiphertext(&'a str),
    /// A normalised mobile.
    Mobile(&'a str),
    /// A mobile that only the partner can read.
    MobileCiphertext(&'a str),
    /// A user of an agent's own system.
    AgentUser(AgentNo, i64),
    /// A user of Douyin.
    OpenId(&'a str),
}

/// Keyed hashes of persons; `vault` has the key.
pub trait IdentityHasher {
    /// The hash a person is counted by.
    fn hash(&self, identity: Identity<'_>) -> IdentityHash;
}

/// Bounds and checks that do not come from the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionPolicy {
    /// How this channel's personal fields are checked.
    pub identity: IdentityRules,
    /// Most lines in one order.
    pub lines_max: usize,
}

/// A count a line asks for under one of its product's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineClaim {
    /// The rule.
    pub rule: RuleNo,
    /// Its window.
    pub window: LimitWindow,
    /// Whose count.
    pub identity: IdentityHash,
    /// How many.
    pub amount: Quantity,
    /// How many the rule allows.
    pub max: Quantity,
}

/// A line that the catalogue allows.
#[derive(Clone, Debug)]
pub struct AdmittedLine {
    /// The product.
    pub product: Arc<Product>,
    /// The time of its performance, whichever candidate the other lines get; `None` for what is no
    /// performance.
    pub performance: Option<Timespan>,
    /// The area.
    pub area: AreaNo,
    /// How many.
    pub quantity: Quantity,
    /// Seats the buyer chose; none where we choose or places have no numbers.
    pub seats: Seats,
    /// Sale price of one.
    pub unit_price: Fen,
    /// List price of one.
    pub list_price: Fen,
    /// Limit counts it asks for.
    pub claims: SmallVec<[LineClaim; 2]>,
}

impl AdmittedLine {
    /// The slot it sells from on `date`, where the order's candidate is `timespan`.
    #[must_use]
    pub fn slot(&self, date: Option<ServiceDate>, timespan: Timespan) -> SlotKey {
        slot_key(&self.product, date, self.performance.unwrap_or(timespan))
    }
}

/// A request that the catalogue allows.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The way it came in.
    pub channel: Channel,
    /// Who buys.
    pub agent: AgentNo,
    /// Who sells.
    pub supplier: Arc<Supplier>,
    /// For which day; `None` for products not bound to one.
    pub date: Option<ServiceDate>,
    /// The day of ordering at the venue.
    pub today: ServiceDate,
    /// Timespans to try, earliest first; at least one. Untimed lines and performances ignore it.
    pub candidates: SmallVec<[Timespan; 4]>,
    /// Validity of products not bound to a date.
    pub validity: Option<(UnixMillis, UnixMillis)>,
    /// The lines.
    pub lines: Vec<AdmittedLine>,
    /// Price of everything.
    pub total: Fen,
    /// Rebate everything earns.
    pub rebate: Fen,
    /// Prices by candidate, where they are not the same in all of them.
    tariffs: Vec<Tariff>,
}

/// What a request costs in one of its candidate timespans.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tariff {
    /// Sale and list price of one, by line.
    prices: SmallVec<[(Fen, Fen); 2]>,
    total: Fen,
}

impl Admitted {
    /// Takes over the prices of the candidate at `index`. A request begins with those of its first.
    pub fn choose(&mut self, index: usize) {
        let Some(tariff) = self.tariffs.get(index) else { return };
        for (line, prices) in self.lines.iter_mut().zip(&tariff.prices) {
            (line.unit_price, line.list_price) = *prices;
        }
        self.total = tariff.total;
    }

    /// Number of the supplier.
    #[must_use]
    pub fn supplier_no(&self) -> SupplierNo {
        self.supplier.no
    }

    /// Places in all.
    #[must_use]
    pub fn quantity(&self) -> Quantity {
        let sum: u64 = self.lines.iter().map(|line| u64::from(line.quantity.get())).sum();
        Quantity::new(u32::try_from(sum).unwrap_or(u32::MAX))
    }
}

/// Highest price of one order, in fen: ten billion yuan. Millions of such orders fit a balance.
const TOTAL_MAX: Fen = Fen::new(1_000_000_000_000);
/// Most characters of a partner's text that an error repeats.
const ECHO_CHARS_MAX: usize = 36;

/// Decides whether the catalogue allows `draft` at `now`.
///
/// # Errors
/// The first [`Rejection`] that is found: products first, then quantities, date, timespan or
/// performance, persons, price.
pub fn admit(
    draft: &Draft,
    catalogue: &Catalogue,
    policy: &AdmissionPolicy,
    hasher: &dyn IdentityHasher,
    now: UnixMillis,
) -> Result<Admitted, Rejection> {
    let products = products(draft, catalogue, policy, now)?;
    let first = products.first().ok_or(Rejection::NoLines)?;
    let supplier = catalogue.supplier(first.supplier).ok_or(Rejection::NoLines)?;
    if products.iter().any(|product| product.supplier != first.supplier) {
        return Err(Rejection::MixedSuppliers);
    }
    let quantities = quantities(draft, &products)?;
    let today = ServiceDate::at(now, supplier.utc_offset_seconds);
    let occasion = occasion(draft, &products, supplier, today, now)?;
    let agent = catalogue.agent(draft.agent).map_or("", |agent| &*agent.id);
    let visit = occasion.date.unwrap_or(today);
    let persons = Persons { draft, policy, hasher, agent, today, visit };
    let first_candidate = occasion.candidates.first().copied().unwrap_or(Timespan::NONE);

    let mut lines = Vec::with_capacity(draft.lines.len());
    let mut documents = SmallVec::<[(ProductNo, IdentityHash); 4]>::new();
    let (mut total, mut rebate) = (Fen::ZERO, Fen::ZERO);
    let times = occasion.performances.iter().copied();
    let lines_of_draft = draft.lines.iter().zip(products).zip(quantities);
    for (((line, product), quantity), performance) in lines_of_draft.zip(times) {
        let slot = slot_key(&product, occasion.date, performance.unwrap_or(first_candidate));
        let (area, seats) = area(draft, line, &product, quantity, slot)?;
        if is_closed(&product, slot, product.area(area)) {
            return Err(Rejection::Date { date: slot.date, problem: DateProblem::Closed });
        }
        let Counted { document, claims } = persons.counted(line, &product, quantity)?;
        if let Some(document) = document.filter(|_| product.rules.unique_documents) {
            let named = (product.no, document);
            if documents.contains(&named) {
                return Err(Rejection::DocumentTwice);
            }
            documents.push(named);
        }
        let (unit_price, list_price) = product.prices(slot.date, slot.timespan, area);
        total = add(total, unit_price, quantity)?;
        rebate = add(rebate, product.rebate, quantity)?;
        lines.push(AdmittedLine {
            product,
            performance,
            area,
            quantity,
            seats,
            unit_price,
            list_price,
            claims,
        });
    }
    persons.check_order()?;
    if total > TOTAL_MAX || rebate > TOTAL_MAX {
        return Err(Rejection::TotalOutOfRange);
    }
    let tariffs = tariffs(&lines, &occasion)?;
    Ok(Admitted {
        channel: draft.channel,
        agent: draft.agent,
        supplier: Arc::clone(supplier),
        date: occasion.date,
        today,
        candidates: occasion.candidates,
        validity: draft.validity,
        lines,
        total,
        rebate,
        tariffs,
    })
}

fn add(sum: Fen, unit: Fen, quantity: Quantity) -> Result<Fen, Rejection> {
    let product = unit.checked_mul(quantity);
    product.and_then(|product| sum.checked_add(product)).ok_or(Rejection::TotalOutOfRange)
}

/// Prices by candidate; none when they are the same in all of them, as they nearly always are.
fn tariffs(lines: &[AdmittedLine], occasion: &Occasion) -> Result<Vec<Tariff>, Rejection> {
    let priced = |line: &AdmittedLine| {
        line.product.calendar.exceptions.iter().any(|it| it.price.or(it.list_price).is_some())
    };
    if occasion.candidates.len() < 2 || !lines.iter().any(priced) {
        return Ok(Vec::new());
    }
    let tariff = |timespan: &Timespan| {
        let mut tariff = Tariff { prices: SmallVec::new(), total: Fen::ZERO };
        for line in lines {
            let slot = line.slot(occasion.date, *timespan);
            let prices = line.product.prices(slot.date, slot.timespan, line.area);
            tariff.prices.push(prices);
            tariff.total = add(tariff.total, prices.0, line.quantity)?;
        }
        if tariff.total > TOTAL_MAX { Err(Rejection::TotalOutOfRange) } else { Ok(tariff) }
    };
    let tariffs: Vec<Tariff> = occasion.candidates.iter().map(tariff).collect::<Result<_, _>>()?;
    let same = tariffs.iter().all(|tariff| Some(tariff) == tariffs.first());
    Ok(if same { Vec::new() } else { tariffs })
}

fn products(
    draft: &Draft,
    catalogue: &Catalogue,
    policy: &AdmissionPolicy,
    now: UnixMillis,
) -> Result<Vec<Arc<Product>>, Rejection> {
    let lines = draft.lines.len();
    if lines > policy.lines_max {
        return Err(Rejection::TooManyLines { lines, max: policy.lines_max });
    }
    let mut products = Vec::with_capacity(lines);
    for line in &draft.lines {
        let Some(product) = catalogue.product_by_id(&line.product_id) else {
            let id = line.product_id.chars().take(ECHO_CHARS_MAX).collect();
            return Err(Rejection::UnknownProduct { id });
        };
        check_sale(product, draft.channel, now)?;
        products.push(Arc::clone(product));
    }
    Ok(products)
}

/// Each line's quantity; the bounds of a product count all its lines together.
fn quantities(draft: &Draft, products: &[Arc<Product>]) -> Result<Vec<Quantity>, Rejection> {
    let mut quantities = Vec::with_capacity(products.len());
    for line in &draft.lines {
        let amount = u32::try_from(line.amount).ok().filter(|amount| *amount > 0);
        let amount = amount.ok_or(Rejection::BadQuantity { amount: line.amount })?;
        quantities.push(Quantity::new(amount));
    }
    for product in products {
        let same = products.iter().zip(&quantities).filter(|(other, _)| other.no == product.no);
        let asked: u64 = same.map(|(_, quantity)| u64::from(quantity.get())).sum();
        let (min, max) = (product.rules.order_min, product.rules.order_max);
        if asked < u64::from(min.get()) || asked > u64::from(max.get()) {
            return Err(Rejection::OrderQuantity { asked, min, max });
        }
    }
    Ok(quantities)
}

struct Occasion {
    date: Option<ServiceDate>,
    candidates: SmallVec<[Timespan; 4]>,
    /// The time of each line that is for a performance.
    performances: Performances,
}

type Performances = SmallVec<[Option<Timespan>; 4]>;

/// The day of all lines, the timespans to try, and the times of performances.
fn occasion(
    draft: &Draft,
    products: &[Arc<Product>],
    supplier: &Supplier,
    today: ServiceDate,
    now: UnixMillis,
) -> Result<Occasion, Rejection> {
    let dated = products.iter().any(|product| product.calendar.dates.is_some());
    if dated != products.iter().all(|product| product.calendar.dates.is_some()) {
        // One validity cannot serve a day ticket and an open ticket at once.
        return Err(Rejection::Date { date: None, problem: DateProblem::NotOffered });
    }
    if !dated {
        return undated_occasion(draft, products, now);
    }
    let scene = match draft.scene.naming {
        SceneNaming::ById => scene(draft, products)?,
        SceneNaming::ByDay => None,
    };
    let date = scene.map_or_else(|| day(draft.date), |(date, _)| Ok(date))?;
    let reject = |problem| Err(Rejection::Date { date: Some(date), problem });
    for product in products {
        if let Some(problem) = day_problem(product, supplier, date, today, now) {
            return reject(problem);
        }
    }
    let performances = performances(draft, products, date)?;
    let mut candidates = candidates(draft, products, scene.map(|(_, timespan)| timespan))?;
    let problem = |timespan: Timespan| {
        products.iter().zip(&performances).find_map(|(product, performance)| {
            timespan_problem(product, supplier, date, performance.unwrap_or(timespan), now)
        })
    };
    // When none is left, the last of the day says why.
    let mut found = DateProblem::Over;
    candidates.retain(|timespan| match problem(*timespan) {
        Some(problem) => {
            found = problem;
            false
        }
        None => true,
    });
    if candidates.is_empty() {
        return reject(found);
    }
    Ok(Occasion { date: Some(date), candidates, performances })
}

fn undated_occasion(
    draft: &Draft,
    products: &[Arc<Product>],
    now: UnixMillis,
) -> Result<Occasion, Rejection> {
    // Without a validity of its own the ticket would never end: the caller has to say.
    let (from, until) = draft.validity.ok_or(Rejection::BadValidity)?;
    if from >= until || until <= now {
        return Err(Rejection::BadValidity);
    }
    let candidates = SmallVec::from_slice(&[Timespan::NONE]);
    Ok(Occasion { date: None, candidates, performances: SmallVec::from_elem(None, products.len()) })
}

fn day(date: DraftDate) -> Result<ServiceDate, Rejection> {
    match date {
        DraftDate::Day(date) => Ok(date),
        DraftDate::Missing => Err(Rejection::Date { date: None, problem: DateProblem::Missing }),
        DraftDate::Malformed => {
            Err(Rejection::Date { date: None, problem: DateProblem::Malformed })
        }
    }
}

/// The performance all lines are for, if any of them is for one.
fn scene(
    draft: &Draft,
    products: &[Arc<Product>],
) -> Result<Option<(ServiceDate, Timespan)>, Rejection> {
    let mut found = None;
    for product in products.iter().filter(|product| product.is_performance()) {
        let scene = product.scene(&draft.scene.scene_id).ok_or(Rejection::UnknownPerformance)?;
        found = Some(scene);
    }
    if let (Some((date, _)), DraftDate::Day(day)) = (found, draft.date)
        && date != day
    {
        return Err(Rejection::PerformanceOnAnotherDay);
    }
    if found.is_some() && draft.date == DraftDate::Malformed {
        return Err(Rejection::Date { date: None, problem: DateProblem::Malformed });
    }
    Ok(found)
}

/// The time of each line that is for a performance on `date`.
fn performances(
    draft: &Draft,
    products: &[Arc<Product>],
    date: ServiceDate,
) -> Result<Performances, Rejection> {
    let performance = |product: &Arc<Product>| {
        if !product.is_performance() {
            return Ok(None);
        }
        match draft.scene.naming {
            SceneNaming::ById => match product.scene(&draft.scene.scene_id) {
                Some((_, timespan)) => Ok(Some(timespan)),
                None => Err(Rejection::UnknownPerformance),
            },
            SceneNaming::ByDay => performance_of_day(draft, product, date).map(Some),
        }
    };
    products.iter().map(performance).collect()
}

/// The time of a product's performance on `date`: the only one it has, the one the request names, or the
/// only one of the day that is not closed.
fn performance_of_day(
    draft: &Draft,
    product: &Product,
    date: ServiceDate,
) -> Result<Timespan, Rejection> {
    if let [only] = &product.timespans[..] {
        return Ok(only.no);
    }
    if let DraftTimespan::Exactly(named) = draft.timespan
        && product.has_timespan(named)
    {
        return Ok(named);
    }
    let is_open = |no: &Timespan| !is_closed(product, slot_key(product, Some(date), *no), None);
    let mut open = product.timespans.iter().map(|span| span.no).filter(is_open);
    match (open.next(), open.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(Rejection::UnknownTimespan),
    }
}

/// The timespans to try for lines that are for no performance. Lines at a spot that come with a
/// performance named by its id are for its time.
fn candidates(
    draft: &Draft,
    products: &[Arc<Product>],
    scene: Option<Timespan>,
) -> Result<SmallVec<[Timespan; 4]>, Rejection> {
    let is_timed =
        |product: &&Arc<Product>| !product.timespans.is_empty() && !product.is_performance();
    let Some(first) = products.iter().find(is_timed) else {
        return Ok(SmallVec::from_slice(&[scene.unwrap_or(Timespan::NONE)]));
    };
    let wanted: SmallVec<[Timespan; 4]> = match (scene, draft.timespan) {
        (Some(timespan), _) => SmallVec::from_slice(&[timespan]),
        (None, DraftTimespan::Exactly(timespan)) => SmallVec::from_slice(&[timespan]),
        (None, DraftTimespan::Earliest) => first.timespans.iter().map(|span| span.no).collect(),
        (None, DraftTimespan::Unset | DraftTimespan::Malformed) => SmallVec::new(),
    };
    let common = |timespan: &Timespan| {
        products.iter().filter(is_timed).all(|product| product.has_timespan(*timespan))
    };
    let wanted: SmallVec<[Timespan; 4]> = wanted.into_iter().filter(common).collect();
    if wanted.is_empty() { Err(Rejection::UnknownTimespan) } else { Ok(wanted) }
}

/// The area of a line, and the seats if the buyer chose them.
fn area(
    draft: &Draft,
    line: &DraftLine,
    product: &Product,
    quantity: Quantity,
    slot: SlotKey,
) -> Result<(AreaNo, Seats), Rejection> {
    if !product.is_performance() {
        // A spot has no seats to choose; its callers may name some all the same.
        return Ok((AreaNo::NONE, Seats::new()));
    }
    if draft.scene.naming == SceneNaming::ByDay {
        // Seats of an area are named for all its tickets or for none; so for all of the product's.
        let same = |other: &&DraftLine| other.product_id.eq_ignore_ascii_case(&line.product_id);
        if draft.lines.iter().filter(same).any(|other| !other.seats.is_empty()) {
            return seats(&line.seats, product, quantity, None);
        }
        let open = product.areas.iter().find(|area| !is_closed(product, slot, Some(area)));
        let area = open.or(product.areas.first()).ok_or(Rejection::UnknownArea)?;
        return Ok((area.no, Seats::new()));
    }
    let named = match draft.scene.choice {
        SeatChoice::Ours => &[][..],
        SeatChoice::Buyers => &line.seats[..],
    };
    let wanted = &*draft.scene.area_id;
    let area = if wanted.is_empty() && !named.is_empty() {
        None
    } else {
        Some(product.area_by_id(wanted).ok_or(Rejection::UnknownArea)?)
    };
    if let Some(area) = area.filter(|area| area.seats.is_none()) {
        if !named.is_empty() {
            return Err(Rejection::SeatChoiceUnsupported);
        }
        return Ok((area.no, Seats::new()));
    }
    if draft.scene.choice == SeatChoice::Ours {
        return area.map(|area| (area.no, Seats::new())).ok_or(Rejection::UnknownArea);
    }
    seats(named, product, quantity, area.map(|area| area.no))
}

/// The seats a buyer names for a line, and their area, which must be `within` if that is known.
fn seats(
    named: &[String],
    product: &Product,
    quantity: Quantity,
    mut within: Option<AreaNo>,
) -> Result<(AreaNo, Seats), Rejection> {
    let (named_count, tickets) = (named.len() as u64, u64::from(quantity.get()));
    if named_count != tickets {
        return Err(Rejection::SeatCount { named: named_count, tickets });
    }
    let mut seats = Seats::new();
    for id in named {
        let unknown = || Rejection::UnknownSeat { id: id.chars().take(ECHO_CHARS_MAX).collect() };
        let (area, seat) = product.seat_by_id(id).ok_or_else(unknown)?;
        if *within.get_or_insert(area.no) != area.no {
            return Err(Rejection::SeatsElsewhere);
        }
        seats.push(seat);
    }
    Ok((within.unwrap_or(AreaNo::NONE), seats))
}

/// By whom a scope counts that asks for no person; `None` for the others.
fn shared_identity(scope: LimitScope, agent: AgentNo, channel: Channel) -> Option<IdentityHash> {
    Some(match scope {
        LimitScope::Agent => IdentityHash::new(u128::from(agent.get())),
        LimitScope::Channel => IdentityHash::new(u128::from(Channels::of([channel]).bits())),
        LimitScope::Everyone => IdentityHash::new(0),
        LimitScope::Document | LimitScope::Mobile => return None,
        LimitScope::AgentUser | LimitScope::OpenId => return None,
    })
}

/// The limits of a product that bound what an agent can order through a channel whoever it is for:
/// allotments of agents, quotas of channels, and limits for everyone. As claims for nothing.
pub fn quotas<'a>(
    product: &'a Product,
    agent: &'a Agent,
    channel: Channel,
) -> impl Iterator<Item = LineClaim> + 'a {
    let rules = LimitRule::applicable(&product.rules.limits, channel, &agent.id);
    rules.filter_map(move |rule| {
        let identity = shared_identity(rule.scope, agent.no, channel)?;
        let (window, max) = (rule.window, rule.max);
        Some(LineClaim { rule: rule.no, window, identity, amount: Quantity::ZERO, max })
    })
}

/// Checks and counts the people of an order.
struct Persons<'a> {
    draft: &'a Draft,
    policy: &'a AdmissionPolicy,
    hasher: &'a dyn IdentityHasher,
    /// Public id of the agent.
    agent: &'a str,
    today: ServiceDate,
    /// The day of the visit, or today for products not bound to one.
    visit: ServiceDate,
}

/// Whom a line is for, as far as that is known and counted.
struct Counted {
    document: Option<IdentityHash>,
    claims: SmallVec<[LineClaim; 2]>,
}

impl Persons<'_> {
    fn check_order(&self) -> Result<(), Rejection> {
        if !self.draft.mobile.is_empty() {
            self.policy.identity.check_mobile(&self.draft.mobile).map_err(Rejection::Mobile)?;
        }
        Ok(())
    }

    /// Checks a line's people and says what they are counted for.
    fn counted(
        &self,
        line: &DraftLine,
        product: &Product,
        quantity: Quantity,
    ) -> Result<Counted, Rejection> {
        let limits: SmallVec<[&LimitRule; 8]> =
            LimitRule::applicable(&product.rules.limits, self.draft.channel, self.agent).collect();
        let counts = |scope| limits.iter().any(|rule| rule.scope == scope);
        let document = self.document(line, product, counts(LimitScope::Document))?;
        if product.rules.document_per_ticket {
            if line.name.is_empty() {
                return Err(Rejection::NameMissing);
            }
            if quantity != Quantity::ONE {
                let tickets = u64::from(quantity.get());
                return Err(Rejection::TravellersMismatch { travellers: 1, tickets });
            }
        }
        if !line.name.is_empty() {
            self.policy.identity.check_name(&line.name).map_err(Rejection::Name)?;
        }
        let mobile = self.mobile(line, counts(LimitScope::Mobile))?;

        let mut claims = SmallVec::new();
        for rule in limits {
            let identity = match rule.scope {
                LimitScope::Document => document,
                LimitScope::Mobile => mobile,
                scope => Some(self.buyer(scope)?),
            };
            // Needed persons were checked above, so an absent one is never a way around a limit.
            let Some(identity) = identity else { continue };
            let (window, max) = (rule.window, rule.max);
            claims.push(LineClaim { rule: rule.no, window, identity, amount: quantity, max });
        }
        Ok(Counted { document, claims })
    }

    /// Who buys, by a scope that asks for neither document nor mobile. Agents, channels and everyone
    /// are no persons: their numbers need no hash.
    fn buyer(&self, scope: LimitScope) -> Result<IdentityHash, Rejection> {
        let Draft { agent, channel, buyer, .. } = self.draft;
        let missing = Err(Rejection::BuyerMissing { scope });
        Ok(match scope {
            LimitScope::AgentUser => match buyer.agent_user {
                Some(user) => self.hasher.hash(Identity::AgentUser(*agent, user)),
                None => return missing,
            },
            LimitScope::OpenId if buyer.open_id.is_empty() => return missing,
            LimitScope::OpenId => self.hasher.hash(Identity::OpenId(&buyer.open_id)),
            LimitScope::Agent
            | LimitScope::Channel
            | LimitScope::Everyone
            | LimitScope::Document
            | LimitScope::Mobile => {
                shared_identity(scope, *agent, *channel).unwrap_or(IdentityHash::new(0))
            }
        })
    }

    fn document(
        &self,
        line: &DraftLine,
        product: &Product,
        counted: bool,
    ) -> Result<Option<IdentityHash>, Rejection> {
        let conditions = &product.rules.conditions;
        let needed = counted || product.rules.document_per_ticket || !conditions.is_empty();
        if line.document_type_unknown {
            return Err(Rejection::UnknownDocumentType);
        }
        let own = !line.document.is_empty();
        let number = if own { &line.document } else { &self.draft.document };
        if number.trim().is_empty() {
            return if needed { Err(Rejection::DocumentMissing) } else { Ok(None) };
        }
        // Protocols send a number without a kind for the resident identity card.
        let kind = line.document_type.filter(|_| own).unwrap_or(DocumentType::ResidentId);
        let rules = &self.policy.identity;
        rules.check_document(kind, number, self.today).map_err(Rejection::Document)?;
        let normalised = normalise_document(number, rules.sent_as);
        if is_ciphertext(number, rules.sent_as) {
            // Nothing can be asked of what nobody here can read.
            return Ok(Some(self.hasher.hash(Identity::DocumentCiphertext(&normalised))));
        }
        check_conditions(conditions, kind, &normalised, self.visit)
            .map_err(Rejection::Condition)?;
        Ok(Some(self.hasher.hash(Identity::Document(kind, &normalised))))
    }

    /// Purchases count by the order's own mobile: it is the one that gets the notices, and a line's
    /// can be made up. A protocol without one counts by the line's.
    fn mobile(&self, line: &DraftLine, counted: bool) -> Result<Option<IdentityHash>, Rejection> {
        let rules = &self.policy.identity;
        if !line.mobile.is_empty() {
            rules.check_mobile(&line.mobile).map_err(Rejection::Mobile)?;
        } else if line.mobile_needed {
            return Err(Rejection::MobileMissing);
        }
        let order_has_one = !self.draft.mobile.is_empty();
        let number = if order_has_one { &self.draft.mobile } else { &line.mobile };
        if number.is_empty() {
            return if counted { Err(Rejection::MobileMissing) } else { Ok(None) };
        }
        let normalised = normalise_mobile(number, rules.sent_as);
        let identity = if is_ciphertext(number, rules.sent_as) {
            Identity::MobileCiphertext(&normalised)
        } else {
            Identity::Mobile(&normalised)
        };
        Ok(Some(self.hasher.hash(identity)))
    }
}

#[cfg(test)]
mod tests;
