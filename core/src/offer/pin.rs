//! What an offer's token says: all that makes its price and nothing that follows from it. Lines follow from the tariff,
//! which is named, so a token has some 230 characters whatever the taxes are.
//!
//! **Offers carry what makes their price.** A token names the version of the tariff, and per flight the base fare
//! and the load step (some 230 characters for three flights); the hold computes the lines of these again. Every
//! change of the tariff's tables writes a whole version (`tariff_version`, by triggers, so that no way to edit them
//! forgets it), and versions stay: a tariff that changes within the 15 minutes cannot change a price that was
//! shown. Lines in the token would need no table, but a country with twenty taxes would make it longer than a URL
//! may be.

use chrono::{DateTime, Utc};

use crate::fare::LoadedFare;
use crate::ids::{AccountId, FlightId};
use crate::money::{self, Currency};
use crate::trade::{Cabin, Factor, Party};

/// The form that this program writes; it reads no other.
const FORM: u8 = 1;
/// Flights of a token at most.
const FLIGHTS: u8 = 8;

/// An offer as its token carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Whose it is.
    pub account_id: AccountId,
    /// Until when it can be held or booked.
    pub expires_at: DateTime<Utc>,
    /// For whom.
    pub party: Party,
    /// In which cabin.
    pub cabin: Cabin,
    /// The currency of its price.
    pub currency: Currency,
    /// Which tariff its price was made with.
    pub tariff: i64,
    /// Code of the fare family.
    pub family: String,
    /// The flights in order, with what they cost when it was made.
    pub fares: Vec<LoadedFare>,
}

impl Pin {
    /// The flights, in order.
    pub fn flights(&self) -> Vec<FlightId> {
        self.fares.iter().map(|fare| fare.flight_id).collect()
    }

    /// The bytes of a token; `None` for what has no room in one: more than 255 of a party's type, a fare family's code
    /// of more than 64 bytes.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![FORM];
        bytes.extend(self.account_id.0.as_bytes());
        bytes.extend(
            u32::try_from(self.expires_at.timestamp())
                .ok()?
                .to_be_bytes(),
        );
        for count in [self.party.adults, self.party.children, self.party.infants] {
            bytes.push(u8::try_from(count).ok()?);
        }
        let cabin = Cabin::ALL.iter().position(|cabin| *cabin == self.cabin)?;
        bytes.push(u8::try_from(cabin).ok()?);
        bytes.extend(self.currency.code().as_bytes().first_chunk::<3>()?);
        bytes.extend(self.tariff.to_be_bytes());
        text(&mut bytes, &self.family, 64)?;
        bytes.push(
            u8::try_from(self.fares.len())
                .ok()
                .filter(|count| *count <= FLIGHTS)?,
        );
        for fare in &self.fares {
            bytes.extend(fare.flight_id.0.as_bytes());
            text(&mut bytes, &fare.origin_country, 2)?;
            bytes.extend(fare.base_fare_minor.to_be_bytes());
            bytes.extend(u32::try_from(fare.load.0).ok()?.to_be_bytes());
        }
        Some(bytes)
    }

    /// What [`Pin::encode`] wrote; `None` for anything else.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        if rest.byte()? != FORM {
            return None;
        }
        let account_id = AccountId(uuid::Uuid::from_bytes(rest.take()?));
        let expires_at = DateTime::from_timestamp(i64::from(u32::from_be_bytes(rest.take()?)), 0)?;
        let party = Party {
            adults: rest.byte()?.into(),
            children: rest.byte()?.into(),
            infants: rest.byte()?.into(),
        };
        let cabin = *Cabin::ALL.get(usize::from(rest.byte()?))?;
        let currency = money::currency(std::str::from_utf8(&rest.take::<3>()?).ok()?)?;
        let tariff = i64::from_be_bytes(rest.take()?);
        let family = rest.text()?;
        let count = rest.byte()?;
        let mut fares = Vec::with_capacity(usize::from(count.min(FLIGHTS)));
        for _ in 0..count {
            fares.push(LoadedFare {
                flight_id: FlightId(uuid::Uuid::from_bytes(rest.take()?)),
                origin_country: rest.text()?,
                base_fare_minor: i64::from_be_bytes(rest.take()?),
                load: Factor(u32::from_be_bytes(rest.take()?).into()),
            });
        }
        rest.0.is_empty().then_some(Self {
            account_id,
            expires_at,
            party,
            cabin,
            currency,
            tariff,
            family,
            fares,
        })
    }
}

/// A length of one byte, then the text; `None` for one that is longer than `most`.
fn text(bytes: &mut Vec<u8>, text: &str, most: u8) -> Option<()> {
    let length = u8::try_from(text.len())
        .ok()
        .filter(|length| *length <= most)?;
    bytes.push(length);
    bytes.extend(text.as_bytes());
    Some(())
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*chunk)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::from(self.byte()?);
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pin() -> impl Strategy<Value = Pin> {
        let fare = (any::<u128>(), 0..i64::MAX, 1_i64..=99_999_999);
        let fare = fare.prop_map(|(id, base_fare_minor, load)| LoadedFare {
            flight_id: FlightId(uuid::Uuid::from_u128(id)),
            origin_country: "IN".to_owned(),
            base_fare_minor,
            load: Factor(load),
        });
        (
            any::<u128>(),
            any::<u32>(),
            0_u16..100,
            0_usize..4,
            any::<i64>(),
            prop::collection::vec(fare, 1..4),
        )
            .prop_map(|(account, expires, people, cabin, tariff, fares)| Pin {
                account_id: AccountId(uuid::Uuid::from_u128(account)),
                expires_at: DateTime::from_timestamp(expires.into(), 0).unwrap(),
                party: Party {
                    adults: people,
                    children: 99 - people,
                    infants: people,
                },
                cabin: Cabin::ALL[cabin],
                currency: Currency::KWD,
                tariff,
                family: "standard".to_owned(),
                fares,
            })
    }

    proptest! {
        #[test]
        fn a_token_says_what_was_pinned_in_few_bytes(pin in pin()) {
            let bytes = pin.encode().unwrap();
            // Base64, a dot, and a signature of 32 bytes.
            let length = bytes.len().div_ceil(3) * 4 + 1 + 43;
            prop_assert!(length <= 400, "{}", length);
            prop_assert_eq!(Pin::decode(&bytes), Some(pin));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(pin) = Pin::decode(&bytes) {
                prop_assert_eq!(pin.encode(), Some(bytes));
            }
        }
    }
}
