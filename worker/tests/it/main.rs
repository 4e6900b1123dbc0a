//! The worker, tested from outside.
