//! Redis and apalis: how due rows of the outbox travel to attempts. Nothing outside of this folder knows them.

pub mod deliveries;
pub mod queue;
pub mod relay;
pub mod runtime;
pub mod sweeper;
