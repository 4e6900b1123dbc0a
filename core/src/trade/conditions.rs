//! What a fare includes and allows. The conditions are frozen as JSON on holds and bookings, so that a later change of
//! the tariff changes no sold ticket; this file is the only reader and writer of that JSON.

use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money};
use crate::trade::ExtraBaggage;

/// What a fare family includes and allows in one cabin, as it was sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FareConditions {
    /// The form of the JSON. What was frozen before there were versions has the first one's form.
    #[serde(default = "first_version", deserialize_with = "known_version")]
    pub version: u16,
    /// Code of the fare family: `standard`.
    pub fare_family: String,
    /// Its name for people: `Standard`.
    pub name: String,
    /// Cabin baggage in words: `7 kg, 115 cm`.
    pub cabin_bag: String,
    /// Pieces of checked baggage.
    pub checked_pieces: i16,
    /// Kilograms of checked baggage in all.
    pub checked_kg: i16,
    /// Which seats can be chosen without a fee.
    pub seat_choice: SeatChoice,
    /// What more than the included baggage costs; empty where it was frozen before extra baggage was sold.
    #[serde(default)]
    pub extra_baggage: ExtraBaggage,
    /// Cancelling, changing, and the weight of a piece.
    #[serde(rename = "conditions")]
    pub rules: FareRules,
}

/// Which seats can be chosen without a fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum SeatChoice {
    /// None: every chosen seat costs its fee.
    Paid,
    /// Standard seats.
    StandardFree,
    /// All seats.
    Free,
}

impl SeatChoice {
    /// All of them, the strictest first.
    pub const ALL: [Self; 3] = [Self::Paid, Self::StandardFree, Self::Free];

    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::StandardFree => "standard_free",
            Self::Free => "free",
        }
    }
}

/// The rules of a fare: what cancelling and changing cost, and how heavy a piece may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FareRules {
    /// The currency of every amount in the tiers.
    pub currency: Currency,
    /// Closer to departure than this nothing can be cancelled or changed.
    pub too_late_hours: u16,
    /// Cancelling.
    pub cancellation: Cancellation,
    /// Changing date or flight.
    pub change: Change,
    /// Checked pieces; absent where it was frozen without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baggage: Option<PieceRule>,
}

/// What cancelling costs, for each passenger and direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// By hours before departure, the earliest first.
    pub tiers: Vec<Tier>,
    /// The same for people.
    pub words: String,
    /// When cancelling is free whatever the tiers say. What was frozen before this was written has the periods that held then.
    #[serde(default = "periods_of_the_first_version")]
    pub free_after_booking: Vec<GracePeriod>,
}

/// Some hours after booking in which cancelling is free, when it was booked long enough ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GracePeriod {
    /// How many hours after booking it ends.
    pub within_hours: u16,
    /// How many days of 24 hours the booking has to be made ahead of its first flight when all of it stays in one country.
    pub days_ahead_domestic: u16,
    /// The same when a flight crosses a border.
    pub days_ahead_international: u16,
    /// The country in which the journey has to begin (ISO 3166); any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_country: Option<String>,
}

/// What changing date or flight costs beside the fare difference, for each passenger and direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Whether the fare can be changed at all.
    pub allowed: bool,
    /// By hours before departure, the earliest first.
    pub tiers: Vec<Tier>,
    /// The same for people.
    pub words: String,
}

/// How heavy one checked piece may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PieceRule {
    /// Kilograms.
    pub piece_kg: u16,
    /// The same for people.
    pub words: String,
}

/// What is charged from this many hours before departure until the next tier begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredTier", into = "StoredTier")]
pub struct Tier {
    /// The tier holds while departure is more than this many hours away.
    pub more_than_hours: u16,
    /// What is charged.
    pub charge: Charge,
}

/// What a tier charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// A fixed amount, in minor units of the rules' currency; never more than the base fare.
    Amount(i64),
    /// The whole base fare.
    BaseFare,
}

/// A tier as it is stored: it has either an amount or the word `base_fare`.
#[derive(Serialize, Deserialize)]
struct StoredTier {
    more_than_hours: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge: Option<StoredCharge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge_minor: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredCharge {
    BaseFare,
}

impl TryFrom<StoredTier> for Tier {
    type Error = &'static str;

    fn try_from(stored: StoredTier) -> Result<Self, &'static str> {
        let charge = match (stored.charge, stored.charge_minor) {
            (Some(StoredCharge::BaseFare), None) => Charge::BaseFare,
            (None, Some(minor)) if minor >= 0 => Charge::Amount(minor),
            (None, Some(_)) => return Err("the charge of a tier is negative"),
            _ => return Err("a tier has either `charge` or `charge_minor`"),
        };
        Ok(Self {
            more_than_hours: stored.more_than_hours,
            charge,
        })
    }
}

impl From<Tier> for StoredTier {
    fn from(tier: Tier) -> Self {
        let (charge, charge_minor) = match tier.charge {
            Charge::BaseFare => (Some(StoredCharge::BaseFare), None),
            Charge::Amount(minor) => (None, Some(minor)),
        };
        Self {
            more_than_hours: tier.more_than_hours,
            charge,
            charge_minor,
        }
    }
}

impl FareConditions {
    /// The newest form of frozen conditions, in which today's are frozen.
    pub const VERSION: u16 = 1;

    /// Whether cancelling early enough gives something of the base fare back: some tier charges less than all of it.
    pub fn is_refundable(&self) -> bool {
        let tiers = &self.rules.cancellation.tiers;
        tiers.iter().any(|tier| tier.charge != Charge::BaseFare)
    }

    /// The rules in sentences, each named after what it is about.
    pub fn sentences(&self) -> Vec<String> {
        let rules = &self.rules;
        let baggage = rules.baggage.as_ref();
        let sentences = [
            ("Baggage", baggage.map(|rule| &rule.words)),
            ("Cancellation", Some(&rules.cancellation.words)),
            ("Change", Some(&rules.change.words)),
        ];
        sentences
            .into_iter()
            .filter_map(|(about, words)| words.map(|words| format!("{about}: {words}")))
            .collect()
    }
}

impl FareRules {
    /// The fixed amount of a charge; none where the whole base fare is charged.
    pub fn amount(&self, charge: Charge) -> Option<Money> {
        match charge {
            Charge::Amount(minor) => Some(Money::new(minor, self.currency)),
            Charge::BaseFare => None,
        }
    }

    #[cfg(test)]
    pub(crate) fn for_test() -> Self {
        let tiers = vec![Tier {
            more_than_hours: 2,
            charge: Charge::Amount(0),
        }];
        Self {
            currency: Currency::INR,
            too_late_hours: 2,
            cancellation: Cancellation {
                tiers: tiers.clone(),
                words: "Free until 2 hours before departure.".to_owned(),
                free_after_booking: periods_of_the_first_version(),
            },
            change: Change {
                allowed: true,
                tiers,
                words: "Free until 2 hours before departure; any fare difference is paid."
                    .to_owned(),
            },
            baggage: None,
        }
    }
}

/// 14 CFR 259.5(b)(4), which is house policy everywhere, and the rule modelled on DGCA's.
fn periods_of_the_first_version() -> Vec<GracePeriod> {
    let everywhere = GracePeriod {
        within_hours: 24,
        days_ahead_domestic: 7,
        days_ahead_international: 7,
        from_country: None,
    };
    let india = GracePeriod {
        within_hours: 48,
        days_ahead_domestic: 7,
        days_ahead_international: 15,
        from_country: Some("IN".to_owned()),
    };
    vec![everywhere, india]
}

fn first_version() -> u16 {
    1
}

/// A newer form means something that this program does not know: it must not sell or refund by it.
fn known_version<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match u16::deserialize(deserializer)? {
        version @ 1..=FareConditions::VERSION => Ok(version),
        version => Err(serde::de::Error::custom(format_args!(
            "conditions of version {version}, which this program does not know"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// As it was frozen before conditions had versions.
    fn frozen() -> Value {
        json!({
            "fare_family": "standard", "name": "Standard", "cabin_bag": "7 kg", "checked_pieces": 1, "checked_kg": 15,
            "seat_choice": "standard_free",
            "conditions": {
                "currency": "INR", "too_late_hours": 2,
                "cancellation": {
                    "tiers": [{ "more_than_hours": 72, "charge_minor": 300_000 }, { "more_than_hours": 2, "charge": "base_fare" }],
                    "words": "INR 3000, then the base fare.",
                },
                "change": { "allowed": false, "tiers": [], "words": "Not allowed." },
                "baggage": { "piece_kg": 32, "words": "No piece over 32 kg." },
            },
        })
    }

    #[test]
    fn what_was_frozen_without_a_version_is_read_and_written_with_one() {
        let read: FareConditions = serde_json::from_value(frozen()).unwrap();
        let tiers = &read.rules.cancellation.tiers;
        assert_eq!(tiers[0].charge, Charge::Amount(300_000));
        assert_eq!(tiers[1].charge, Charge::BaseFare);
        let amount = read.rules.amount(tiers[0].charge).unwrap();
        assert_eq!(amount.to_string(), "INR 3000.00");
        assert_eq!(read.rules.amount(tiers[1].charge), None);
        assert!(read.is_refundable());
        let mut expected = frozen();
        expected["version"] = json!(1);
        expected["extra_baggage"] = json!({ "prepaid": [], "airport": [] });
        expected["conditions"]["cancellation"]["free_after_booking"] = json!([
            { "within_hours": 24, "days_ahead_domestic": 7, "days_ahead_international": 7 },
            { "within_hours": 48, "days_ahead_domestic": 7, "days_ahead_international": 15, "from_country": "IN" },
        ]);
        assert_eq!(serde_json::to_value(&read).unwrap(), expected);
    }

    #[test]
    fn every_rule_is_a_sentence_named_after_what_it_is_about() {
        let read: FareConditions = serde_json::from_value(frozen()).unwrap();
        assert_eq!(
            read.sentences(),
            [
                "Baggage: No piece over 32 kg.",
                "Cancellation: INR 3000, then the base fare.",
                "Change: Not allowed.",
            ]
        );
    }

    #[test]
    fn conditions_that_cannot_be_understood_are_refused() {
        let spoilt: [(&str, Value); 5] = [
            ("/conditions/cancellation/tiers/0/charge_minor", json!(-1)),
            ("/conditions/cancellation/tiers/0/charge_minor", json!(null)),
            ("/conditions/cancellation/tiers/1/charge", json!("half")),
            ("/conditions/currency", json!("???")),
            ("/seat_choice", json!("some")),
        ];
        for (pointer, value) in spoilt {
            let mut frozen = frozen();
            *frozen.pointer_mut(pointer).unwrap() = value;
            assert!(
                serde_json::from_value::<FareConditions>(frozen).is_err(),
                "{pointer}"
            );
        }
        let mut newer = frozen();
        newer["version"] = json!(2);
        let error = serde_json::from_value::<FareConditions>(newer).unwrap_err();
        assert!(error.to_string().contains("version 2"), "{error}");
    }
}
