//! Time passes, and what is due by the clock happens.

use chrono::Duration;
use rand::RngExt;
use sqlx::PgConnection;

use super::Stage;
use crate::booking::{self, sweep_changes_with, sweep_disruptions_with};
use crate::booking_lock;
use crate::payment;
use crate::ticket;
use crate::trade::BookingStatus;

impl Stage<'_> {
    /// Minutes, hours or days pass.
    pub async fn pass(&mut self, conn: &mut PgConnection) -> String {
        let by = match self.rng.random_range(0..10) {
            0..5 => Duration::minutes(self.rng.random_range(5..40)),
            5..8 => Duration::hours(self.rng.random_range(1..12)),
            _ => Duration::hours(self.rng.random_range(20..75)),
        };
        self.advance(conn, by).await;
        "time passes".to_owned()
    }

    /// It is so many hours after the first departure there was to be, or before it, unless it is later already.
    pub async fn leap(&mut self, conn: &mut PgConnection, hours: i64) -> String {
        let first = self.flights[0].departs_at + Duration::hours(hours);
        let by = first - self.now();
        if by > Duration::zero() {
            self.advance(conn, by).await;
        }
        "time leaps".to_owned()
    }

    async fn advance(&mut self, conn: &mut PgConnection, by: Duration) {
        self.world.clock.advance(by);
        let now = self.now();
        for which in 0..self.journeys.len() {
            let journey = &self.journeys[which];
            if journey.status != BookingStatus::PendingPayment
                || journey.booking.payment_due_at > now
            {
                continue;
            }
            // As the sweep ends it when Stripe does not answer.
            let locked = booking_lock::lock(conn, journey.booking.id).await.unwrap();
            let clock = &self.world.clock;
            payment::lapse(conn, clock, &locked).await.unwrap();
            booking::expire(conn, clock, &locked).await.unwrap();
            self.close_pages(which);
            let journey = &mut self.journeys[which];
            journey.status = BookingStatus::Expired;
            for way in &mut journey.ways {
                way.flying.clear();
            }
        }
        sweep_changes_with(conn, &self.world.clock).await.unwrap();
        for which in 0..self.journeys.len() {
            let has_page = self
                .paid
                .iter()
                .any(|one| one.journey == which && one.is_open);
            let patience = Duration::seconds(if has_page { 60 } else { 0 });
            let mut has_lapsed = false;
            for change in &mut self.journeys[which].changes {
                if change.is_open && change.expires_at + patience <= now {
                    change.is_open = false;
                    has_lapsed = true;
                }
            }
            if has_lapsed {
                self.close_pages(which);
                self.also.push("change lapsed");
            }
        }
        let policy = &self.world.disruptions;
        sweep_disruptions_with(conn, &self.world.clock, policy)
            .await
            .unwrap();
        self.stragglers();
        self.silence();
        ticket::mark_flown(conn, &self.world.clock).await.unwrap();
    }
}
