//! What a booking and its money should do, without a database: the reference of the random sequences.

use chrono::{DateTime, Duration, Utc};

use crate::booking::BookingStatus;
use crate::ids::RefundId;
use crate::payment::stripe::StripeRefundStatus;
use crate::payment::{Payment, Settlement};

/// A refund as it should be.
#[derive(Clone, Debug)]
pub struct RefundModel {
    /// Ours; unknown until it is read back.
    pub id: Option<RefundId>,
    /// Stripe's, once it knows of it.
    pub stripe_id: Option<String>,
    pub amount: i64,
    pub status: StripeRefundStatus,
}

/// A payment as it should be.
#[derive(Clone, Debug)]
pub struct PaymentModel {
    pub opened: Payment,
    pub open: bool,
    /// What really came.
    pub came: Option<i64>,
    pub mismatched: bool,
    pub refunds: Vec<RefundModel>,
}

impl PaymentModel {
    pub fn new(opened: Payment) -> Self {
        Self {
            opened,
            open: true,
            came: None,
            mismatched: false,
            refunds: Vec::new(),
        }
    }

    fn promise_whole(&mut self) {
        let amount = self.came.unwrap_or_default();
        self.refunds.push(RefundModel {
            id: None,
            stripe_id: None,
            amount,
            status: StripeRefundStatus::Pending,
        });
    }

    /// What goes back, or is on its way.
    pub fn given_back(&self) -> i64 {
        self.living().map(|refund| refund.amount).sum()
    }

    fn living(&self) -> impl Iterator<Item = &RefundModel> {
        self.refunds
            .iter()
            .filter(|refund| refund.status != StripeRefundStatus::Failed)
    }

    /// A refund made at Stripe: whether it fits.
    pub fn refund_elsewhere(
        &mut self,
        stripe_id: &str,
        amount: i64,
        status: StripeRefundStatus,
    ) -> bool {
        let Some(came) = self.came else { return false };
        let ours = |refund: &RefundModel| {
            refund.status == StripeRefundStatus::Pending && refund.stripe_id.is_none()
        };
        if status != StripeRefundStatus::Failed {
            let given: i64 = self
                .living()
                .filter(|refund| !ours(refund))
                .map(|refund| refund.amount)
                .sum();
            let promised: i64 = self
                .living()
                .filter(|refund| ours(refund))
                .map(|refund| refund.amount)
                .sum();
            let left = came - given - amount;
            if left < 0 {
                return false;
            }
            if promised > left {
                for refund in self.refunds.iter_mut().filter(|refund| ours(refund)) {
                    refund.status = StripeRefundStatus::Failed;
                }
                if left > 0 {
                    self.refunds.push(RefundModel {
                        id: None,
                        stripe_id: None,
                        amount: left,
                        status: StripeRefundStatus::Pending,
                    });
                }
            }
        }
        self.refunds.push(RefundModel {
            id: None,
            stripe_id: Some(stripe_id.to_owned()),
            amount,
            status,
        });
        true
    }
}

/// A booking as it should be.
#[derive(Clone, Debug)]
pub struct BookingModel {
    pub seats: i32,
    pub total: i64,
    pub status: BookingStatus,
    pub created_at: DateTime<Utc>,
    pub due: DateTime<Utc>,
    pub payments: Vec<PaymentModel>,
}

impl BookingModel {
    /// The payment that can be paid.
    pub fn open(&self) -> Option<usize> {
        self.payments.iter().position(|payment| payment.open)
    }

    /// What opening a payment should answer: the code of the refusal, or whether a new page is opened.
    pub fn can_open(&self, now: DateTime<Utc>) -> Result<bool, &'static str> {
        match self.status {
            BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => {
                return Err("already_paid");
            }
            BookingStatus::Cancelled | BookingStatus::Expired => return Err("wrong_state"),
            BookingStatus::PendingPayment if self.due <= now => return Err("wrong_state"),
            BookingStatus::PendingPayment => {}
        }
        if let Some(open) = self.open()
            && self.payments[open].opened.expires_at > now
        {
            return Ok(false);
        }
        if now + Duration::minutes(31) > self.created_at + Duration::minutes(75) {
            return Err("payment_window_closed");
        }
        Ok(true)
    }

    /// Money for a payment comes, of the amount that was asked for or of another.
    pub fn pay(&mut self, which: usize, amount: i64, free: &mut i32) -> Settlement {
        let payment = &mut self.payments[which];
        if payment.came.is_some() {
            return if payment.mismatched {
                Settlement::Mismatch
            } else {
                Settlement::AlreadySettled
            };
        }
        payment.came = Some(amount);
        payment.open = false;
        if amount != self.total {
            payment.mismatched = true;
            payment.promise_whole();
            return Settlement::Mismatch;
        }
        match self.status {
            BookingStatus::PendingPayment => {
                self.status = BookingStatus::Confirmed;
                Settlement::Confirmed
            }
            BookingStatus::Expired if *free >= self.seats => {
                *free -= self.seats;
                self.status = BookingStatus::Confirmed;
                Settlement::ConfirmedLate
            }
            BookingStatus::Expired
            | BookingStatus::Cancelled
            | BookingStatus::Confirmed
            | BookingStatus::PartiallyCancelled => {
                payment.promise_whole();
                Settlement::Refunding
            }
        }
    }

    /// The booking ends unpaid.
    pub fn end(&mut self, status: BookingStatus, free: &mut i32) {
        *free += self.seats;
        self.status = status;
        for payment in &mut self.payments {
            payment.open = false;
        }
    }

    /// Payments whose money neither stays for a good reason nor is on its way back: their refunds failed.
    pub fn in_limbo(&self) -> usize {
        let kept_rightly =
            |payment: &PaymentModel| !payment.mismatched && self.status == BookingStatus::Confirmed;
        let mut unsettled = self
            .payments
            .iter()
            .filter(|payment| payment.came.is_some() && !kept_rightly(payment));
        let mut count = 0;
        for payment in unsettled.by_ref() {
            count += usize::from(Some(payment.given_back()) != payment.came);
        }
        count
    }
}
