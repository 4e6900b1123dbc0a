//! An answer as it was found: its order, its numbers and its itineraries, frozen in bytes.
//!
//! The itineraries are records of one size, so that a page is read without the others. Seats, prices and times are
//! not in them: those are looked up when a page is served.
//!
//! **A cached search holds flights and their order, never prices.** A kept price would have to be invalidated by
//! every sale. Flight ids need not be: seats, status, times and prices are read again for the twenty itineraries
//! that are shown, which is one statement, whoever made the answer. So an answer may be shared by all accounts, its
//! offers are signed for one, and a page may be shorter than `limit`.
//!
//! **A first page is one value in Redis, further pages are two.** Under the query's hash stands the head with the
//! first 100 itineraries (the largest page), under the snapshot's id the head and all records, read by range. A hit
//! is one round trip and reads 7 KB at most, whatever the search found. The age that counts is inside the value, by
//! our `Clock`; Redis' own expiry only cleans up.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::cursor::PAGES_FOR;
use super::find::answer;
use super::model::{DirectionQuery, Facets, Found, Itinerary, Relaxation};
use super::quotes::Seen;
use super::relax::of_answer;
use super::timetable::Timetable;
use crate::connections::Connections;
use crate::ids::FlightId;
use crate::{Error, Result, Shop};

/// How long after it was made a snapshot answers new searches.
pub const SEARCHES_FOR: Duration = Duration::seconds(300);
/// Itineraries that stand beside the head: as many as the largest page has.
pub const FIRST: usize = 100;
/// How many of the cheapest a head names in any case: the first of them may be gone when it is served.
const CHEAPEST: usize = 3;
/// Flights of an itinerary at most.
const FLIGHTS: usize = 3;
/// Bytes of an itinerary.
pub const RECORD: usize = 16 * FLIGHTS;

/// What an answer says of all its itineraries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The snapshot.
    pub id: Uuid,
    /// When the itineraries were found.
    pub made_at: DateTime<Utc>,
    /// How many there are.
    pub total: u32,
    /// Whether that is all there is.
    pub complete: bool,
    /// What each option of a filter would give.
    pub facets: Facets,
    /// The last local date on which any flight leaves.
    pub sales_horizon: Option<NaiveDate>,
    /// When there are none: what dropping one filter would give.
    pub relaxations: Vec<Relaxation>,
    /// How many there are besides that cost more than can be paid at once.
    #[serde(default)]
    pub unpayable: u32,
    /// Those that the cheapest round trip with any other direction is made of, wherever they stand.
    pub cheapest: Vec<Vec<FlightId>>,
}

impl Head {
    /// Whether its pages may still be read.
    pub fn serves_pages(&self, now: DateTime<Utc>) -> bool {
        now - self.made_at < PAGES_FOR
    }
}

/// A frozen answer, or a part of it that begins somewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// What it says of all.
    pub head: Head,
    /// The flights of each itinerary, in the order that was asked for.
    pub itineraries: Vec<Vec<FlightId>>,
}

impl Snapshot {
    /// Answers a query and freezes the answer; an empty one says what to relax. With it come the flights that were
    /// looked at, when they were few: whoever asked is served without a second look.
    pub async fn make<'c>(
        conns: impl Into<Connections<'c>>,
        shop: Shop<'_>,
        timetable: &Timetable,
        query: &DirectionQuery,
    ) -> Result<(Self, Option<Seen>)> {
        let (mut conns, now) = (conns.into(), shop.clock.now());
        let mut answer = answer(&mut conns, shop, timetable, query).await?;
        let seen = answer.seen.take();
        let found = answer.found.clone();
        let relaxations = if found.itineraries.is_empty() {
            of_answer(&mut conns, shop, timetable, query, answer).await?
        } else {
            Vec::new()
        };
        Ok((Self::freeze(now, found, relaxations), seen))
    }

    /// Freezes what was found.
    pub fn freeze(now: DateTime<Utc>, found: Found, relaxations: Vec<Relaxation>) -> Self {
        let mut cheapest: Vec<&Itinerary> = found.itineraries.iter().collect();
        cheapest.sort_by_key(|itinerary| itinerary.total_minor);
        cheapest.truncate(CHEAPEST);
        for one in found.for_pairs {
            let one = found.itineraries.get(one);
            cheapest.extend(
                one.filter(|one| !cheapest.iter().any(|known| known.flights == one.flights)),
            );
        }
        Self {
            head: Head {
                id: Uuid::now_v7(),
                made_at: now,
                total: u32::try_from(found.itineraries.len()).unwrap_or(u32::MAX),
                complete: found.complete,
                unpayable: found.unpayable,
                cheapest: cheapest.iter().map(|one| one.flights.clone()).collect(),
                facets: found.facets,
                sales_horizon: found.sales_horizon,
                relaxations,
            },
            itineraries: found
                .itineraries
                .into_iter()
                .map(|one| one.flights)
                .collect(),
        }
    }

    /// The head in bytes. [`Error::Internal`] for what does not serialise.
    pub fn head_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(&self.head)
            .map_err(|error| Error::Internal(format!("a snapshot does not serialise: {error}")))
    }

    /// The itineraries in bytes, [`RECORD`] each.
    pub fn records(&self) -> Vec<u8> {
        let mut records = Vec::with_capacity(self.itineraries.len() * RECORD);
        for flights in &self.itineraries {
            for index in 0..FLIGHTS {
                let id = flights.get(index).map_or(Uuid::nil(), |id| id.0);
                records.extend_from_slice(id.as_bytes());
            }
        }
        records
    }

    /// The head and the first itineraries in one piece: all that a first page needs.
    pub fn first_page(head: &[u8], records: &[u8]) -> Vec<u8> {
        let records = records.get(..FIRST * RECORD).unwrap_or(records);
        let mut bytes = Vec::with_capacity(4 + head.len() + records.len());
        bytes.extend(u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(head);
        bytes.extend(records);
        bytes
    }

    /// What [`Snapshot::first_page`] wrote; `None` for anything else.
    pub fn read_first(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (head, records) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        Self::read(head, records)
    }

    /// A head with some of its itineraries; `None` for bytes that are none.
    pub fn read(head: &[u8], records: &[u8]) -> Option<Self> {
        let head = serde_json::from_slice(head).ok()?;
        let (records, rest) = records.as_chunks::<RECORD>();
        let itinerary = |record: &[u8; RECORD]| {
            let (ids, _) = record.as_chunks::<16>();
            let ids = ids.iter().map(|id| Uuid::from_bytes(*id));
            ids.filter(|id| !id.is_nil()).map(FlightId).collect()
        };
        rest.is_empty().then(|| Self {
            head,
            itineraries: records.iter().map(itinerary).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use proptest::prelude::*;

    use super::*;

    fn found(sizes: &[usize]) -> Found {
        let now = Utc.with_ymd_and_hms(2026, 12, 20, 8, 0, 0).unwrap();
        let itineraries = sizes.iter().zip(0_i64..).map(|(size, index)| Itinerary {
            flights: (0..*size).map(|_| FlightId::new()).collect(),
            departs_at: now,
            arrives_at: now,
            total_minor: 1_000_000 - index,
        });
        Found {
            itineraries: itineraries.collect(),
            complete: true,
            ..Found::default()
        }
    }

    proptest! {
        #[test]
        fn a_snapshot_reads_as_it_was_frozen(sizes in prop::collection::vec(1_usize..4, 0..130), from in 0_usize..130) {
            let now = Utc.with_ymd_and_hms(2026, 12, 20, 8, 0, 0).unwrap();
            let snapshot = Snapshot::freeze(now, found(&sizes), Vec::new());
            let (head, records) = (snapshot.head_bytes().unwrap(), snapshot.records());
            prop_assert_eq!(Snapshot::read(&head, &records), Some(snapshot.clone()));
            let first = Snapshot::read_first(&Snapshot::first_page(&head, &records)).unwrap();
            prop_assert_eq!(&first.itineraries[..], &snapshot.itineraries[..sizes.len().min(FIRST)]);
            let from = from.min(sizes.len());
            let rest = Snapshot::read(&head, &records[from * RECORD..]).unwrap();
            prop_assert_eq!(&rest.itineraries[..], &snapshot.itineraries[from..]);
            prop_assert_eq!(snapshot.head.cheapest.first(), snapshot.itineraries.last());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Snapshot::read_first(&bytes), None);
        }
    }

    #[test]
    fn the_pages_of_a_snapshot_are_served_for_fifteen_minutes() {
        let now = Utc.with_ymd_and_hms(2026, 12, 20, 8, 0, 0).unwrap();
        let head = Snapshot::freeze(now, found(&[1]), Vec::new()).head;
        let serves = |seconds| head.serves_pages(now + Duration::seconds(seconds));
        assert_eq!([0, 899, 900].map(serves), [true, true, false]);
    }
}
