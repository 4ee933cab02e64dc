//! The report for programs. The names are a contract: docs/load.md, "JSON".

use serde_json::{Map, Value, json};

use super::{Latency, Report};
use crate::load::tally::Counts;

impl Report {
    /// One object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut object = json!({
            "scenario": self.scenario.name(),
            "mode": self.mode(),
            "format": self.format,
            "connections": self.connections,
            "threads": self.threads,
            "product": self.product,
            "slots": self.slots,
            "seed": self.seed,
            "started_at": started_at(self),
            "warmup_s": rounded(self.warmup_s),
            "duration_s": rounded(self.duration_s),
            "rate_target": self.rate_target(),
        });
        let map = object.as_object_mut().expect("an object was made");
        map.extend(counts(self.counts));
        map.extend([
            ("success_per_s".to_owned(), rounded(self.success_per_s)),
            ("answered_per_s".to_owned(), rounded(self.answered_per_s)),
            ("latency_us".to_owned(), latency(&self.latency)),
            ("cpu_share".to_owned(), rounded(self.cpu_share)),
            ("cpu_share_of_busiest_thread".to_owned(), rounded(self.cpu_share_of_busiest_thread)),
            ("generator_saturated".to_owned(), self.is_generator_saturated().into()),
            ("machine_busy".to_owned(), self.machine_busy.map_or(Value::Null, rounded)),
            ("lag_us".to_owned(), self.lag.as_ref().map_or(Value::Null, latency)),
            ("orders_acknowledged".to_owned(), self.orders_acknowledged.into()),
            ("orders_unknown".to_owned(), self.orders_unknown.into()),
            ("whole_run".to_owned(), Value::Object(counts(self.whole_run))),
            ("refusals".to_owned(), self.refusals_json()),
            ("errors".to_owned(), self.errors_json()),
            ("kinds".to_owned(), self.kinds_json()),
            ("flash".to_owned(), self.flash_json()),
            ("retry_storm".to_owned(), self.storm_json()),
            ("broken_promises".to_owned(), self.broken_promises().into()),
            ("percentiles".to_owned(), self.percentiles_json()),
            ("course".to_owned(), self.course_json()),
            ("audit".to_owned(), self.audit_json()),
        ]);
        object
    }

    fn refusals_json(&self) -> Value {
        let refusal = |(kind, code, count): &(crate::load::Kind, i32, u64)| json!({ "kind": kind.name(), "code": code, "count": count });
        self.refusals.iter().map(refusal).collect()
    }

    fn errors_json(&self) -> Value {
        let error = |(reason, count): &(String, u64)| json!({ "reason": reason, "count": count });
        self.errors.iter().map(error).collect()
    }

    fn kinds_json(&self) -> Value {
        let kinds = self.kinds.iter().map(|it| {
            let mut object = counts(it.counts);
            object.insert("latency_us".to_owned(), latency(&it.latency));
            (it.kind.name().to_owned(), Value::Object(object))
        });
        Value::Object(kinds.collect())
    }

    fn flash_json(&self) -> Value {
        self.flash.map_or(
            Value::Null,
            |it| json!({ "buyers": it.buyers, "stock": it.stock, "bought": it.bought }),
        )
    }

    fn storm_json(&self) -> Value {
        self.storm.map_or(Value::Null, |it| {
            json!({
                "keys": it.keys,
                "answers": it.answers,
                "keys_with_several_answers": it.keys_with_several_answers,
            })
        })
    }

    fn audit_json(&self) -> Value {
        self.audit.as_ref().map_or(Value::Null, |it| {
            json!({
                "passed": it.broken().is_empty(),
                "orders_in_books": it.orders_in_books,
                "orders_before": it.orders_before,
                "orders_acknowledged": it.orders_acknowledged,
                "orders_unknown": it.orders_unknown,
                "records": it.records,
                "digest": it.digest,
                "broken": it.broken(),
            })
        })
    }

    fn percentiles_json(&self) -> Value {
        let points = self.percentiles.iter();
        points.map(|(percentile, us)| json!([percentile, rounded(*us)])).collect()
    }

    fn course_json(&self) -> Value {
        let steps = self.course.iter().map(|step| {
            let mut object = counts(step.counts);
            object.insert("at_s".to_owned(), rounded(step.at_s));
            object.insert("p50_us".to_owned(), rounded(step.p50_us));
            object.insert("p99_us".to_owned(), rounded(step.p99_us));
            object.insert("max_us".to_owned(), rounded(step.max_us));
            Value::Object(object)
        });
        steps.collect()
    }
}

/// When the run began, RFC 3339 in UTC.
pub(super) fn started_at(report: &Report) -> String {
    jiff::Timestamp::from_millisecond(report.started_at.get())
        .map_or_else(|_| report.started_at.get().to_string(), |at| at.to_string())
}

fn counts(counts: Counts) -> Map<String, Value> {
    let Counts { sent, success, refusal, error, dropped } = counts;
    let named = [
        ("sent", sent),
        ("success", success),
        ("refusal", refusal),
        ("error", error),
        ("dropped", dropped),
    ];
    named.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect()
}

fn latency(latency: &Latency) -> Value {
    json!({
        "p50": rounded(latency.p50),
        "p90": rounded(latency.p90),
        "p99": rounded(latency.p99),
        "p999": rounded(latency.p999),
        "max": rounded(latency.max),
        "mean": rounded(latency.mean),
    })
}

/// Three decimals are more than anything here is known to.
fn rounded(number: f64) -> Value {
    ((number * 1000.0).round() / 1000.0).into()
}
