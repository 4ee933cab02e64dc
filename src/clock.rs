//! The one reader of the system clock.
