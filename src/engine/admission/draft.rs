//! A request to buy as a partner sent it, in no partner's format. Nothing is checked here.

use crate::domain::identity::DocumentType;
use crate::types::{AgentNo, Channel, ServiceDate, Timespan, UnixMillis};

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
