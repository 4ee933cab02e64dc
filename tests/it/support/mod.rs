//! A server in this process, clients that act as the partners do, and readers of what is on disk.

pub(crate) mod books;
pub(crate) mod http;
pub(crate) mod message;
pub(crate) mod partner;
pub(crate) mod process;
pub(crate) mod receiver;
pub(crate) mod server;
pub(crate) mod shop;
pub(crate) mod transcript;

use std::net::SocketAddr;

use piaoku::types::{ServiceDate, UnixMillis};

/// Something that listens like a Piaoku server, in this process or not.
pub(crate) trait Target: Sync {
    /// Where it listens.
    fn addr(&self) -> SocketAddr;

    /// What time it believes it is.
    fn now(&self) -> UnixMillis;

    /// The day at the venue `days` from now, `yyyyMMdd`.
    fn day(&self, days: i32) -> String {
        ServiceDate::at(self.now(), 8 * 3600).plus_days(days).to_compact()
    }
}
