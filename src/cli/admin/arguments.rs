//! What can be asked of a running server, for operators.

use clap::{Args, Subcommand, ValueEnum};

use crate::http::DEMO_TOKEN;

/// Flags of `admin`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct AdminArguments {
    #[command(subcommand)]
    pub(super) asked: Asked,
    /// The server
    #[arg(long, global = true, value_name = "URL", default_value = crate::cli::call::DEFAULT_URL)]
    pub(super) url: String,
    /// Token of the server's configuration [default: the demo's]
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        env = "PIAOKU_ADMIN_TOKEN",
        hide_env_values = true,
        hide_default_value = true,
        default_value = DEMO_TOKEN
    )]
    pub(super) token: String,
    /// Who gives the command, besides the token's name
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) actor: Option<String>,
    /// Why; the journal keeps it. Needed by everything that changes something
    #[arg(long, global = true, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// How the answer is printed
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) output: Output,
    /// Seconds to wait for the answer
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30)]
    pub(super) timeout_seconds: u64,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// A line a value, lists as tables.
    #[default]
    Table,
    /// The answer itself.
    Json,
}

/// What to ask.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Asked {
    /// A product: show it, or change some of its keys
    #[command(subcommand)]
    Product(ProductAsked),
    /// A slot: show it, change its places, open or close it
    #[command(subcommand)]
    Slot(SlotAsked),
    /// A pool: show it or change its places
    #[command(subcommand)]
    Pool(PoolAsked),
    /// An agent: its money
    #[command(subcommand)]
    Agent(AgentAsked),
    /// An order: show it, cancel, refund or extend it
    #[command(subcommand)]
    Order(OrderAsked),
    /// Why an order would be refused, or that it would be granted
    Explain(ExplainArguments),
}

/// About a product.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum ProductAsked {
    /// Show it with the keys of a catalogue file
    Show {
        /// Its id
        id: String,
    },
    /// Change keys: price=88.00 on_sale=false, a value is JSON or else text
    Set {
        /// Its id
        id: String,
        /// Keys and values
        #[arg(required = true, value_name = "KEY=VALUE")]
        changes: Vec<String>,
    },
}

/// Which slot.
#[derive(Clone, Debug, Args)]
pub(super) struct SlotArguments {
    /// The product
    pub(super) product: String,
    /// Visit date, yyyy-MM-dd
    #[arg(long)]
    pub(super) date: Option<String>,
    /// Timespan
    #[arg(long)]
    pub(super) timespan: Option<u8>,
}

/// A number of places: exactly one of the three.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct ChangeArguments {
    /// Places to add to what the catalogue has
    #[arg(long, value_name = "PLACES")]
    pub(super) add: Option<u32>,
    /// Free places to take off sale
    #[arg(long, value_name = "PLACES")]
    pub(super) withdraw: Option<u32>,
    /// Withdrawn places to put on sale again
    #[arg(long, value_name = "PLACES")]
    pub(super) restore: Option<u32>,
}

/// About a slot.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum SlotAsked {
    /// Show its places
    Show(SlotArguments),
    /// Change its places while it sells
    Adjust {
        #[command(flatten)]
        slot: SlotArguments,
        /// Seat area
        #[arg(long)]
        area: Option<String>,
        #[command(flatten)]
        change: ChangeArguments,
    },
    /// Sell again
    Open(SlotArguments),
    /// Sell nothing new
    Close(SlotArguments),
}

/// About a pool.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum PoolAsked {
    /// Show its places
    Show(PoolArguments),
    /// Change its places while it sells
    Adjust {
        #[command(flatten)]
        pool: PoolArguments,
        #[command(flatten)]
        change: ChangeArguments,
    },
}

/// Which pool and when.
#[derive(Clone, Debug, Args)]
pub(super) struct PoolArguments {
    /// The pool
    pub(super) pool: String,
    /// Visit date, yyyy-MM-dd
    #[arg(long)]
    pub(super) date: Option<String>,
    /// Timespan
    #[arg(long)]
    pub(super) timespan: Option<u8>,
}

/// About an agent.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum AgentAsked {
    /// Show its balances with every supplier
    Accounts {
        /// Its user name
        id: String,
    },
    /// Credit money that it has paid
    TopUp {
        /// Its user name
        id: String,
        /// The supplier
        #[arg(long)]
        supplier: String,
        /// "prepaid" or "rebate"
        #[arg(long, default_value = "prepaid")]
        balance: String,
        /// Yuan
        #[arg(long)]
        amount: String,
    },
}

/// About an order.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum OrderAsked {
    /// Show it, people masked
    Show {
        /// Its number
        id: String,
    },
    /// Give an unpaid one up
    Cancel {
        /// Its number
        id: String,
    },
    /// Give tickets back by the product's rule
    Refund {
        /// Its number
        id: String,
        /// Tickets; all that are left when none is named
        #[arg(long = "ticket", value_name = "NUMBER")]
        tickets: Vec<String>,
        /// A number of your own: repeating it gives the first refund again
        #[arg(long, value_name = "NUMBER")]
        request: Option<String>,
    },
    /// Let an unpaid one keep its places for longer
    Extend {
        /// Its number
        id: String,
        /// Minutes from now
        #[arg(long)]
        minutes: u32,
    },
}

/// An order that might be sent.
#[derive(Clone, Debug, Args)]
pub(super) struct ExplainArguments {
    /// The agent that would order
    #[arg(long)]
    pub(super) agent: String,
    /// The product
    #[arg(long)]
    pub(super) product: String,
    /// How many
    #[arg(long, default_value_t = 1)]
    pub(super) quantity: i64,
    /// Visit date, yyyy-MM-dd
    #[arg(long)]
    pub(super) date: Option<String>,
    /// Timespan, or -1 for the earliest with room
    #[arg(long, allow_hyphen_values = true)]
    pub(super) timespan: Option<i16>,
    /// Seat area
    #[arg(long)]
    pub(super) area: Option<String>,
    /// Document number of the traveller
    #[arg(long, default_value = "")]
    pub(super) document: String,
    /// Kind of document, as agents send it
    #[arg(long, default_value = "1")]
    pub(super) document_type: String,
    /// Name of the traveller
    #[arg(long, default_value = "")]
    pub(super) name: String,
    /// Mobile
    #[arg(long, default_value = "13800138000")]
    pub(super) mobile: String,
}
