//! Who makes a change: known where a request, a command or an event of Stripe enters, and written with what it changed.
//!
//! **The actor belongs to the task, not to the arguments.** Functions of the domain do the same whoever calls them, so
//! none of them takes it; [`crate::booking_event`] asks for it. A task outside of any [`within`] is the system itself:
//! jobs and clocks of a worker.

use std::cell::Cell;

use crate::ids::{AccountId, ApiKeyId, SessionId};

/// What an account acts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// A program's API key.
    ApiKey(ApiKeyId),
    /// A person's log-in.
    Session(SessionId),
}

impl Means {
    /// The API key, if it is one.
    pub const fn api_key_id(self) -> Option<ApiKeyId> {
        match self {
            Self::ApiKey(id) => Some(id),
            Self::Session(_) => None,
        }
    }

    /// The session, if it is one.
    pub const fn session_id(self) -> Option<SessionId> {
        match self {
            Self::Session(id) => Some(id),
            Self::ApiKey(_) => None,
        }
    }

    /// What two columns say, of which at most one has a value.
    pub fn of(api_key_id: Option<ApiKeyId>, session_id: Option<SessionId>) -> Option<Self> {
        let key = api_key_id.map(Self::ApiKey);
        key.or(session_id.map(Self::Session))
    }
}

/// Who makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The owner of an account: a program with an API key, or a person who has logged in.
    Account {
        /// Whose key or session it is.
        account_id: AccountId,
        /// The key or session.
        with: Means,
    },
    /// Somebody in a browser without a key: who has the address of a page from a mail, or comes back from a checkout.
    Traveller,
    /// Staff.
    Staff {
        /// Who, with which key or in which session; `None` on the command line.
        by: Option<(AccountId, Means)>,
    },
    /// Stripe, by an event that it signed.
    Stripe,
    /// Nobody: a deadline, a job, a clock.
    System,
}

impl Actor {
    /// Whoever runs a management command.
    pub const COMMAND_LINE: Self = Self::Staff { by: None };

    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account { .. } => "account",
            Self::Traveller => "traveller",
            Self::Staff { .. } => "staff",
            Self::Stripe => "stripe",
            Self::System => "system",
        }
    }

    /// The account that acts and its key or session, if it is one.
    pub const fn credentials(self) -> Option<(AccountId, Means)> {
        match self {
            Self::Account { account_id, with } => Some((account_id, with)),
            Self::Staff { by } => by,
            Self::Traveller | Self::Stripe | Self::System => None,
        }
    }
}

tokio::task_local! {
    static ACTOR: Cell<Actor>;
}

/// Runs a future as an actor.
pub async fn within<F: Future>(actor: Actor, future: F) -> F::Output {
    ACTOR.scope(Cell::new(actor), future).await
}

/// Says who it is that the innermost [`within`] of this task runs for, once that is known. Nothing outside of any.
pub fn identify(actor: Actor) {
    // Outside of any `within` the system acts, and goes on doing so.
    let _ = ACTOR.try_with(|present| present.set(actor));
}

/// Who acts in this task: [`Actor::System`] outside of any [`within`].
pub fn current() -> Actor {
    ACTOR.try_with(Cell::get).unwrap_or(Actor::System)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_actor_lasts_as_long_as_its_future_and_may_be_named_later() {
        assert_eq!(current(), Actor::System);
        let account = Actor::Account {
            account_id: AccountId::new(),
            with: Means::ApiKey(ApiKeyId::new()),
        };
        within(Actor::Traveller, async {
            assert_eq!(current(), Actor::Traveller);
            identify(account);
            assert_eq!(current(), account);
            within(Actor::Stripe, async {
                assert_eq!(current(), Actor::Stripe);
            })
            .await;
            assert_eq!(current(), account);
        })
        .await;
        identify(account);
        assert_eq!(current(), Actor::System);
    }
}
