//! Answers kept in Redis, and how requests do without it.

pub mod breaker;
pub mod search;
