//! What benches share: shops to sell from, an engine on a directory, its audit, a server with
//! its partners, and the process itself.

#![allow(dead_code, reason = "every bench is a crate of its own and uses only a part of this")]

pub(crate) mod process;
pub(crate) mod shop;
pub(crate) mod site;
pub(crate) mod store;
pub(crate) mod wide;

/// The allocator of the program, so that what is measured is what is run.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
