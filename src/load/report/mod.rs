//! What a run is reported as: a table for people, JSON for programs, a page with plots.
//!
//! docs/load.md says what each number means; the JSON names are a contract.

mod html;
mod json;
mod plot;
mod table;
#[cfg(test)]
mod tests;

use hdrhistogram::Histogram;

use super::classify::Kind;
use super::tally::{Counts, StormCounts, Tally};
use super::{Pace, Pattern, Scenario, Settings};
use crate::types::UnixMillis;

/// Share of one core at which a thread of the generator is the bottleneck.
const SATURATED: f64 = 0.9;

/// Latencies, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// Half are faster.
    pub p50: f64,
    /// 90 of 100 are faster.
    pub p90: f64,
    /// 99 of 100 are faster.
    pub p99: f64,
    /// 999 of 1000 are faster.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

impl Latency {
    fn of(nanos: &Histogram<u64>) -> Self {
        let at = |quantile| nanos.value_at_quantile(quantile) as f64 / 1000.0;
        if nanos.is_empty() {
            return Self::default();
        }
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: nanos.max() as f64 / 1000.0,
            mean: nanos.mean() / 1000.0,
        }
    }
}

/// One kind of request.
#[derive(Clone, Debug)]
pub struct KindReport {
    /// Which.
    pub kind: Kind,
    /// How they ended.
    pub counts: Counts,
    /// How long it took.
    pub latency: Latency,
}

/// One step of the course over time.
#[derive(Clone, Copy, Debug)]
pub struct StepReport {
    /// Seconds from the start of the measurement.
    pub at_s: f64,
    /// What happened in the step.
    pub counts: Counts,
    /// Half of its answers came within so many microseconds.
    pub p50_us: f64,
    /// 99 of 100 of its answers did.
    pub p99_us: f64,
    /// All did.
    pub max_us: f64,
}

/// What a flash sale came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlashReport {
    /// Who came.
    pub buyers: u64,
    /// What there was.
    pub stock: u64,
    /// Who bought.
    pub bought: u64,
}

/// The books of the server after the run, against what it had acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// Paid orders in the books.
    pub orders_in_books: u64,
    /// Orders that were placed to prepare the run.
    pub orders_before: u64,
    /// Orders that the run saw acknowledged.
    pub orders_acknowledged: u64,
    /// Requests of the run that may or may not have sold.
    pub orders_unknown: u64,
    /// What there was to sell, in a flash sale.
    pub stock: Option<u64>,
    /// Records of the journal.
    pub records: u64,
    /// Digest of the state.
    pub digest: String,
    /// Invariants that do not hold, in words.
    pub violations: Vec<String>,
}

impl AuditReport {
    /// What is wrong: an acknowledged order that is not in the books, one in the books that nobody was
    /// told of, more sold than there was, or an invariant that does not hold.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        let mut broken = self.violations.clone();
        let told = self.orders_before + self.orders_acknowledged;
        if self.orders_in_books < told {
            let books = self.orders_in_books;
            broken.push(format!("{told} orders acknowledged and only {books} in the books"));
        }
        if self.orders_in_books > told + self.orders_unknown {
            let books = self.orders_in_books;
            broken.push(format!("{books} orders in the books and only {told} acknowledged"));
        }
        if let Some(stock) = self.stock.filter(|stock| self.orders_in_books > *stock) {
            broken.push(format!(
                "{} orders in the books of a stock of {stock}",
                self.orders_in_books
            ));
        }
        broken
    }

    /// The audit's line.
    #[must_use]
    pub fn line(&self) -> String {
        let broken = self.broken();
        let verdict = if broken.is_empty() {
            "every invariant holds".to_owned()
        } else {
            format!("BROKEN: {}", broken.join("; "))
        };
        let prepared = match self.orders_before {
            0 => String::new(),
            before => format!(" and {before} before the run"),
        };
        let unknown = match self.orders_unknown {
            0 => String::new(),
            unknown => format!(", {unknown} with unknown outcome"),
        };
        format!(
            "audit: {} orders in the books, {} acknowledged{prepared}{unknown}; {verdict}; digest {}",
            self.orders_in_books, self.orders_acknowledged, self.digest
        )
    }
}

/// A run and what came of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was asked.
    pub scenario: Scenario,
    /// How fast.
    pub pace: Pace,
    /// `json` or `xml`.
    pub format: &'static str,
    /// Connections.
    pub connections: usize,
    /// Threads of the generator.
    pub threads: usize,
    /// The product, and how many of its days in turn.
    pub product: String,
    /// See [`Self::product`].
    pub slots: u32,
    /// Seed of the run.
    pub seed: u64,
    /// When it began.
    pub started_at: UnixMillis,
    /// Seconds not measured before.
    pub warmup_s: f64,
    /// Seconds measured.
    pub duration_s: f64,
    /// How requests that were due in the measurement ended.
    pub counts: Counts,
    /// Successes a second, answered within the measurement.
    pub success_per_s: f64,
    /// Successes and refusals a second, answered within the measurement.
    pub answered_per_s: f64,
    /// Latency of successes and refusals from the instant they were due.
    pub latency: Latency,
    /// Latency at ever higher percentiles: (percentile, microseconds).
    pub percentiles: Vec<(f64, f64)>,
    /// Each kind of request, where there are several.
    pub kinds: Vec<KindReport>,
    /// Refusals by kind and business code.
    pub refusals: Vec<(Kind, i32, u64)>,
    /// Errors by their reason.
    pub errors: Vec<(String, u64)>,
    /// How late the generator itself was; `None` for closed loops.
    pub lag: Option<Latency>,
    /// Cores that the generator used.
    pub cpu_share: f64,
    /// Cores that its busiest thread used.
    pub cpu_share_of_busiest_thread: f64,
    /// Share of all cores of the machine that was busy, 0 to 1.
    pub machine_busy: Option<f64>,
    /// Different orders acknowledged in the whole run, warm-up and voucher codes included.
    pub orders_acknowledged: u64,
    /// Requests for orders and codes of the whole run that may or may not have sold.
    pub orders_unknown: u64,
    /// How everything ended that was sent, warm-up included.
    pub whole_run: Counts,
    /// What copies of orders were answered.
    pub storm: Option<StormCounts>,
    /// What a flash sale came to.
    pub flash: Option<FlashReport>,
    /// Seconds of one step of the course.
    pub step_s: f64,
    /// The course over time.
    pub course: Vec<StepReport>,
    /// What the books say, where they could be read.
    pub audit: Option<AuditReport>,
}

impl Report {
    pub(super) fn new(
        settings: &Settings,
        tally: &Tally,
        started_at: UnixMillis,
        machine_busy: Option<f64>,
    ) -> Self {
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let window = tally.window;
        // A flash sale is over when everybody has an answer.
        let end_ns = match settings.scenario {
            Scenario::Flash { .. } => tally.last_ns.clamp(window.start_ns + 1, window.end_ns),
            _ => window.end_ns,
        };
        let duration_s = seconds(end_ns - window.start_ns);
        let measured = tally.measured();
        let per_second = |count: u64| count as f64 / duration_s;
        let flash = match settings.scenario {
            Scenario::Flash { buyers, stock } => {
                Some(FlashReport { buyers, stock, bought: tally.orders_acknowledged })
            }
            _ => None,
        };
        let kinds = tally.kinds.iter().map(|(kind, it)| KindReport {
            kind: *kind,
            counts: it.counts,
            latency: Latency::of(&it.latency),
        });
        Self {
            scenario: settings.scenario,
            pace: settings.pace,
            format: match settings.format {
                super::BodyFormat::Json => "json",
                super::BodyFormat::Xml => "xml",
            },
            connections: settings.connections,
            threads: settings.threads,
            product: settings.goods.product.clone(),
            slots: settings.goods.slots,
            seed: settings.seed,
            started_at,
            warmup_s: seconds(window.start_ns),
            duration_s,
            counts: measured.counts,
            success_per_s: per_second(tally.success_in_time),
            answered_per_s: per_second(tally.answered_in_time),
            latency: Latency::of(&measured.latency),
            percentiles: percentiles(&measured.latency),
            kinds: kinds.collect(),
            refusals: tally
                .refusals
                .iter()
                .map(|((kind, code), count)| (*kind, *code, *count))
                .collect(),
            errors: tally.errors.iter().map(|(error, count)| (error.to_string(), *count)).collect(),
            lag: (!tally.lag.is_empty()).then(|| Latency::of(&tally.lag)),
            cpu_share: seconds(tally.cpu_ns) / duration_s,
            cpu_share_of_busiest_thread: seconds(tally.cpu_max_ns) / duration_s,
            machine_busy,
            orders_acknowledged: tally.orders_acknowledged,
            orders_unknown: tally.orders_unknown,
            whole_run: tally.whole,
            storm: tally.storm(),
            flash,
            step_s: seconds(window.step_ns),
            course: course(tally),
            audit: None,
        }
    }

    /// The requested rate of an open loop.
    #[must_use]
    pub fn rate_target(&self) -> Option<f64> {
        match (self.scenario, self.pace) {
            (Scenario::Flash { buyers, .. }, _) => Some(buyers as f64),
            (_, Pace::Closed) => None,
            (_, Pace::Open { rate, .. }) => Some(rate),
        }
    }

    /// `closed`, or how arrivals follow each other.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        match (self.scenario, self.pace) {
            (Scenario::Flash { .. }, _) => "open-constant",
            (_, Pace::Closed) => "closed",
            (_, Pace::Open { pattern: Pattern::Constant, .. }) => "open-constant",
            (_, Pace::Open { pattern: Pattern::Poisson, .. }) => "open-poisson",
        }
    }

    /// Whether the numbers say more about the generator than about the server.
    #[must_use]
    pub fn is_generator_saturated(&self) -> bool {
        self.cpu_share_of_busiest_thread >= SATURATED
    }

    /// Promises that this run saw broken.
    #[must_use]
    pub fn broken_promises(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if let Some(flash) = self.flash
            && flash.bought > flash.stock
        {
            let FlashReport { stock, bought, .. } = flash;
            broken.push(format!("oversold: {bought} bought of a stock of {stock}"));
        }
        if let Some(storm) = self.storm
            && storm.keys_with_several_answers > 0
        {
            let keys = storm.keys_with_several_answers;
            broken.push(format!("{keys} request keys have more than one answer"));
        }
        broken.extend(self.audit.iter().flat_map(AuditReport::broken));
        broken
    }
}

/// From the median to the slowest, each halving what lies above.
fn percentiles(nanos: &Histogram<u64>) -> Vec<(f64, f64)> {
    if nanos.is_empty() {
        return Vec::new();
    }
    let mut points = Vec::new();
    let (mut above, count) = (1.0_f64, nanos.len() as f64);
    while above * count >= 0.5 {
        let quantile = 1.0 - above;
        points.push((quantile * 100.0, nanos.value_at_quantile(quantile) as f64 / 1000.0));
        above /= std::f64::consts::SQRT_2;
    }
    points.push((100.0, nanos.max() as f64 / 1000.0));
    points
}

fn course(tally: &Tally) -> Vec<StepReport> {
    let step_s = tally.window.step_ns as f64 / 1e9;
    let steps = tally.course.iter().enumerate();
    steps
        .map(|(index, step)| {
            let at = |quantile| match step.latency.is_empty() {
                true => 0.0,
                false => step.latency.value_at_quantile(quantile) as f64,
            };
            StepReport {
                at_s: index as f64 * step_s,
                counts: step.counts,
                p50_us: at(0.5),
                p99_us: at(0.99),
                max_us: if step.latency.is_empty() { 0.0 } else { step.latency.max() as f64 },
            }
        })
        .collect()
}
