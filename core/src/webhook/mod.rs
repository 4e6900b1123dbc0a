//! Webhooks: endpoints of accounts, what is delivered to them, and what became of it.
//!
//! **A delivery is promised with its event.** `record_booking_event` writes a row of `webhook_delivery` for each endpoint
//! that wants the event, in the transaction of the change and in the statement that writes the event. A booking locks no
//! row of an endpoint, so that nothing that an endpoint does delays one.
//!
//! **At most [`MOST_UNDER_WAY`] of an endpoint are under way.** The rows are the backlog; [`promise_due`] makes jobs of
//! those that are due, under the lock of their endpoint, and a job makes one attempt. An endpoint that does not answer has
//! a few jobs that wait for it, however much is due, and all others have the rest of the queue.
//!
//! **A delivery has a clock of its own** (the waits in `schedule.rs`), because the server of a customer is no back-end of ours: a job that
//! was not answered is done, and promises nothing. An endpoint that fails for three days is disabled, and its account gets a
//! mail.
//!
//! **No secret is kept.** It is derived from the deployment's own (`SECRET_KEY`) and the ids of its row.

mod address;
mod attempt;
mod deliveries;
mod endpoint;
mod model;
mod promise;
mod replay;
mod schedule;
mod secret;
#[cfg(test)]
mod tests;

pub use address::{Destinations, Refused};
pub use attempt::{Attempt, Exchange, Verdict, begin, record, release, release_dead};
pub use deliveries::{find_delivery, list_deliveries, trim};
pub use endpoint::{
    DisabledEndpoint, EndpointChange, MOST_ENDPOINTS, NewEndpoint, create, delete, disabled, get,
    list, rotate, update,
};
pub use model::{Delivery, DeliveryStatus, DisabledReason, Endpoint, EndpointStatus, TEST_TYPE};
pub use promise::{MOST_UNDER_WAY, Promised, promise_due};
pub use replay::{MOST_REPLAYED, Replayed, replay, replay_range, test};
pub use secret::{WebhookSecret, WebhookSecrets};
