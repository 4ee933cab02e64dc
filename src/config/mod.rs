//! Under construction.

pub mod catalogue_file;
