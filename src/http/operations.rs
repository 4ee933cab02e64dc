//! Health and measurements, for operators.

use std::sync::atomic::Ordering;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::actors::EngineStatus;
use crate::http::{Answer, AppState, Outcome};
use crate::metrics::EngineGauges;

/// The process lives.
pub(super) fn live() -> Answer {
    let response = HttpResponse::Ok().json(serde_json::json!({ "status": "live" }));
    Answer { response, outcome: Outcome::Ok }
}

/// The engine takes requests, or why not.
pub(super) fn ready(state: &AppState) -> Answer {
    let status = match state.engine.status() {
        EngineStatus::Ready => "ready",
        EngineStatus::Stopping => "stopping",
        EngineStatus::JournalFailed => "journal_failed",
        EngineStatus::SnapshotsDamaged => "snapshots_damaged",
    };
    let is_ready = status == "ready";
    let mut builder =
        if is_ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    let response = builder.json(serde_json::json!({ "status": status }));
    let outcome = if is_ready { Outcome::Ok } else { Outcome::Unavailable };
    Answer { response, outcome }
}

/// Everything measured, for Prometheus.
pub(super) fn metrics(state: &AppState) -> Answer {
    let stats = state.engine.journal_stats();
    let gauges = EngineGauges {
        journal_records: stats.records.load(Ordering::Relaxed),
        journal_groups: stats.groups.load(Ordering::Relaxed),
        journal_bytes: stats.bytes.load(Ordering::Relaxed),
        durable_lsn: stats.durable_lsn.load(Ordering::Relaxed),
        snapshot_backlog: state.engine.snapshot_backlog(),
        in_flight: state.engine.in_flight(),
        ready: state.engine.status() == EngineStatus::Ready,
    };
    match state.metrics.print(gauges) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            let response = HttpResponse::Ok().content_type(kind).body(text);
            Answer { response, outcome: Outcome::Ok }
        }
        Err(_) => Answer {
            response: HttpResponse::InternalServerError().finish(),
            outcome: Outcome::Unknown,
        },
    }
}

/// The client broke off, sent a body that HTTP cannot frame, or took too long.
pub(super) fn unreadable_body(status: StatusCode) -> Answer {
    let response = HttpResponse::build(status).insert_header(("Connection", "close")).finish();
    Answer { response, outcome: Outcome::Invalid }
}
