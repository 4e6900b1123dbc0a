//! Why the catalogue is not changed.

use super::flight_model::{FlightCabin, words};
use crate::Result;
use crate::error::Refusal;
use crate::trade::Cabin;

/// What staff saw is not what there is: somebody has changed it since.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {noun} was changed since you read it: read it again, and send your change with its `ETag`"
)]
pub struct Outdated {
    /// What it is called.
    pub noun: &'static str,
}

impl Refusal for Outdated {
    fn code(&self) -> &'static str {
        "precondition_failed"
    }
}

/// There is one of this key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {noun} {key} exists: change it, or choose another key")]
pub struct AlreadyExists {
    /// What it is called.
    pub noun: &'static str,
    /// Its key.
    pub key: String,
}

impl Refusal for AlreadyExists {
    fn code(&self) -> &'static str {
        "already_exists"
    }
}

/// Something needs it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {noun} {key} is used by {}{}", list(by), remedy.map_or_else(String::new, |remedy| format!(": {remedy}")))]
pub struct InUse {
    /// What it is called.
    pub noun: &'static str,
    /// Its key, or a name for people.
    pub key: String,
    /// How many of what use it, none of them zero.
    pub by: Vec<(i64, &'static str)>,
    /// What can be done instead, as an imperative.
    pub remedy: Option<&'static str>,
}

impl Refusal for InUse {
    fn code(&self) -> &'static str {
        "in_use"
    }
}

/// A cabin would have fewer seats than somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} has {sold} seats sold and {held} held: {} is the least capacity, and {capacity} is less",
    words(*cabin), sold + held
)]
pub struct CapacityBelowSold {
    /// The cabin.
    pub cabin: Cabin,
    /// What was asked for.
    pub capacity: i32,
    /// In holds and unpaid bookings.
    pub held: i32,
    /// Sold.
    pub sold: i32,
}

impl CapacityBelowSold {
    /// Refuses a capacity of a cabin that is less than what is held and sold there.
    pub(super) fn refuse(cabin: &FlightCabin, capacity: i32) -> Result<()> {
        let (held, sold) = (cabin.held, cabin.sold);
        if capacity >= held + sold {
            return Ok(());
        }
        Err(Self {
            cabin: cabin.cabin,
            capacity,
            held,
            sold,
        }
        .into())
    }
}

impl Refusal for CapacityBelowSold {
    fn code(&self) -> &'static str {
        "capacity_below_sold"
    }
}

/// `3 schedules and 120 flights`.
fn list(by: &[(i64, &'static str)]) -> String {
    let parts: Vec<String> = by
        .iter()
        .map(|(count, plural)| {
            let noun = if *count == 1 {
                plural.strip_suffix('s').unwrap_or(plural)
            } else {
                plural
            };
            format!("{count} {noun}")
        })
        .collect();
    match parts.split_last() {
        None => "something else".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn what_uses_something_is_counted_in_words() {
        assert_eq!(list(&[(1, "bookings")]), "1 booking");
        assert_eq!(
            list(&[(2, "hubs"), (1, "schedules"), (120, "flights")]),
            "2 hubs, 1 schedule and 120 flights"
        );
    }
}
