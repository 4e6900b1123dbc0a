//! Whether the database is what the model says.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Stage;
use super::bank::RefundRow;
use crate::booking_lock;
use crate::ids::{FlightId, PassengerId};
use crate::invariants::check;
use crate::trade::{BookingStatus, Direction};

impl Stage<'_> {
    /// Every booking stands, costs, flies and gives back what the model says.
    pub async fn agrees_so_far(&mut self, conn: &mut PgConnection) {
        let rows: Vec<(Uuid, BookingStatus, i64, i64)> = sqlx::query_as(
            "select b.id, b.status, b.total_minor, coalesce((
                 select sum(r.amount_minor) from refund r
                 where r.booking_id = b.id and r.reason in ('cancellation', 'change') and r.replaces_id is null), 0)::bigint
             from booking b",
        )
        .fetch_all(&mut *conn)
        .await
        .unwrap();
        for journey in &self.journeys {
            let row = rows
                .iter()
                .find(|row| row.0 == journey.booking.id.0)
                .unwrap();
            let modelled = (journey.status, journey.total(), journey.owed_back);
            let found = (row.1, row.2, row.3);
            let reference = journey.booking.reference.as_str();
            assert_eq!(found, modelled, "{reference} {}", self.story);
        }
    }

    /// And at the end of a world: who flies where, what each cabin has, what every rule finds.
    pub async fn agrees(&mut self, conn: &mut PgConnection) {
        self.places_agree(conn).await;
        self.cabins_agree(conn).await;
        let refunds = self.refunds(conn).await;
        self.parties_agree(conn, &refunds).await;
        let expected = self.in_limbo(&refunds);
        for finding in check(conn, &self.world.clock).await.unwrap() {
            let expected = if finding.name == "money_kept_is_earned" {
                expected
            } else {
                0
            };
            assert_eq!(finding.violations, expected, "{finding:?} {}", self.story);
        }
        for which in 0..self.journeys.len() {
            self.actions_are_true(conn, which).await;
        }
    }

    async fn places_agree(&self, conn: &mut PgConnection) {
        let mut found: Vec<(PassengerId, Direction, FlightId)> = sqlx::query_as(
            "select p.id, d.name, bf.flight_id
             from booking b
             join passenger p on p.booking_id = b.id
             join direction d on d.booking_id = b.id and d.status = 'booked'
             join booked_flight bf on bf.direction_id = d.id
             where b.status not in ('expired', 'cancelled')
               and not exists (select from cancelled_place gone where gone.passenger_id = p.id and gone.direction_id = d.id)",
        )
        .fetch_all(conn)
        .await
        .unwrap();
        let mut modelled: Vec<_> = (self.journeys.iter())
            .flat_map(|journey| &journey.ways)
            .flat_map(|way| {
                let flight = self.flights[way.flight].id;
                way.flying
                    .iter()
                    .map(move |who| (*who, way.direction, flight))
            })
            .collect();
        let key = |one: &(PassengerId, Direction, FlightId)| (one.0.0, one.1);
        found.sort_by_key(key);
        modelled.sort_by_key(key);
        assert_eq!(found, modelled, "{}", self.story);
    }

    async fn cabins_agree(&self, conn: &mut PgConnection) {
        for (index, flight) in self.flights.iter().enumerate() {
            let found: (i32, i32) =
                sqlx::query_as("select held, sold from flight_cabin where flight_id = $1")
                    .bind(flight.id.0)
                    .fetch_one(&mut *conn)
                    .await
                    .unwrap();
            let (mut held, mut sold) = (0, 0);
            for journey in &self.journeys {
                let own = journey.ways.iter().filter(|way| way.flight == index);
                let flying: usize = own.map(|way| way.flying.len()).sum();
                if journey.is_alive() {
                    sold += flying;
                } else {
                    held += flying;
                }
                if let Some(change) = journey.waiting() {
                    let to = journey.changes[change].to.iter();
                    let to = to.filter(|(_, flight, _)| *flight == index);
                    let waiting = to.map(|(direction, ..)| journey.way(*direction).unwrap());
                    held += waiting.map(|way| way.flying.len()).sum::<usize>();
                }
            }
            let modelled = (i32::try_from(held).unwrap(), i32::try_from(sold).unwrap());
            assert_eq!(found, modelled, "{index} {}", self.story);
        }
    }

    /// The bookings of a party share their payments: together they owe what failed to go back, and nothing else.
    async fn parties_agree(&self, conn: &mut PgConnection, refunds: &[RefundRow]) {
        let parties = 0..self.journeys.len();
        for party in parties.filter(|one| self.journeys[*one].party == *one) {
            let (mut balance, mut limbo) = (0, 0);
            for journey in self.journeys.iter().filter(|one| one.party == party) {
                let account = self.world.account;
                let reference = &journey.booking.reference;
                let ledger = crate::ledger::get(conn, account, reference).await.unwrap();
                assert!(ledger.balanced, "{} {ledger:?}", self.story);
                balance += ledger.entries.last().map_or(0, |last| last.balance.minor());
                let own = refunds.iter();
                let own = own.filter(|row| row.is_owed && row.booking_id == journey.booking.id.0);
                limbo += own.map(|row| row.amount_minor).sum::<i64>();
                if journey.status == BookingStatus::Cancelled && journey.live().count() == 0 {
                    let locked = booking_lock::lock(conn, journey.booking.id).await.unwrap();
                    assert_eq!(locked.status, BookingStatus::Cancelled);
                }
            }
            assert_eq!(balance, -limbo, "{party} {}", self.story);
        }
    }

    /// How often money is kept that nobody has earned, because refunds failed: once a payment that bought nothing, else once a
    /// party. What a bank gave beyond what was owed hides as much, unless nothing was cancelled.
    fn in_limbo(&self, refunds: &[RefundRow]) -> i64 {
        let mut found = 0;
        let parties = 0..self.journeys.len();
        for party in parties.filter(|one| self.journeys[*one].party == *one) {
            let (mut limbo, mut beyond) = (0, 0);
            let of_party = |which: usize| self.journeys[which].party == party;
            for one in self
                .paid
                .iter()
                .filter(|one| one.came && of_party(one.journey))
            {
                let id = one.opened.id;
                let own = || refunds.iter().filter(move |row| row.payment_id == id);
                let sum = |is_wanted: fn(&RefundRow) -> bool| -> i64 {
                    let wanted = own().filter(|row| is_wanted(row));
                    wanted.map(|row| row.amount_minor).sum()
                };
                let owed = sum(|row| row.is_owed);
                if one.is_whole {
                    found += i64::from(owed > 0);
                    continue;
                }
                let lost = one.dispute.filter(|one| one.is_lost == Some(true));
                let given = sum(RefundRow::is_given) + lost.map_or(0, |lost| lost.amount);
                beyond += (given - sum(RefundRow::is_earned)).max(0);
                limbo += owed;
            }
            let mut sold = self.journeys.iter().filter(|one| {
                one.party == party && (one.is_alive() || one.status == BookingStatus::Cancelled)
            });
            let is_confirmed = sold.all(|one| one.status == BookingStatus::Confirmed);
            found += i64::from(limbo > 0 && (limbo > beyond || is_confirmed));
        }
        found
    }
}
