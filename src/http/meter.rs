//! A worker's own handles to the counters of requests, so that counting one needs no look-up by labels
//! and no lock that other workers want too. What is counted is the metrics' matter.

use std::cell::RefCell;

use crate::http::Outcome;
use crate::metrics::{Metrics, RequestMeter};

/// Meters used so far, each by operation and outcome. As many as there are pairs, at most.
#[derive(Default)]
pub(super) struct Meters(RefCell<Vec<(&'static str, Outcome, RequestMeter)>>);

impl Meters {
    /// Counts one answered request and its time in seconds.
    pub(super) fn count(
        &self,
        metrics: &Metrics,
        operation: &'static str,
        outcome: Outcome,
        seconds: f64,
    ) {
        let mut meters = self.0.borrow_mut();
        // Operations are constants: in one program the same one nearly always is at the same place,
        // and where it is not, it merely gets a second handle to the same counter.
        let is_it = |(known, ended, _): &(&'static str, Outcome, RequestMeter)| {
            *ended == outcome && std::ptr::eq(*known, operation)
        };
        match meters.iter().find(|known| is_it(known)) {
            Some((.., meter)) => meter.count(seconds),
            None => {
                let meter = metrics.request_meter(operation, outcome.name());
                meter.count(seconds);
                meters.push((operation, outcome, meter));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::EngineGauges;

    #[test]
    fn workers_count_together() {
        let (metrics, one, two) = (Metrics::default(), Meters::default(), Meters::default());
        one.count(&metrics, "verify", Outcome::Ok, 0.001);
        one.count(&metrics, "verify", Outcome::Ok, 0.001);
        two.count(&metrics, "verify", Outcome::Ok, 0.001);
        two.count(&metrics, "verify", Outcome::Busy, 0.001);
        let printed = metrics.print(EngineGauges::default()).unwrap();
        let check = |line: &str| assert!(printed.contains(line), "{line} in {printed}");
        check("piaoku_requests_total{operation=\"verify\",outcome=\"ok\"} 3");
        check("piaoku_requests_total{operation=\"verify\",outcome=\"busy\"} 1");
        check("piaoku_request_seconds_count{operation=\"verify\"} 4");
    }
}
