//! The report for people.

use std::fmt::Write as _;

use super::json::started_at;
use super::{Latency, Report};
use crate::wire::ota::ResultCode;

impl Report {
    /// Some lines of text.
    #[must_use]
    pub fn to_table(&self) -> String {
        let mut text = String::new();
        let counts = self.counts;
        let mut settings = self.settings_lines().into_iter();
        let _ =
            writeln!(text, "{:<10} {}", self.scenario.name(), settings.next().unwrap_or_default());
        let _ = writeln!(
            text,
            "           sent {}   success {}   refusal {}   error {}   dropped {}",
            counts.sent, counts.success, counts.refusal, counts.error, counts.dropped,
        );
        let _ = writeln!(
            text,
            "           success {:.0}/s   answered {:.0}/s",
            self.success_per_s, self.answered_per_s,
        );
        let _ = writeln!(
            text,
            "\n{:<10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
            "latency", "p50", "p90", "p99", "p99.9", "max", "mean"
        );
        row(&mut text, "all", &self.latency);
        if self.kinds.len() > 1 {
            for kind in &self.kinds {
                row(&mut text, kind.kind.name(), &kind.latency);
            }
        }
        if let Some(lag) = &self.lag {
            row(&mut text, "own lag", lag);
        }
        text.push('\n');
        for (kind, code, count) in &self.refusals {
            let _ = writeln!(text, "refused    {count} × {} with code {code}", kind.name());
        }
        if self.is_not_on_sale() {
            text.push_str(
                "HINT       nothing of this product is on sale there: import \
                 data/load/catalogue.toml, or name another --product\n",
            );
        }
        for (reason, count) in &self.errors {
            let _ = writeln!(text, "error      {count} × {reason}");
        }
        if let Some(flash) = self.flash {
            let _ = writeln!(
                text,
                "flash      {} of {} buyers bought from a stock of {}",
                flash.bought, flash.buyers, flash.stock
            );
        }
        if let Some(storm) = self.storm {
            let _ = writeln!(
                text,
                "storm      {} answers to {} request keys; {} keys have more than one answer",
                storm.answers, storm.keys, storm.keys_with_several_answers
            );
        }
        for line in settings {
            let _ = writeln!(text, "{line}");
        }
        if let Some(warning) = self.saturation_warning() {
            let _ = writeln!(text, "WARNING    {warning}");
        }
        for broken in self.broken_promises() {
            let _ = writeln!(text, "BROKEN     {broken}");
        }
        if let Some(audit) = &self.audit {
            let _ = writeln!(text, "{}", audit.line());
        }
        text
    }
}

impl Report {
    /// What was asked for, what the generator spent, and how to do it again.
    pub(super) fn settings_lines(&self) -> Vec<String> {
        let rate = self.rate_target().map(|rate| format!(" {rate}/s")).unwrap_or_default();
        let machine = self.machine_busy.map(|busy| format!("; machine {:.0} % busy", busy * 100.0));
        vec![
            format!(
                "{mode}{rate}, {connections} connections, {format}, product {product} on {slots} {days}, \
                 {duration:.1} s after {warmup:.1} s",
                mode = self.mode(),
                connections = self.connections,
                format = self.format,
                product = self.product,
                slots = self.slots,
                days = if self.slots == 1 { "day" } else { "days" },
                duration = self.duration_s,
                warmup = self.warmup_s,
            ),
            format!(
                "generator  {:.2} cores on {} {}{}",
                self.cpu_share,
                self.threads,
                if self.threads == 1 { "thread" } else { "threads" },
                machine.unwrap_or_default(),
            ),
            format!("run        seed {}, started {}", self.seed, started_at(self)),
        ]
    }

    /// Whether everything was refused because the server does not sell it.
    fn is_not_on_sale(&self) -> bool {
        let code = ResultCode::OFF_SALE.get();
        self.counts.success == 0 && self.refusals.iter().any(|(_, it, _)| *it == code)
    }

    /// What to think of a run whose generator had no time left.
    pub(super) fn saturation_warning(&self) -> Option<String> {
        self.is_generator_saturated().then(|| {
            format!(
                "a thread of the generator used {:.2} of a core: the server may be faster than this; \
                 use more --threads or another machine",
                self.cpu_share_of_busiest_thread
            )
        })
    }
}

fn row(text: &mut String, name: &str, latency: &Latency) {
    let Latency { p50, p90, p99, p999, max, mean } = latency;
    let _ = write!(text, "{name:<10}");
    for micros in [p50, p90, p99, p999, max, mean] {
        let _ = write!(text, " {:>10}", span(*micros));
    }
    text.push('\n');
}

/// Microseconds with a unit that fits, to three digits.
pub(super) fn span(micros: f64) -> String {
    let (number, unit) = match micros {
        below if below < 1000.0 => (below, "µs"),
        below if below < 1_000_000.0 => (below / 1000.0, "ms"),
        other => (other / 1_000_000.0, "s"),
    };
    let decimals = match number {
        below if below < 10.0 => 2,
        below if below < 100.0 => 1,
        _ => 0,
    };
    format!("{number:.decimals$} {unit}")
}
