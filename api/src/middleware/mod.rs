//! What happens around every request.

mod hints;
mod serve;

pub use serve::Serve;
