//! End to end: a real server on a free port, each protocol over HTTP, and the disk behind it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod support;

mod admin;
mod admin_command;
mod admin_notices;
mod bad_auth;
mod bad_body;
mod balances;
mod callback;
mod consult;
mod contention;
mod douyin;
mod extension;
mod framing;
mod gate;
mod hostile;
mod kill;
mod late_payment;
mod load;
mod mixed;
mod occasions;
mod oversell;
mod privacy;
mod provider_config;
mod queries;
mod recovery;
mod redemption;
mod refund;
mod request_key;
mod rules;
mod samples;
mod seats;
mod selling;
mod verify;
mod wire_format;
