//! What a booking and its money should do, without a database: the reference of the random sequences.

use chrono::{DateTime, Duration, Utc};

use crate::ids::RefundId;
use crate::inventory::Seat;
use crate::payment::stripe::StripeRefundStatus;
use crate::payment::{Payment, Settlement};
use crate::trade::BookingStatus;

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
    /// Which of the booking's changes of seats it pays.
    pub change: Option<usize>,
    /// What of it was for a chosen seat that could not be had.
    pub fees: i64,
    pub refunds: Vec<RefundModel>,
}

impl PaymentModel {
    pub fn new(opened: Payment, change: Option<usize>) -> Self {
        Self {
            change,
            fees: 0,
            opened,
            open: true,
            came: None,
            mismatched: false,
            refunds: Vec::new(),
        }
    }

    fn promise_whole(&mut self) {
        self.promise(self.came.unwrap_or_default());
    }

    fn promise(&mut self, amount: i64) {
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

/// Where a change of seats stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeState {
    Open,
    /// Dropped for another one.
    Dropped,
    Ended,
}

/// A dearer seat for the first passenger.
#[derive(Clone, Copy, Debug)]
pub struct ChangeModel {
    pub seat: Seat,
    pub fee: i64,
    pub state: ChangeState,
}

/// What bookings share.
#[derive(Clone, Copy, Debug)]
pub struct Stock {
    /// Seats that are left on each flight.
    pub free: [i32; 2],
    /// Uses that are left of the coupon.
    pub coupons: i32,
}

/// A booking as it should be.
#[derive(Clone, Debug)]
pub struct BookingModel {
    /// 0 or 1.
    pub flight: usize,
    pub names: Vec<String>,
    pub total: i64,
    pub status: BookingStatus,
    pub created_at: DateTime<Utc>,
    pub due: DateTime<Utc>,
    pub coupon: bool,
    /// The seat that the first passenger chose, and what was asked for choosing.
    pub chosen: Option<(Seat, i64)>,
    pub changes: Vec<ChangeModel>,
    pub payments: Vec<PaymentModel>,
}

impl BookingModel {
    pub fn seats(&self) -> i32 {
        i32::try_from(self.names.len()).unwrap()
    }

    /// The payment that can be paid.
    pub fn open(&self) -> Option<usize> {
        self.payments.iter().position(|payment| payment.open)
    }

    /// The change of seats that waits for its money.
    pub fn waiting(&self) -> Option<usize> {
        let is_open = |change: &ChangeModel| change.state == ChangeState::Open;
        self.changes.iter().position(is_open)
    }

    /// No page can be paid any more.
    pub fn close_pages(&mut self) {
        for payment in &mut self.payments {
            payment.open = false;
        }
    }

    /// What opening a payment should answer: the code of the refusal, or whether a new page is opened.
    pub fn can_open(&self, now: DateTime<Utc>) -> Result<bool, &'static str> {
        let waits = self.waiting().is_some();
        match self.status {
            BookingStatus::Confirmed | BookingStatus::PartiallyCancelled if !waits => {
                return Err("already_paid");
            }
            BookingStatus::Cancelled | BookingStatus::Expired => return Err("wrong_state"),
            BookingStatus::PendingPayment if self.due <= now => return Err("wrong_state"),
            BookingStatus::Confirmed
            | BookingStatus::PartiallyCancelled
            | BookingStatus::PendingPayment => {}
        }
        if let Some(open) = self.open()
            && self.payments[open].opened.expires_at > now
        {
            return Ok(false);
        }
        if !waits && now + Duration::minutes(31) > self.created_at + Duration::minutes(75) {
            return Err("payment_window_closed");
        }
        Ok(true)
    }

    /// Money for a payment comes, of the amount that was asked for or of another. `has_seat` says whether the first
    /// passenger can have the seat that it is about.
    pub fn pay(
        &mut self,
        which: usize,
        amount: i64,
        stock: &mut Stock,
        has_seat: bool,
    ) -> Settlement {
        let seats = self.seats();
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
        if amount != payment.opened.amount.minor() {
            payment.mismatched = true;
            payment.promise_whole();
            return Settlement::Mismatch;
        }
        if let Some(change) = payment.change {
            return self.pay_seat(which, change, has_seat);
        }
        let pays_the_price = amount == self.total;
        let is_left = stock.free[self.flight] >= seats && (!self.coupon || stock.coupons > 0);
        match self.status {
            BookingStatus::PendingPayment if pays_the_price => {
                self.status = BookingStatus::Confirmed;
                Settlement::Confirmed
            }
            BookingStatus::Expired if pays_the_price && is_left => {
                stock.free[self.flight] -= seats;
                stock.coupons -= i32::from(self.coupon);
                if let Some((_, fee)) = self.chosen.filter(|_| !has_seat) {
                    self.chosen = None;
                    self.total -= fee;
                    payment.fees = fee;
                    if fee > 0 {
                        payment.promise(fee);
                    }
                }
                self.status = BookingStatus::Confirmed;
                Settlement::ConfirmedLate
            }
            BookingStatus::PendingPayment
            | BookingStatus::Expired
            | BookingStatus::Cancelled
            | BookingStatus::Confirmed
            | BookingStatus::PartiallyCancelled => {
                payment.promise_whole();
                Settlement::Refunding
            }
        }
    }

    /// The first passenger moves, or the money goes back.
    fn pay_seat(&mut self, which: usize, index: usize, has_seat: bool) -> Settlement {
        let newer = self.waiting().filter(|open| *open != index);
        let change = self.changes[index];
        if newer.is_none() && change.state != ChangeState::Ended {
            self.changes[index].state = ChangeState::Ended;
            if has_seat {
                let paid = self.chosen.map_or(0, |(_, paid)| paid);
                self.chosen = Some((change.seat, paid + change.fee));
                self.total += change.fee;
                return Settlement::Confirmed;
            }
        }
        self.payments[which].promise_whole();
        Settlement::Refunding
    }

    /// The booking ends unpaid.
    pub fn end(&mut self, status: BookingStatus, stock: &mut Stock) {
        stock.free[self.flight] += self.seats();
        stock.coupons += i32::from(self.coupon);
        self.status = status;
        self.close_pages();
    }

    /// What neither stays for a good reason nor is on its way back: refunds of it failed.
    pub fn in_limbo(&self) -> usize {
        let is_confirmed = self.status == BookingStatus::Confirmed;
        let is_limbo = |payment: &&PaymentModel| {
            payment.came.is_some()
                && (payment.mismatched || !is_confirmed)
                && Some(payment.given_back()) != payment.came
        };
        let lost_fee = |payment: &PaymentModel| payment.given_back() < payment.fees;
        let fees = is_confirmed && self.payments.iter().any(lost_fee);
        self.payments.iter().filter(is_limbo).count() + usize::from(fees)
    }
}
