//! `piaoku load` against an address, and what it counted.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;
use serde_json::Value;

use piaoku::wire::ota::ResultCode;

use super::Measure;
use super::process::{self, Start};
use super::shop::SLOTS;

/// Result code of a sold-out slot.
const STOCK_SHORT: i32 = ResultCode::STOCK_SHORT.get();

/// How requests come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// The next one as soon as the one before is answered.
    Closed,
    /// So many a second, whatever the server does; latency counts from when each was due.
    Open { per_second: f64 },
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    Verify,
    Order,
}

/// One run of the load generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    pub(crate) program: &'a Path,
    pub(crate) addr: SocketAddr,
    pub(crate) scenario: Scenario,
    pub(crate) product: &'a str,
    /// Whether to go through [`SLOTS`] days or to stay on one.
    pub(crate) is_spread: bool,
    pub(crate) pace: Pace,
    pub(crate) connections: u32,
    pub(crate) duration: Duration,
}

impl Load<'_> {
    /// Runs it to its end.
    pub(crate) async fn run(&self) -> anyhow::Result<Measure> {
        let start = Start { program: self.program, stop: Signal::TERM, user: None };
        let mut command = start.command();
        let scenario = match self.scenario {
            Scenario::Verify => "verify",
            Scenario::Order => "order",
        };
        command.env_clear().args(["load", scenario, "--url", &format!("http://{}", self.addr)]);
        command.args(["--product", self.product]);
        command.args(["--slots", &if self.is_spread { SLOTS } else { 1 }.to_string()]);
        match self.pace {
            Pace::Closed => command.arg("--closed"),
            Pace::Open { per_second } => command.args(["--rate", &format!("{per_second:.0}")]),
        };
        command.args(["--connections", &self.connections.to_string()]);
        let millis = self.duration.as_millis();
        command.args(["--duration", &format!("{millis}ms")]);
        command.args(["--warmup", &format!("{}ms", (millis / 4).min(2000))]);
        command.args(["--json", "-"]);
        let said = process::run(command, self.duration + Duration::from_secs(60)).await?;
        let begin = said.find('{').with_context(|| format!("no JSON: {said}"))?;
        let result: Value = serde_json::from_str(&said[begin..])?;
        read(&result).with_context(|| format!("the load generator says {result}"))
    }
}

fn read(result: &Value) -> Option<Measure> {
    let number = |name: &str| result.get(name)?.as_f64();
    let count = |name: &str| result.get(name)?.as_u64();
    let latency = |name: &str| result.get("latency_us")?.get(name)?.as_f64();
    let refusals = result.get("refusals")?.as_array()?.iter();
    let otherwise = refusals.filter(|it| it["code"] != STOCK_SHORT);
    Some(Measure {
        rate: number("success_per_s")?,
        answered_rate: number("answered_per_s")?,
        success: count("success")?,
        refusal: count("refusal")?,
        refused_otherwise: otherwise.filter_map(|it| it["count"].as_u64()).sum(),
        error: count("error")?,
        dropped: count("dropped")?,
        p50_us: latency("p50"),
        p99_us: latency("p99"),
        acknowledged: count("orders_acknowledged")?,
        load_cores: number("cpu_share"),
        is_load_saturated: result.get("generator_saturated")?.as_bool()?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_generators_counts_are_read() {
        let result = json!({
            "scenario": "order", "success": 90, "refusal": 7, "error": 2, "dropped": 1,
            "success_per_s": 45.0, "answered_per_s": 48.5, "cpu_share": 0.25,
            "orders_acknowledged": 95, "generator_saturated": false,
            "refusals": [
                { "kind": "order", "code": 1, "count": 4 },
                { "kind": "order", "code": 7, "count": 3 },
            ],
            "latency_us": { "p50": 100, "p99": 900.5 }
        });
        let measured = read(&result).unwrap();
        assert_eq!((measured.rate, measured.answered_rate), (45.0, 48.5));
        assert_eq!(
            (measured.success, measured.refusal, measured.error, measured.dropped),
            (90, 7, 2, 1)
        );
        assert_eq!((measured.p99_us, measured.load_cores), (Some(900.5), Some(0.25)));
        assert_eq!((measured.acknowledged, measured.refused_otherwise), (95, 3));
        assert!(read(&json!({ "success_per_s": 45.0 })).is_none());
    }
}
