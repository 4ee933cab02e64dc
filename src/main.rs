//! Piaoku.
fn main() {}
