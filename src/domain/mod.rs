//! Under construction.

pub mod identity;
