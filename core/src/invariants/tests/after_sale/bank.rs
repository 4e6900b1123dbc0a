//! What happens to the money of journeys: pages that are paid, refunds that move, disputes.

use rand::RngExt;
use rand::seq::IndexedRandom;
use sqlx::{Connection, FromRow, PgConnection};
use uuid::Uuid;

use super::model::{Disputed, Paid};
use super::{Stage, refused};
use crate::ids::{PaymentId, RefundId};
use crate::invariants::tests::world::{intent, paid, rupees};
use crate::payment::stripe::{Event, Fact, StripeDispute, StripeRefund, StripeRefundStatus};
use crate::payment::{self, SettledBy, Settlement};
use crate::settlement;
use crate::trade::{BookingStatus, DisputeStatus};

/// A refund as it is stored: what is promised is the model's, how it moves is Stripe's.
#[derive(Clone, Debug, FromRow)]
pub struct RefundRow {
    pub id: RefundId,
    pub payment_id: PaymentId,
    pub booking_id: Uuid,
    pub reason: String,
    pub amount_minor: i64,
    pub status: String,
    pub stripe_refund_id: Option<String>,
    /// Whether it went in the place of one that had failed.
    pub is_retry: bool,
    /// Whether it failed, and nothing went in its place.
    pub is_owed: bool,
}

impl RefundRow {
    pub fn is_pending(&self) -> bool {
        self.status == "pending"
    }

    pub fn is_given(&self) -> bool {
        self.status != "failed"
    }

    /// Whether it is what a cancellation or a change gives back.
    pub fn is_earned(&self) -> bool {
        !self.is_retry && ["cancellation", "change"].contains(&self.reason.as_str())
    }
}

impl Stage<'_> {
    /// The refunds of the world in the order in which they were promised.
    pub async fn refunds(&self, conn: &mut PgConnection) -> Vec<RefundRow> {
        sqlx::query_as(
            "select r.id, r.payment_id, r.booking_id, r.reason, r.amount_minor, r.status, r.stripe_refund_id, r.replaces_id is not null as is_retry,
                    r.status = 'failed' and coalesce(r.failure, '') not in ('lost_dispute', 'refunded_at_stripe')
                    and not exists (select from refund other where other.replaces_id = r.id) as is_owed
             from refund r order by r.id",
        )
        .fetch_all(conn)
        .await
        .unwrap()
    }

    /// Whether what a journey waits for could be paid now.
    pub fn can_pay(&self, which: usize) -> bool {
        let now = self.now();
        let journey = &self.journeys[which];
        let is_paged = self
            .paid
            .iter()
            .any(|one| one.journey == which && one.is_open && one.opened.expires_at > now);
        let (until, amount) = match journey.status {
            BookingStatus::PendingPayment => {
                if journey.booking.payment_due_at <= now {
                    return false;
                }
                let first = self.flights[journey.ways[0].flight].departs_at;
                let window = journey.booking.created_at + chrono::Duration::minutes(75);
                (
                    Some(window.min(first - chrono::Duration::hours(1))),
                    journey.total(),
                )
            }
            BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => {
                let Some(change) = journey.waiting() else {
                    return false;
                };
                let departures = journey
                    .live()
                    .map(|way| self.flights[way.flight].departs_at);
                let next = departures.filter(|at| *at > now).min();
                (
                    next.map(|at| at - chrono::Duration::hours(1)),
                    journey.changes[change].amount,
                )
            }
            BookingStatus::Cancelled | BookingStatus::Expired => return false,
        };
        let fits = until.is_some_and(|until| now + chrono::Duration::minutes(31) <= until);
        is_paged || (fits && crate::charge::within_limits(rupees(amount)))
    }

    /// Somebody opens a page and pays it, or only opens it, or pays one that was opened before.
    pub async fn pay(&mut self, conn: &mut PgConnection, which: usize) -> String {
        // Those who have something to pay do most of it.
        let waits: Vec<_> = (0..self.journeys.len())
            .filter(|one| self.journeys[*one].waiting().is_some())
            .collect();
        let is_unpaid = self.journeys[which].status == BookingStatus::PendingPayment;
        let waits = waits.choose(&mut self.rng).copied();
        let waits = waits.filter(|_| !is_unpaid && self.rng.random_bool(0.7));
        let which = waits.unwrap_or(which);
        let earlier: Vec<_> = (0..self.paid.len())
            .filter(|one| self.paid[*one].journey == which && !self.paid[*one].came)
            .collect();
        let is_new = self.journeys[which].status == BookingStatus::PendingPayment
            && self.paid.iter().all(|one| one.journey != which);
        if !is_new && !earlier.is_empty() && self.rng.random_bool(0.3) {
            let index = *earlier.choose(&mut self.rng).unwrap();
            return self.money_comes(conn, index).await;
        }
        let can_pay = self.can_pay(which);
        let booking = self.journeys[which].booking.clone();
        let mut attempt = conn.begin().await.unwrap();
        let opened = self.world.open(&mut attempt, &booking).await;
        match &opened {
            Ok(_) => attempt.commit().await.unwrap(),
            Err(_) => attempt.rollback().await.unwrap(),
        }
        let opened = opened.map_err(|error| refused(&error));
        assert_eq!(opened.is_ok(), can_pay, "{opened:?} {}", self.story);
        let opened = match opened {
            Ok(opened) => opened,
            Err(code) => return format!("pay {code}"),
        };
        let journey = &mut self.journeys[which];
        let change = journey.waiting();
        let asked = change.map_or(journey.total(), |change| journey.changes[change].amount);
        assert_eq!(opened.amount.minor(), asked, "{}", self.story);
        if let Some(change) = change {
            let until = &mut journey.changes[change].expires_at;
            *until = (*until).max(opened.expires_at);
        } else {
            let due = &mut journey.booking.payment_due_at;
            *due = (*due).max(opened.expires_at);
        }
        let is_same = |one: &Paid| one.opened.id == opened.id;
        let index = if let Some(index) = self.paid.iter().position(is_same) {
            index
        } else {
            self.close_pages(which);
            self.paid.push(Paid {
                opened,
                journey: which,
                change,
                is_open: true,
                came: false,
                is_whole: false,
                dispute: None,
            });
            self.paid.len() - 1
        };
        if !is_new && self.rng.random_bool(0.3) {
            return "page opened".to_owned();
        }
        self.money_comes(conn, index).await
    }

    pub fn close_pages(&mut self, which: usize) {
        for one in self.paid.iter_mut().filter(|one| one.journey == which) {
            one.is_open = false;
        }
    }

    /// Whether money for a change moves everybody.
    fn buys_the_change(&self, which: usize, change: usize) -> bool {
        let now = self.now();
        let journey = &self.journeys[which];
        let change = &journey.changes[change];
        journey.is_alive()
            && change.is_open
            && change.to.iter().all(|(direction, to, _)| {
                let old = journey.way(*direction).unwrap().flight;
                let new = &self.flights[*to];
                self.flights[old].departs_at > now && !new.is_cancelled && new.departs_at > now
            })
    }

    async fn money_comes(&mut self, conn: &mut PgConnection, index: usize) -> String {
        let now = self.now();
        let (which, change) = (self.paid[index].journey, self.paid[index].change);
        let bought = if let Some(change) = change {
            self.buys_the_change(which, change)
        } else {
            let first = self.flights[self.journeys[which].ways[0].flight].departs_at;
            self.journeys[which].status == BookingStatus::PendingPayment
                && now <= first - chrono::Duration::hours(1)
        };
        if change.is_none() && self.journeys[which].status == BookingStatus::Expired {
            // Late money is what the other worlds are about.
            return "expired".to_owned();
        }
        let session = paid(&self.paid[index].opened);
        let expected = if bought {
            Settlement::Confirmed
        } else {
            Settlement::Refunding
        };
        let received = self.hear(conn, Fact::Checkout(session)).await;
        assert_eq!(
            received,
            settlement::Received::New(expected.as_str()),
            "{}",
            self.story
        );
        let one = &mut self.paid[index];
        (one.came, one.is_open, one.is_whole) = (true, false, !bought);
        let journey = &mut self.journeys[which];
        let Some(change) = change else {
            if bought {
                journey.status = BookingStatus::Confirmed;
                return "paid".to_owned();
            }
            return "money back".to_owned();
        };
        let was_open = journey.changes[change].is_open;
        journey.changes[change].is_open = false;
        if bought {
            let change = journey.changes[change].clone();
            journey.fly(&change, now);
            return "change paid".to_owned();
        }
        if was_open {
            "change cannot be had"
        } else {
            "change money back"
        }
        .to_owned()
    }

    /// Delivers an event, now and then once more under the same id.
    async fn hear(&mut self, conn: &mut PgConnection, fact: Fact) -> settlement::Received {
        self.next += 1;
        let event = Event {
            id: format!("evt_{}", self.next),
            kind: "test".into(),
            livemode: Some(false),
            fact,
        };
        let clock = &self.world.clock;
        let received = settlement::receive(conn, clock, &event, b"{}")
            .await
            .unwrap();
        if self.next.is_multiple_of(3) {
            let again = settlement::receive(conn, clock, &event, b"{}")
                .await
                .unwrap();
            assert_eq!(again, settlement::Received::Redelivered);
        }
        received
    }

    fn paid_by(&self, id: PaymentId) -> &Paid {
        self.paid.iter().find(|one| one.opened.id == id).unwrap()
    }

    /// Stripe says something of a refund. Of a payment that the bank decides about it was not asked for any.
    pub async fn refund_moves(&mut self, conn: &mut PgConnection) -> String {
        let refunds = self.refunds(conn).await;
        let waits = |row: &RefundRow| {
            let dispute = self.paid_by(row.payment_id).dispute;
            dispute.is_some_and(|dispute| dispute.is_lost.is_none())
        };
        let movable = |row: &&RefundRow| {
            (row.is_pending() && (row.stripe_refund_id.is_some() || !waits(row)))
                || (row.status == "succeeded" && row.stripe_refund_id.is_some())
        };
        let movable: Vec<_> = refunds.iter().filter(movable).collect();
        let Some(row) = movable.choose(&mut self.rng) else {
            return "nothing to refund".to_owned();
        };
        let status = if !row.is_pending() || self.rng.random_bool(0.3) {
            StripeRefundStatus::Failed
        } else {
            StripeRefundStatus::Succeeded
        };
        let stripe_id = row.stripe_refund_id.clone();
        // What may pass is tried again by itself.
        let may_pass = status == StripeRefundStatus::Failed && self.rng.random_bool(0.3);
        let said = StripeRefund {
            id: stripe_id.unwrap_or_else(|| format!("re_{}", row.id)),
            status,
            failure: may_pass.then(|| "declined".to_owned()),
            refund_id: Some(row.id),
            payment_intent: None,
            amount: rupees(row.amount_minor),
        };
        self.hear(conn, Fact::Refund(said)).await;
        format!("refund {status:?}")
    }

    /// Staff try a refund again that has failed, or say that they have paid it.
    pub async fn retry(&mut self, conn: &mut PgConnection) -> String {
        let refunds = self.refunds(conn).await;
        let owed: Vec<_> = refunds.iter().filter(|row| row.is_owed).collect();
        let chosen = if self.rng.random_bool(0.8) {
            owed.choose(&mut self.rng).copied()
        } else {
            refunds.choose(&mut self.rng)
        };
        let Some(row) = chosen else {
            return "nothing to retry".to_owned();
        };
        let clock = &self.world.clock;
        let is_retry = self.rng.random_bool(0.7);
        let mut attempt = conn.begin().await.unwrap();
        let done = if is_retry {
            payment::retry_refund(&mut attempt, clock, row.id).await
        } else {
            let how = SettledBy::BankTransfer;
            payment::settle_failed_refund(&mut attempt, clock, row.id, how, "By transfer").await
        };
        match &done {
            Ok(_) => attempt.commit().await.unwrap(),
            Err(_) => attempt.rollback().await.unwrap(),
        }
        let done = done.map_err(|error| refused(&error));
        // A retry that is said again answers what was promised then.
        if !row.is_owed && done.is_ok() {
            assert!(is_retry && row.status == "failed", "{}", self.story);
            return "refund retried before".to_owned();
        }
        let refusal = (!row.is_owed).then_some("refund_not_owed");
        assert_eq!(done.err(), refusal, "{row:?} {}", self.story);
        match refusal {
            Some(_) => "refund retried refund_not_owed",
            None if is_retry => "refund retried",
            None => "refund paid otherwise",
        }
        .to_owned()
    }

    /// A bank takes money back that has not gone back yet, or decides about what it took.
    pub async fn dispute(&mut self, conn: &mut PgConnection) -> String {
        let open = |one: &Paid| one.dispute.is_some_and(|dispute| dispute.is_lost.is_none());
        let refunds = self.refunds(conn).await;
        let candidates: Vec<_> = (0..self.paid.len())
            .filter(|one| {
                let one = &self.paid[*one];
                one.came && (one.dispute.is_none() || open(one))
            })
            .collect();
        let deciding: Vec<_> = (candidates.iter().copied())
            .filter(|one| open(&self.paid[*one]))
            .collect();
        let chosen = if self.rng.random_bool(0.6) && !deciding.is_empty() {
            deciding.choose(&mut self.rng)
        } else {
            candidates.choose(&mut self.rng)
        };
        let Some(index) = chosen.copied() else {
            return "nothing to dispute".to_owned();
        };
        let one = &self.paid[index];
        let given: i64 = (refunds.iter())
            .filter(|row| row.payment_id == one.opened.id && row.is_given())
            .filter(|row| !row.is_pending() || row.stripe_refund_id.is_some())
            .map(|row| row.amount_minor)
            .sum();
        let left = one.opened.amount.minor() - given;
        let (status, amount) = match one.dispute {
            Some(dispute) if self.rng.random_bool(0.5) => (DisputeStatus::Won, dispute.amount),
            Some(dispute) => (DisputeStatus::Lost, dispute.amount),
            None if left <= 0 => return "nothing to dispute".to_owned(),
            None => {
                let part = [left, left / 2 + 1][self.rng.random_range(0..2)];
                (DisputeStatus::NeedsResponse, part.min(left))
            }
        };
        let told = StripeDispute {
            id: format!("du_{}", self.paid[index].opened.id),
            payment_intent: Some(intent(&self.paid[index].opened)),
            status,
            reason: "fraudulent".to_owned(),
            amount: rupees(amount),
            opened_at: self.now(),
            evidence_due_by: None,
        };
        self.hear(conn, Fact::Dispute(told)).await;
        self.paid[index].dispute = Some(Disputed {
            amount,
            is_lost: match status {
                DisputeStatus::Won => Some(false),
                DisputeStatus::Lost => Some(true),
                _ => None,
            },
        });
        match status {
            DisputeStatus::Won => "dispute won",
            DisputeStatus::Lost => "dispute lost",
            _ => "dispute created",
        }
        .to_owned()
    }
}
