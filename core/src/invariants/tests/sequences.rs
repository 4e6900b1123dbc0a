//! R17 and R18: random sequences of what can happen to bookings and their money, each step compared with the model,
//! and the rules over the whole database asked after every world of them.
//!
//! `FLIGHTDESK_SEQUENCES` says how many (10,000), `FLIGHTDESK_SEED` which; both are printed.

use std::fmt::Write;

use chrono::Duration;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{Connection, PgConnection, PgPool};

use super::model::{BookingModel, PaymentModel};
use super::world::{CAPACITY, Line, World, intent, paid, rupees, session};
use crate::booking::{self, BookingStatus, LockedBooking};
use crate::ids::RefundId;
use crate::invariants::check;
use crate::payment::stripe::{
    CheckoutSession, CheckoutStatus, Event, Fact, StripeRefund, StripeRefundStatus,
};
use crate::payment::{self, Settlement};
use crate::{Error, Result};

/// Bookings that share a flight, and so its last seats.
const A_WORLD: usize = 25;
/// Steps for each booking, on average.
const STEPS: usize = 5;

struct Play<'a> {
    world: &'a World,
    rng: StdRng,
    bookings: Vec<(LockedBooking, BookingModel)>,
    free: i32,
    /// Stripe's refunds and events are numbered.
    next: u64,
    story: String,
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |raw| raw.parse().unwrap())
}

fn code<T>(result: Result<T>) -> Result<T, &'static str> {
    result.map_err(|error| match error {
        Error::AlreadyPaid => "already_paid",
        Error::WrongState { .. } => "wrong_state",
        Error::PaymentWindowClosed { .. } => "payment_window_closed",
        other => panic!("{other}"),
    })
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn ten_thousand_random_sequences_do_what_the_model_does(pool: PgPool) {
    let seed = setting("FLIGHTDESK_SEED", rand::random());
    let sequences = usize::try_from(setting("FLIGHTDESK_SEQUENCES", 10_000)).unwrap();
    eprintln!("FLIGHTDESK_SEED={seed} FLIGHTDESK_SEQUENCES={sequences}");
    let mut conn = pool.acquire().await.unwrap();
    let world = World::begin(&mut conn).await;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut seen = std::collections::BTreeMap::new();
    for number in 0..sequences.div_ceil(A_WORLD) {
        let mut tx = conn.begin().await.unwrap();
        let mut play = Play {
            world: &world,
            rng: StdRng::seed_from_u64(rng.random()),
            bookings: Vec::new(),
            free: CAPACITY,
            next: 0,
            story: format!("seed {seed}, world {number}:"),
        };
        for _ in 0..A_WORLD * STEPS {
            *seen.entry(play.step(&mut tx).await).or_insert(0_u32) += 1;
        }
        play.agrees(&mut tx).await;
        // Rolled back: every world begins with an empty flight.
        tx.rollback().await.unwrap();
    }
    eprintln!("{seen:?}");
    for happened in [
        "Confirmed",
        "ConfirmedLate",
        "Refunding",
        "Mismatch",
        "AlreadySettled",
        "SessionExpired",
        "expired",
        "cancelled",
        "refund Succeeded",
        "refund Failed",
        "elsewhere true",
        "elsewhere false",
    ] {
        assert!(
            sequences < 1000 || seen.contains_key(happened),
            "no sequence led to {happened}: {seen:?}"
        );
    }
}

impl Play<'_> {
    /// One thing happens to one booking; what it came to.
    async fn step(&mut self, conn: &mut PgConnection) -> String {
        if self.bookings.len() < A_WORLD && (self.bookings.is_empty() || self.rng.random_bool(0.2))
        {
            return self.create(conn).await;
        }
        let which = self.rng.random_range(0..self.bookings.len());
        let what = self.rng.random_range(0..100);
        let _ = write!(self.story, " {which}:{what}");
        match what {
            0..25 => self.open(conn, which).await,
            25..50 => self.pay(conn, which, false).await,
            50..55 => self.pay(conn, which, true).await,
            55..62 => self.page_expires(conn, which).await,
            62..72 => self.deadline(conn, which).await,
            72..80 => self.cancel(conn, which).await,
            80..92 => self.refund_moves(conn, which).await,
            _ => self.refund_elsewhere(conn, which).await,
        }
    }

    async fn create(&mut self, conn: &mut PgConnection) -> String {
        let seats = self.rng.random_range(1..=3);
        if seats > self.free {
            return "sold out".to_owned();
        }
        self.free -= seats;
        let mut lines: Vec<Line> =
            vec![("base_fare", "standard", self.rng.random_range(1..=900_000))];
        for (kind, code) in [
            ("tax", "GST"),
            ("tax", "UDF"),
            ("fee", "CONV"),
            ("baggage", "10kg"),
            ("seat", "12A"),
            ("base_fare", "standard"),
        ] {
            if self.rng.random_bool(0.4) {
                lines.push((kind, code, self.rng.random_range(0..=50_000)));
            }
        }
        lines.push(("fee", "CONV", 30_000));
        if self.rng.random_bool(0.3) {
            lines.push(("discount", "ODD", -self.rng.random_range(1..=lines[0].2)));
        }
        let booking = self.world.book(conn, seats, &lines).await;
        let model = BookingModel {
            seats,
            total: booking.total.minor(),
            status: BookingStatus::PendingPayment,
            created_at: booking.created_at,
            due: booking.payment_due_at,
            payments: Vec::new(),
        };
        self.bookings.push((booking, model));
        "created".to_owned()
    }

    async fn open(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let (booking, model) = &mut self.bookings[which];
        let now = self.world.clock.now();
        let expected = model.can_open(now);
        let opened = code(self.world.open(conn, booking).await);
        assert_eq!(
            opened.as_ref().map(|_| ()).map_err(|code| *code),
            expected.map(|_| ()),
            "{}",
            self.story
        );
        if let (Ok(payment), Ok(true)) = (&opened, expected) {
            for before in &mut model.payments {
                before.open = false;
            }
            model.due = model.due.max(payment.expires_at);
            model.payments.push(PaymentModel::new(payment.clone()));
        }
        if expected == Err("payment_window_closed")
            && let Some(open) = model.open()
        {
            // The refusal rolls back in the api; here its page would stay closed.
            payment::refuse(conn, &self.world.clock, model.payments[open].opened.id)
                .await
                .unwrap();
            model.payments[open].open = false;
        }
        format!(
            "open {}",
            opened.map_or_else(str::to_owned, |_| "ok".to_owned())
        )
    }

    fn any_payment(&mut self, which: usize) -> Option<usize> {
        let payments = self.bookings[which].1.payments.len();
        (payments > 0).then(|| self.rng.random_range(0..payments))
    }

    /// Delivers an event, now and then once more under the same id.
    async fn deliver(&mut self, conn: &mut PgConnection, fact: Fact) -> payment::Received {
        self.next += 1;
        let event = Event {
            id: format!("evt_{}", self.next),
            kind: "test".into(),
            fact,
        };
        let received = payment::receive(conn, &self.world.clock, &event, b"{}")
            .await
            .unwrap();
        if self.next.is_multiple_of(3) {
            let again = payment::receive(conn, &self.world.clock, &event, b"{}")
                .await
                .unwrap();
            assert_eq!(again, payment::Received::Redelivered);
        }
        received
    }

    async fn pay(&mut self, conn: &mut PgConnection, which: usize, wrong: bool) -> String {
        let Some(index) = self.any_payment(which) else {
            return "nothing to pay".to_owned();
        };
        let model = &mut self.bookings[which].1;
        let amount = if wrong { model.total + 1 } else { model.total };
        let expected = model.pay(index, amount, &mut self.free);
        let opened = &model.payments[index].opened;
        let session = CheckoutSession {
            amount: Some(rupees(amount)),
            ..paid(opened)
        };
        self.settles(conn, session, expected).await
    }

    async fn page_expires(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let Some(index) = self.any_payment(which) else {
            return "nothing to expire".to_owned();
        };
        let payment = &mut self.bookings[which].1.payments[index];
        let expected = if payment.open {
            Settlement::SessionExpired
        } else {
            Settlement::AlreadySettled
        };
        payment.open = false;
        let session = CheckoutSession {
            status: CheckoutStatus::Expired,
            ..session(&payment.opened)
        };
        self.settles(conn, session, expected).await
    }

    async fn settles(
        &mut self,
        conn: &mut PgConnection,
        session: CheckoutSession,
        expected: Settlement,
    ) -> String {
        let received = self.deliver(conn, Fact::Checkout(session)).await;
        assert_eq!(
            received,
            payment::Received::New(expected.as_str()),
            "{}",
            self.story
        );
        format!("{expected:?}")
    }

    /// Some minutes pass, and what is due ends as the sweep ends it when Stripe does not answer.
    async fn deadline(&mut self, conn: &mut PgConnection, which: usize) -> String {
        self.world
            .clock
            .advance(Duration::minutes(self.rng.random_range(0..20)));
        let now = self.world.clock.now();
        let (booking, model) = &mut self.bookings[which];
        let locked = booking::lock(conn, booking.id).await.unwrap();
        assert_eq!(
            (locked.status, locked.payment_due_at),
            (model.status, model.due),
            "{}",
            self.story
        );
        if locked.status != BookingStatus::PendingPayment || locked.payment_due_at > now {
            return "not due".to_owned();
        }
        payment::lapse(conn, &self.world.clock, &locked)
            .await
            .unwrap();
        booking::expire(conn, &self.world.clock, &locked)
            .await
            .unwrap();
        model.end(BookingStatus::Expired, &mut self.free);
        "expired".to_owned()
    }

    async fn cancel(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let (booking, model) = &mut self.bookings[which];
        let done = code(
            booking::cancel_unpaid(
                conn,
                &self.world.clock,
                self.world.account,
                &booking.reference,
            )
            .await,
        );
        let expected = match model.status {
            BookingStatus::PendingPayment | BookingStatus::Cancelled => Ok(()),
            BookingStatus::Confirmed
            | BookingStatus::PartiallyCancelled
            | BookingStatus::Expired => Err("wrong_state"),
        };
        assert_eq!(done, expected, "{}", self.story);
        if model.status == BookingStatus::PendingPayment {
            model.end(BookingStatus::Cancelled, &mut self.free);
        }
        done.map_or_else(|code| format!("cancel {code}"), |()| "cancelled".to_owned())
    }

    /// Stripe says something of a refund that we asked for.
    async fn refund_moves(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let status = [
            StripeRefundStatus::Pending,
            StripeRefundStatus::Succeeded,
            StripeRefundStatus::Succeeded,
            StripeRefundStatus::Failed,
        ][self.rng.random_range(0..4)];
        self.read_ids(conn, which).await;
        let refunds: Vec<_> = self.bookings[which]
            .1
            .payments
            .iter_mut()
            .flat_map(|payment| &mut payment.refunds)
            .collect();
        if refunds.is_empty() {
            return "nothing to refund".to_owned();
        }
        let index = self.rng.random_range(0..refunds.len());
        let refund = refunds.into_iter().nth(index).unwrap();
        let stripe_id = refund
            .stripe_id
            .clone()
            .unwrap_or_else(|| format!("re_{}", refund.id.unwrap()));
        let said = StripeRefund {
            id: stripe_id.clone(),
            status,
            failure: None,
            refund_id: refund.id,
            payment_intent: None,
            amount: rupees(refund.amount),
        };
        let moves = refund.status == StripeRefundStatus::Pending
            || (refund.status == StripeRefundStatus::Succeeded
                && status == StripeRefundStatus::Failed);
        if moves {
            refund.status = status;
            refund.stripe_id = Some(stripe_id);
        }
        self.deliver(conn, Fact::Refund(said)).await;
        format!("refund {status:?}")
    }

    /// Staff give something back in Stripe's dashboard.
    async fn refund_elsewhere(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let Some(index) = self.any_payment(which) else {
            return "nothing to give back".to_owned();
        };
        self.next += 1;
        let id = format!("re_elsewhere_{}", self.next);
        let status = [
            StripeRefundStatus::Pending,
            StripeRefundStatus::Succeeded,
            StripeRefundStatus::Failed,
        ][self.rng.random_range(0..3)];
        let payment = &mut self.bookings[which].1.payments[index];
        let most = payment.came.unwrap_or(100);
        let amount = [1, most / 2 + 1, most][self.rng.random_range(0..3)];
        let said = StripeRefund {
            id: id.clone(),
            status,
            failure: None,
            refund_id: None,
            payment_intent: Some(intent(&payment.opened)),
            amount: rupees(amount),
        };
        let fits = payment.refund_elsewhere(&id, amount, status);
        let expected = if fits { "refund_settled" } else { "unknown" };
        let received = self.deliver(conn, Fact::Refund(said)).await;
        assert_eq!(received, payment::Received::New(expected), "{}", self.story);
        format!("elsewhere {fits}")
    }

    /// The refunds of a booking are in the model in the order they were made: the rows have the ids.
    async fn read_ids(&mut self, conn: &mut PgConnection, which: usize) {
        let (booking, model) = &mut self.bookings[which];
        let rows: Vec<(RefundId, String, i64, Option<String>, String)> = sqlx::query_as(
            "select r.id, p.stripe_payment_intent_id, r.amount_minor, r.stripe_refund_id, r.status from refund r join payment p on p.id = r.payment_id
             where r.booking_id = $1 order by r.id",
        )
        .bind(booking.id.0)
        .fetch_all(conn)
        .await
        .unwrap();
        for payment in &mut model.payments {
            let own: Vec<_> = rows
                .iter()
                .filter(|row| row.1 == intent(&payment.opened))
                .collect();
            assert_eq!(own.len(), payment.refunds.len(), "{}", self.story);
            for (row, refund) in own.into_iter().zip(&mut payment.refunds) {
                refund.id = Some(row.0);
                let status = match refund.status {
                    StripeRefundStatus::Pending => "pending",
                    StripeRefundStatus::Succeeded => "succeeded",
                    StripeRefundStatus::Failed => "failed",
                };
                assert_eq!(
                    (row.2, &row.3, row.4.as_str()),
                    (refund.amount, &refund.stripe_id, status),
                    "{}",
                    self.story
                );
            }
        }
    }

    /// The database is what the model says, and no rule is broken but for refunds that failed.
    async fn agrees(&mut self, conn: &mut PgConnection) {
        let (held, sold): (i32, i32) =
            sqlx::query_as("select held, sold from flight_cabin where flight_id = $1")
                .bind(self.world.flight.0)
                .fetch_one(&mut *conn)
                .await
                .unwrap();
        let seats = |status| {
            self.bookings
                .iter()
                .filter(|(_, model)| model.status == status)
                .map(|(_, model)| model.seats)
                .sum::<i32>()
        };
        assert_eq!(
            (held, sold),
            (
                seats(BookingStatus::PendingPayment),
                seats(BookingStatus::Confirmed)
            ),
            "{}",
            self.story
        );
        assert_eq!(held + sold + self.free, CAPACITY);
        for which in 0..self.bookings.len() {
            self.read_ids(conn, which).await;
            let (booking, model) = &self.bookings[which];
            let locked = booking::lock(conn, booking.id).await.unwrap();
            assert_eq!(locked.status, model.status, "{}", self.story);
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
    let sold = if model.status == BookingStatus::Confirmed {
        model.total
    } else {
        0
    };
    let kept: i64 = model
        .payments
        .iter()
        .map(|payment| payment.came.unwrap_or_default() - payment.given_back())
        .sum();
    sold - kept
}
