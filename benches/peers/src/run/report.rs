//! Medians, spreads and ratios, as Markdown and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::chart::{self, Bar as ChartBar};
use super::machine::Machine;
use super::{Measure, RunArguments};

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    BareVerify,
    BareOrder,
    PiaokuVerify,
    PiaokuOrder,
    PiaokuSpread,
    PiaokuSoldOut,
    RedisVerify,
    RedisAlwaysOrder,
    RedisAlwaysRaw,
    RedisEverysecOrder,
    RedisEverysecRaw,
    PostgresVerify,
    PostgresOrder,
    PostgresRaw,
    OpenVerify,
    OpenBareVerify,
    OpenOrder,
    Overload,
}

/// Questions, in the order of the table.
const VERIFY: [Row; 4] =
    [Row::BareVerify, Row::PiaokuVerify, Row::RedisVerify, Row::PostgresVerify];

/// Sales, in the order of the table.
const ORDER: [Row; 10] = [
    Row::BareOrder,
    Row::PiaokuOrder,
    Row::PiaokuSpread,
    Row::PiaokuSoldOut,
    Row::RedisAlwaysRaw,
    Row::RedisAlwaysOrder,
    Row::RedisEverysecRaw,
    Row::RedisEverysecOrder,
    Row::PostgresRaw,
    Row::PostgresOrder,
];

/// What the chart shows, and what it calls it.
const CHART: [(Row, &str); 6] = [
    (Row::BareOrder, "bare actix-web (sells nothing)"),
    (Row::PiaokuOrder, "Piaoku, over HTTP"),
    (Row::RedisAlwaysRaw, "Redis always, Lua, without HTTP"),
    (Row::RedisAlwaysOrder, "Redis always, Lua, over HTTP"),
    (Row::PostgresRaw, "PostgreSQL, pgbench, without HTTP"),
    (Row::PostgresOrder, "PostgreSQL, over HTTP"),
];

/// At a given rate, in the order of the table.
const OPEN: [Row; 4] = [Row::OpenBareVerify, Row::OpenVerify, Row::OpenOrder, Row::Overload];

impl Row {
    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::BareVerify => "bare actix-web, Verify",
            Self::BareOrder => "bare actix-web, WithRebate",
            Self::PiaokuVerify => "Piaoku, Verify",
            Self::PiaokuOrder => "Piaoku, WithRebate, one hot slot",
            Self::PiaokuSpread => "Piaoku, WithRebate, 1000 slots",
            Self::PiaokuSoldOut => "Piaoku, WithRebate, sold out (refusals)",
            Self::RedisVerify => "Redis behind actix-web, Verify",
            Self::RedisAlwaysOrder => "Redis always behind actix-web, WithRebate",
            Self::RedisAlwaysRaw => "Redis always, script by raw protocol",
            Self::RedisEverysecOrder => "Redis everysec behind actix-web, WithRebate",
            Self::RedisEverysecRaw => "Redis everysec, script by raw protocol",
            Self::PostgresVerify => "PostgreSQL behind actix-web, Verify",
            Self::PostgresOrder => "PostgreSQL behind actix-web, WithRebate",
            Self::PostgresRaw => "PostgreSQL, function by pgbench, hot row",
            Self::OpenVerify => "Piaoku, Verify, half of saturation",
            Self::OpenBareVerify => "bare actix-web, Verify, the same rate",
            Self::OpenOrder => "Piaoku, WithRebate, half of saturation",
            Self::Overload => "Piaoku, WithRebate, five times saturation",
        }
    }
}

/// A number of one round.
#[derive(Clone, Copy, Debug)]
enum Metric {
    /// Successes a second, or for the sold-out row refusals.
    Rate(Row),
    /// Milliseconds.
    P99(Row),
}

/// What is promised.
struct Bar {
    what: &'static str,
    metric: Metric,
    /// What it is divided by, in the same round.
    by: Option<Metric>,
    is_at_least: bool,
    bar: f64,
    ambition: f64,
}

const BARS: [Bar; 9] = [
    at_least("Verify / bare", Row::PiaokuVerify, Row::BareVerify, 0.8, 0.95),
    at_least("WithRebate, one hot slot / bare", Row::PiaokuOrder, Row::BareOrder, 0.5, 0.7),
    at_least("one hot slot / 1000 slots", Row::PiaokuOrder, Row::PiaokuSpread, 0.9, 1.0),
    at_least("sold-out refusals / Verify", Row::PiaokuSoldOut, Row::PiaokuVerify, 0.95, 1.0),
    at_least("WithRebate / Redis always raw", Row::PiaokuOrder, Row::RedisAlwaysRaw, 1.0, 1.5),
    at_least("WithRebate / pgbench hot row", Row::PiaokuOrder, Row::PostgresRaw, 20.0, 40.0),
    Bar {
        what: "order p99 at half of saturation, ms",
        metric: Metric::P99(Row::OpenOrder),
        by: None,
        is_at_least: false,
        bar: 10.0,
        ambition: 3.0,
    },
    Bar {
        what: "Verify p99 / bare p99 at the same rate",
        metric: Metric::P99(Row::OpenVerify),
        by: Some(Metric::P99(Row::OpenBareVerify)),
        is_at_least: false,
        bar: 1.5,
        ambition: 1.1,
    },
    at_least("goodput at 5x overload / saturation", Row::Overload, Row::PiaokuOrder, 0.9, 0.97),
];

const fn at_least(what: &'static str, row: Row, by: Row, bar: f64, ambition: f64) -> Bar {
    let (metric, by) = (Metric::Rate(row), Some(Metric::Rate(by)));
    Bar { what, metric, by, is_at_least: true, bar, ambition }
}

struct Sample {
    round: u32,
    connections: u32,
    row: Row,
    measure: Measure,
    is_void: bool,
}

/// Everything that was measured.
pub(crate) struct Report {
    machine: Machine,
    rounds: u32,
    seconds: u64,
    connections: Vec<u32>,
    workers: usize,
    skipped: Vec<String>,
    samples: Vec<Sample>,
    audits: Vec<String>,
}

impl Report {
    pub(crate) fn new(machine: Machine, arguments: &RunArguments, skipped: Vec<String>) -> Self {
        Self {
            machine,
            rounds: arguments.rounds,
            seconds: arguments.seconds,
            connections: arguments.connections.clone(),
            workers: arguments.workers,
            skipped,
            samples: Vec::new(),
            audits: Vec::new(),
        }
    }

    pub(crate) fn add(
        &mut self,
        round: u32,
        connections: u32,
        row: Row,
        measure: Measure,
        is_void: bool,
    ) {
        self.samples.push(Sample { round, connections, row, measure, is_void });
    }

    pub(crate) fn add_audit(&mut self, line: String) {
        self.audits.push(line);
    }

    /// Whether an audit failed.
    pub(crate) fn has_void(&self) -> bool {
        self.samples.iter().any(|sample| sample.is_void)
    }

    /// What a row reached in a round; `None` when it was not measured or is void.
    pub(crate) fn rate(&self, round: u32, connections: u32, row: Row) -> Option<f64> {
        self.sample(round, connections, row).map(|measure| measure.rate)
    }

    fn sample(&self, round: u32, connections: u32, row: Row) -> Option<Measure> {
        let is_meant = |it: &&Sample| {
            it.round == round && it.connections == connections && it.row == row && !it.is_void
        };
        self.samples.iter().find(is_meant).map(|sample| sample.measure)
    }

    fn metric(&self, round: u32, connections: u32, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Rate(row) => self.rate(round, connections, row),
            Metric::P99(row) => Some(self.sample(round, connections, row)?.p99_us? / 1e3),
        }
    }

    /// A metric, or its ratio to another of the same round, over all rounds.
    fn spread(&self, connections: u32, metric: Metric, by: Option<Metric>) -> Option<Spread> {
        let of_round = |round| {
            let value = self.metric(round, connections, metric)?;
            let by = match by {
                Some(by) => self.metric(round, connections, by)?,
                None => 1.0,
            };
            (by > 0.0).then(|| value / by)
        };
        Spread::of((0..self.rounds).filter_map(of_round).collect())
    }

    /// Tables for people.
    pub(crate) fn to_markdown(&self) -> String {
        let mut text = format!(
            "## Piaoku and its peers\n\n{}- {} rounds of {} s each, {} workers in every HTTP server\n",
            self.machine.to_markdown(),
            self.rounds,
            self.seconds,
            self.workers,
        );
        for line in &self.skipped {
            let _ = writeln!(text, "- SKIPPED: {line}");
        }
        text.push_str(
            "\nMedian (least to most over the rounds); ratios are taken inside a round. Load is how \
             many cores the load generator took.\n",
        );
        for &connections in &self.connections {
            let _ = writeln!(text, "\n### {connections} connections, closed loop\n");
            self.table(&mut text, connections, &VERIFY, Row::BareVerify, Row::PiaokuVerify);
            text.push('\n');
            self.table(&mut text, connections, &ORDER, Row::BareOrder, Row::PiaokuOrder);
        }
        if let Some(&connections) = self.connections.first() {
            let _ = writeln!(text, "\n### {connections} connections, open loop\n");
            self.table(&mut text, connections, &OPEN, Row::BareVerify, Row::PiaokuOrder);
        }
        self.bars(&mut text);
        text.push_str("\n### Audits\n\n");
        for line in &self.audits {
            let _ = writeln!(text, "- {line}");
        }
        text
    }

    fn table(&self, text: &mut String, connections: u32, rows: &[Row], bare: Row, piaoku: Row) {
        text.push_str(
            "| | per second | p50 ms | p99 ms | / bare | Piaoku / it | refused, errors, dropped | load |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for &row in rows {
            if (0..self.rounds).all(|round| self.sample(round, connections, row).is_none()) {
                continue;
            }
            let shown = |metric, by| {
                self.spread(connections, metric, by).map_or_else(String::new, |it| it.to_string())
            };
            let (rate, bare) = (Metric::Rate(row), Some(Metric::Rate(bare)));
            let of_all = |number: fn(&Measure) -> Option<f64>| {
                let rounds = (0..self.rounds).filter_map(|it| self.sample(it, connections, row));
                Spread::of(rounds.filter_map(|measure| number(&measure)).collect())
            };
            let p50 = of_all(|it| Some(it.p50_us? / 1e3)).map(|it| number(it.median));
            let load = of_all(|it| it.load_cores).map(|it| number(it.median));
            let rounds = (0..self.rounds).filter_map(|it| self.sample(it, connections, row));
            let saturated = rounds.filter(|it| it.is_load_saturated).count();
            let saturated = if saturated > 0 { " (its limit)" } else { "" };
            let total = |count: fn(&Measure) -> u64| -> u64 {
                let rounds = (0..self.rounds).filter_map(|it| self.sample(it, connections, row));
                rounds.map(|measure| count(&measure)).sum()
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {}, {}, {} | {}{saturated} |",
                row.name(),
                shown(rate, None),
                p50.unwrap_or_default(),
                shown(Metric::P99(row), None),
                shown(rate, bare),
                shown(Metric::Rate(piaoku), Some(rate)),
                total(|it| it.refusal),
                total(|it| it.error),
                total(|it| it.dropped),
                load.unwrap_or_default(),
            );
        }
    }

    fn bars(&self, text: &mut String) {
        text.push_str(
            "\n### The bars\n\n| | connections | measured | bar | ambition | |\n\
             | --- | --- | --- | --- | --- | --- |\n",
        );
        for bar in &BARS {
            for &connections in &self.connections {
                let Some(spread) = self.spread(connections, bar.metric, bar.by) else { continue };
                let sign = if bar.is_at_least { "≥" } else { "≤" };
                let _ = writeln!(
                    text,
                    "| {} | {connections} | {spread} | {sign} {} | {} | {} |",
                    bar.what,
                    bar.bar,
                    bar.ambition,
                    bar.verdict(spread.median),
                );
            }
        }
    }

    /// Sales a second of everybody at the first number of connections, as an SVG.
    pub(crate) fn to_svg(&self) -> String {
        let connections = self.connections.first().copied().unwrap_or_default();
        let shown = CHART.iter().filter_map(|(row, name)| {
            let Spread { median, least, most } =
                self.spread(connections, Metric::Rate(*row), None)?;
            let is_ours = matches!(row, Row::PiaokuOrder);
            Some(ChartBar { name, is_ours, least, median, most })
        });
        let title = "Sales of one hot slot a second, on disk before the answer";
        let note = format!(
            "{connections} connections, {} rounds of {} s; median, line from least to most. The load \
             generator runs on the same cores.",
            self.rounds, self.seconds,
        );
        chart::draw(title, &note, &shown.collect::<Vec<_>>())
    }

    /// Everything for programs: one object.
    pub(crate) fn to_json(&self) -> Value {
        let sample = |it: &Sample| {
            json!({
                "round": it.round + 1,
                "connections": it.connections,
                "row": it.row.name(),
                "void": it.is_void,
                "per_second": it.measure.rate,
                "answered_per_second": it.measure.answered_rate,
                "success": it.measure.success,
                "refusal": it.measure.refusal,
                "error": it.measure.error,
                "dropped": it.measure.dropped,
                "p50_us": it.measure.p50_us,
                "p99_us": it.measure.p99_us,
                "load_cores": it.measure.load_cores,
                "load_saturated": it.measure.is_load_saturated,
            })
        };
        let bar = |connections: u32, bar: &Bar| {
            let spread = self.spread(connections, bar.metric, bar.by)?;
            Some(json!({
                "what": bar.what,
                "connections": connections,
                "median": spread.median,
                "least": spread.least,
                "most": spread.most,
                "bar": bar.bar,
                "ambition": bar.ambition,
                "verdict": bar.verdict(spread.median),
            }))
        };
        let bars =
            self.connections.iter().flat_map(|&it| BARS.iter().filter_map(move |b| bar(it, b)));
        json!({
            "machine": self.machine.to_json(),
            "rounds": self.rounds,
            "seconds": self.seconds,
            "workers": self.workers,
            "skipped": self.skipped,
            "bars": bars.collect::<Vec<_>>(),
            "samples": self.samples.iter().map(sample).collect::<Vec<_>>(),
            "audits": self.audits,
        })
    }
}

impl Bar {
    fn verdict(&self, value: f64) -> &'static str {
        let reaches = |mark: f64| if self.is_at_least { value >= mark } else { value <= mark };
        match (reaches(self.bar), reaches(self.ambition)) {
            (_, true) => "ambition reached",
            (true, false) => "reached",
            (false, false) => "NOT reached",
        }
    }
}

/// The middle and the ends of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// `None` of none.
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let upper = values.len() / 2;
        // Of an even number the mean of the two in the middle.
        let lower = (values.len() - 1) / 2;
        Some(Self { median: f64::midpoint(values[lower], values[upper]), least, most })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&number(self.median))?;
        if self.least < self.most {
            write!(f, " ({} to {})", number(self.least), number(self.most))?;
        }
        Ok(())
    }
}

/// Three digits or so, which is more than a measurement knows.
fn number(value: f64) -> String {
    match value.abs() {
        10_000.0.. => format!("{:.1} k", value / 1e3),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_have_a_middle() {
        let spread = |median, least, most| Some(Spread { median, least, most });
        assert_eq!(Spread::of(vec![3.0, 1.0, 2.0]), spread(2.0, 1.0, 3.0));
        assert_eq!(Spread::of(vec![4.0, 1.0]), spread(2.5, 1.0, 4.0));
        assert_eq!(Spread::of(Vec::new()), None);
        assert_eq!(Spread::of(vec![12_345.0]).unwrap().to_string(), "12.3 k");
        assert_eq!(Spread::of(vec![0.5, 0.75]).unwrap().to_string(), "0.62 (0.50 to 0.75)");
    }

    #[test]
    fn a_bar_is_reached_from_its_own_side() {
        let check = |bar: &Bar, value: f64, expected: &str| {
            assert_eq!(bar.verdict(value), expected, "{} {value}", bar.what);
        };
        check(&BARS[0], 0.79, "NOT reached");
        check(&BARS[0], 0.8, "reached");
        check(&BARS[0], 0.95, "ambition reached");
        check(&BARS[6], 11.0, "NOT reached");
        check(&BARS[6], 9.0, "reached");
        check(&BARS[6], 3.0, "ambition reached");
    }

    fn report() -> Report {
        Report {
            machine: Machine::default(),
            rounds: 2,
            seconds: 1,
            connections: vec![64],
            workers: 2,
            skipped: vec!["Redis is not installed".to_owned()],
            samples: Vec::new(),
            audits: vec!["Piaoku: holds".to_owned()],
        }
    }

    #[test]
    fn ratios_are_of_one_round_and_never_of_void_numbers() {
        let mut report = report();
        for (round, bare, piaoku) in [(0, 100.0, 90.0), (1, 50.0, 40.0)] {
            let rate = |rate| Measure { rate, ..Measure::default() };
            report.add(round, 64, Row::BareVerify, rate(bare), false);
            report.add(round, 64, Row::PiaokuVerify, rate(piaoku), false);
        }
        let ratio = |report: &Report| report.spread(64, BARS[0].metric, BARS[0].by);
        let expected = Spread { median: 0.85, least: 0.8, most: 0.9 };
        let measured = ratio(&report).unwrap();
        assert!((measured.median - expected.median).abs() < 1e-9, "{measured:?}");
        let text = report.to_markdown();
        assert!(
            text.contains("| Verify / bare | 64 | 0.85 (0.80 to 0.90) | ≥ 0.8 | 0.95 | reached |"),
            "{text}"
        );
        assert!(text.contains("SKIPPED: Redis is not installed"), "{text}");
        report.samples[0].is_void = true;
        assert_eq!(ratio(&report).unwrap().median, 0.8);
        assert!(report.has_void());
        let json = report.to_json();
        assert_eq!(json["bars"][0]["median"], 0.8);
        assert_eq!(json["samples"][0]["void"], true);
    }
}
