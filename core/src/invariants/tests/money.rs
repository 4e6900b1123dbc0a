//! What happens to the money of bookings, in random sequences.

use crate::settlement;
use rand::RngExt;
use sqlx::{Connection, PgConnection};

use super::model::{Change, PaymentModel};
use super::sequences::{Play, code};
use super::world::{intent, paid, rupees, session};
use crate::ids::RefundId;
use crate::payment::Settlement;
use crate::payment::stripe::{
    CheckoutSession, CheckoutStatus, Event, Fact, StripeRefund, StripeRefundStatus,
};

impl Play<'_> {
    pub async fn open(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let (booking, model) = &mut self.bookings[which];
        let expected = model.can_open(self.world.clock.now());
        let mut attempt = conn.begin().await.unwrap();
        let opened = code(self.world.open(&mut attempt, booking).await);
        // A refusal rolls back, as in the api.
        match opened {
            Ok(_) => attempt.commit().await.unwrap(),
            Err(_) => attempt.rollback().await.unwrap(),
        }
        assert_eq!(
            opened.as_ref().map(|_| ()).map_err(|code| *code),
            expected.map(|_| ()),
            "{}",
            self.story
        );
        if let (Ok(payment), Ok(true)) = (&opened, expected) {
            let change = model.waiting();
            let asked = change.map_or(model.total, |index| model.changes[index].fee);
            assert_eq!(payment.amount.minor(), asked, "{}", self.story);
            model.close_pages();
            if change.is_none() {
                model.due = model.due.max(payment.expires_at);
            }
            model
                .payments
                .push(PaymentModel::new(payment.clone(), change));
        }
        format!(
            "open {}",
            opened.map_or_else(str::to_owned, |_| "ok".to_owned())
        )
    }

    fn any_payment(&mut self, which: usize) -> Option<usize> {
        let payments = self.bookings[which].1.payments.len();
        let newest = self.rng.random_bool(0.6);
        let any = (payments > 0).then(|| self.rng.random_range(0..payments));
        if newest { payments.checked_sub(1) } else { any }
    }

    /// Delivers an event, now and then once more under the same id.
    async fn deliver(&mut self, conn: &mut PgConnection, fact: Fact) -> settlement::Received {
        self.next += 1;
        let event = Event {
            id: format!("evt_{}", self.next),
            kind: "test".into(),
            livemode: Some(false),
            fact,
        };
        let received = settlement::receive(conn, &self.world.clock, &event, b"{}")
            .await
            .unwrap();
        if self.next.is_multiple_of(3) {
            let again = settlement::receive(conn, &self.world.clock, &event, b"{}")
                .await
                .unwrap();
            assert_eq!(again, settlement::Received::Redelivered);
        }
        received
    }

    pub async fn pay(&mut self, conn: &mut PgConnection, which: usize, wrong: bool) -> String {
        let Some(index) = self.any_payment(which) else {
            return "nothing to pay".to_owned();
        };
        let (_, model) = &self.bookings[which];
        let payment = &model.payments[index];
        let asked = payment.opened.amount.minor();
        let amount = if wrong { asked + 1 } else { asked };
        let change = payment.change;
        let seat = match change {
            Some(change) => model.changes[change].seat(),
            None => model.chosen.map(|(seat, _)| seat),
        };
        let has_cancelled = model.gone.contains(&0);
        let has_seat = match seat {
            Some(_) if has_cancelled => false,
            Some(seat) => self.can_have(conn, which, seat).await,
            None => true,
        };
        let (_, model) = &mut self.bookings[which];
        let expected = model.pay(index, amount, &mut self.stock, has_seat);
        let payment = &model.payments[index];
        let fee_is_back = expected == Settlement::ConfirmedLate && payment.fees > 0;
        let session = CheckoutSession {
            amount: Some(rupees(amount)),
            ..paid(&payment.opened)
        };
        let came_to = self.settles(conn, session, expected).await;
        let (_, model) = &self.bookings[which];
        let what = change.map(|change| match model.changes[change].what {
            Change::Seat(_) => "seat",
            Change::Flight(_) => "flight",
        });
        match (what, expected) {
            (Some(what), Settlement::Confirmed) => format!("{what} paid"),
            (Some(what), Settlement::Refunding) => format!("{what} money back"),
            _ if fee_is_back => "fee back".to_owned(),
            _ => came_to,
        }
    }

    pub async fn page_expires(&mut self, conn: &mut PgConnection, which: usize) -> String {
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
            settlement::Received::New(expected.as_str()),
            "{}",
            self.story
        );
        format!("{expected:?}")
    }

    /// Stripe says something of a refund that we asked for.
    pub async fn refund_moves(&mut self, conn: &mut PgConnection, which: usize) -> String {
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
    pub async fn refund_elsewhere(&mut self, conn: &mut PgConnection, which: usize) -> String {
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
        assert_eq!(
            received,
            settlement::Received::New(expected),
            "{}",
            self.story
        );
        format!("elsewhere {fits}")
    }

    /// The refunds of a booking are in the model in the order they were made: the rows have the ids.
    pub async fn read_ids(&mut self, conn: &mut PgConnection, which: usize) {
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
}
