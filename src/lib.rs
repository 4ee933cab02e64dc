//! Piaoku (票库): an actor-based, in-memory ticket-inventory engine with persistence.
//!
//! Modules in reading order; imports only ever point upwards in this list (see `ARCHITECTURE.md`).

pub mod scheduling;
pub mod types;

pub mod domain;

pub mod engine;

pub mod schema;

pub mod journal;
pub mod snapshot;
pub mod vault;
pub mod wire;

pub mod clock;
pub mod metrics;

pub mod actors;

pub mod http;

pub mod load;

pub mod cli;
pub mod config;
