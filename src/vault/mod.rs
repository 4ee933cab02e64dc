//! Under construction.

pub mod agent_secrets;
