//! HTTP below the resources: the server, bodies on their way in, and the forms of answers.

pub mod answer;
pub mod body;
mod bounds;
pub mod cached;
pub mod compress;
pub mod etag;
pub mod idempotency;
pub mod optional;
pub mod page;
pub mod receive;
pub mod server;
