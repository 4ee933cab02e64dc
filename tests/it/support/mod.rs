//! A server in this process, and clients that act as the partners do.

pub(crate) mod partner;
pub(crate) mod server;
