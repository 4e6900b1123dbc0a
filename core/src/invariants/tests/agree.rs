//! Whether the database is what the model says, at the end of a random sequence.

use crate::booking_lock;
use sqlx::PgConnection;

use super::model::BookingModel;
use super::sequences::Play;
use super::world::{CAPACITY, COUPON};
use crate::invariants::check;
use crate::trade::BookingStatus;

impl Play<'_> {
    /// The database is what the model says, and no rule is broken but for refunds that failed.
    pub async fn agrees(&mut self, conn: &mut PgConnection) {
        for (flight, id) in self.flights.iter().enumerate() {
            let counted: (i32, i32) =
                sqlx::query_as("select held, sold from flight_cabin where flight_id = $1")
                    .bind(id.0)
                    .fetch_one(&mut *conn)
                    .await
                    .unwrap();
            let seats = |status| {
                let models = self.bookings.iter().map(|(_, model)| model);
                let own = models.filter(|model| model.flight == flight && model.status == status);
                own.map(BookingModel::flying).sum::<i32>()
            };
            let models = self.bookings.iter().map(|(_, model)| model);
            let waiting: i32 = models.map(|model| model.held_for_change(flight)).sum();
            let modelled = (
                seats(BookingStatus::PendingPayment) + waiting,
                seats(BookingStatus::Confirmed) + seats(BookingStatus::PartiallyCancelled),
            );
            assert_eq!(counted, modelled, "{}", self.story);
            let used = modelled.0 + modelled.1;
            assert_eq!(used + self.stock.free[flight], CAPACITY, "{}", self.story);
        }
        let left: i32 = sqlx::query_scalar("select max_uses - used from coupon where code = $1")
            .bind(COUPON)
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        assert_eq!(left, self.stock.coupons, "{}", self.story);
        for which in 0..self.bookings.len() {
            self.read_ids(conn, which).await;
            let (booking, model) = &self.bookings[which];
            let locked = booking_lock::lock(conn, booking.id).await.unwrap();
            assert_eq!(
                (locked.status, locked.total.minor()),
                (model.status, model.total),
                "{}",
                self.story
            );
            let ledger = crate::ledger::get(conn, self.world.account, &booking.reference)
                .await
                .unwrap();
            assert!(ledger.balanced, "{}: {ledger:?}", self.story);
            assert_eq!(
                ledger.entries.last().map_or(0, |last| last.balance.minor()),
                owed(model),
                "{}",
                self.story
            );
            for payment in &model.payments {
                assert!(
                    payment.given_back() <= payment.came.unwrap_or_default(),
                    "{}",
                    self.story
                );
            }
        }
        let limbo: usize = self
            .bookings
            .iter()
            .map(|(_, model)| model.in_limbo())
            .sum();
        for finding in check(conn, &self.world.clock).await.unwrap() {
            let expected = if finding.name == "money_kept_is_earned" {
                i64::try_from(limbo).unwrap()
            } else {
                0
            };
            assert_eq!(finding.violations, expected, "{finding:?} {}", self.story);
        }
    }
}

/// What the traveller owes: the price once it is sold, less what came and was not given back.
fn owed(model: &BookingModel) -> i64 {
    let sold = if model.was_sold { model.total } else { 0 };
    let kept: i64 = model
        .payments
        .iter()
        .map(|payment| payment.came.unwrap_or_default() - payment.given_back())
        .sum();
    sold - kept
}
