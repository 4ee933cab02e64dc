//! Naive twin, for the property tests.
