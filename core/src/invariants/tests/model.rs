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
    /// Whether one that was made elsewhere took its place.
    pub stepped_back: bool,
}

/// A payment as it should be.
#[derive(Clone, Debug)]
pub struct PaymentModel {
    pub opened: Payment,
    pub open: bool,
    /// What really came.
    pub came: Option<i64>,
    pub mismatched: bool,
    /// Which of the booking's changes it pays.
    pub change: Option<usize>,
    /// What of it was for a chosen seat that could not be had, or was cancelled: it is not kept.
    pub fees: i64,
    /// Whether all of it was promised back, because it bought nothing.
    pub whole: bool,
    pub refunds: Vec<RefundModel>,
}

impl PaymentModel {
    pub fn new(opened: Payment, change: Option<usize>) -> Self {
        Self {
            change,
            fees: 0,
            whole: false,
            opened,
            open: true,
            came: None,
            mismatched: false,
            refunds: Vec::new(),
        }
    }

    fn promise_whole(&mut self) {
        self.whole = true;
        self.promise(self.came.unwrap_or_default());
    }

    fn promise(&mut self, amount: i64) {
        self.refunds.push(RefundModel {
            id: None,
            stripe_id: None,
            amount,
            status: StripeRefundStatus::Pending,
            stepped_back: false,
        });
    }

    /// What is owed still, because refunds failed.
    fn owed(&self) -> i64 {
        let owed = self.refunds.iter();
        let owed = owed.filter(|one| one.status == StripeRefundStatus::Failed && !one.stepped_back);
        owed.map(|refund| refund.amount).sum()
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
                    refund.stepped_back = true;
                }
                if left > 0 {
                    self.refunds.push(RefundModel {
                        id: None,
                        stripe_id: None,
                        amount: left,
                        status: StripeRefundStatus::Pending,
                        stepped_back: false,
                    });
                }
            }
        }
        self.refunds.push(RefundModel {
            id: None,
            stripe_id: Some(stripe_id.to_owned()),
            amount,
            status,
            stepped_back: false,
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

/// What a change that is to be paid is about.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// A dearer seat for the first passenger.
    Seat(Seat),
    /// The other flight for everybody who flies.
    Flight(NewFlight),
}

/// The other flight.
#[derive(Clone, Copy, Debug)]
pub struct NewFlight {
    /// What one of them pays for it, before a coupon.
    pub unit: i64,
    /// Whether the first passenger's chosen seat goes along.
    pub keeps_seat: bool,
}

/// A change that waits for its money, or did.
#[derive(Clone, Copy, Debug)]
pub struct ChangeModel {
    pub what: Change,
    pub fee: i64,
    pub state: ChangeState,
}

impl ChangeModel {
    /// The seat that it is about.
    pub fn seat(&self) -> Option<Seat> {
        match self.what {
            Change::Seat(seat) => Some(seat),
            Change::Flight(_) => None,
        }
    }
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
    /// Who has cancelled, by the order of the names.
    pub gone: Vec<usize>,
    /// What one of them paid before a coupon, once somebody has cancelled.
    pub unit: Option<i64>,
    /// Whether it was ever paid for.
    pub was_sold: bool,
    /// The seat that the first passenger chose, and what was asked for choosing.
    pub chosen: Option<(Seat, i64)>,
    pub changes: Vec<ChangeModel>,
    pub payments: Vec<PaymentModel>,
}

impl BookingModel {
    pub fn seats(&self) -> i32 {
        i32::try_from(self.names.len()).unwrap()
    }

    /// Seats of those who have not cancelled.
    pub fn flying(&self) -> i32 {
        self.seats() - i32::try_from(self.gone.len()).unwrap()
    }

    /// Whether it is paid and somebody flies.
    pub fn is_alive(&self) -> bool {
        matches!(
            self.status,
            BookingStatus::Confirmed | BookingStatus::PartiallyCancelled
        )
    }

    /// Passengers of a paid booking cancel while that is free: all of their fare, their share of the coupon taken off, and
    /// what the first paid for a seat. The newest payments give it back, as far as something is left of them.
    pub fn cancel(
        &mut self,
        leaving: &[usize],
        discount: i64,
        fee_of_booking: i64,
        stock: &mut Stock,
    ) {
        let people = i64::from(self.seats());
        let unit = self.unit(discount, fee_of_booking);
        let mut back = 0;
        for who in leaving {
            let share =
                discount / people + i64::from(i64::try_from(*who).unwrap() < discount % people);
            back += unit - share;
            if *who == 0 {
                back += self.chosen.take().map_or(0, |(_, paid)| paid);
            }
        }
        self.drop_waiting(stock);
        self.gone.extend(leaving);
        self.total -= back;
        stock.free[self.flight] += i32::try_from(leaving.len()).unwrap();
        self.status = if self.flying() == 0 {
            BookingStatus::Cancelled
        } else {
            BookingStatus::PartiallyCancelled
        };
        self.give_back(back);
    }

    /// What refunds that failed owe is taken last.
    fn give_back(&mut self, mut back: i64) {
        let mut parts = vec![0; self.payments.len()];
        for owed_too in [false, true] {
            for (payment, taken) in self.payments.iter().zip(&mut parts).rev() {
                let Some(came) = payment.came.filter(|_| !payment.mismatched) else {
                    continue;
                };
                let kept = if owed_too { 0 } else { payment.owed() };
                let part = back.min(came - payment.given_back() - kept - *taken).max(0);
                *taken += part;
                back -= part;
            }
        }
        for (payment, part) in self.payments.iter_mut().zip(parts) {
            if part > 0 {
                payment.fees += part;
                payment.promise(part);
            }
        }
    }

    /// What one of them has paid, before a coupon; the same for all who fly.
    pub fn unit(&mut self, discount: i64, fee_of_booking: i64) -> i64 {
        let people = i64::from(self.seats());
        let seat = self.chosen.map_or(0, |(_, paid)| paid);
        let fares = self.total + discount - fee_of_booking - seat;
        *self.unit.get_or_insert(fares / people)
    }

    /// A change that waits for its money ends: what it held is free.
    pub fn drop_waiting(&mut self, stock: &mut Stock) {
        if let Some(open) = self.waiting() {
            self.changes[open].state = ChangeState::Dropped;
            if matches!(self.changes[open].what, Change::Flight(_)) {
                stock.free[1 - self.flight] += self.flying();
            }
        }
        self.close_pages();
    }

    /// Everybody who flies moves to the other flight, whose seats are theirs already, and the price moves by an amount.
    pub fn move_over(&mut self, to: NewFlight, amount: i64, stock: &mut Stock) {
        stock.free[self.flight] += self.flying();
        self.flight = 1 - self.flight;
        self.unit = Some(to.unit);
        self.total += amount;
        self.chosen = self.chosen.filter(|_| to.keeps_seat);
        for change in &mut self.changes {
            if change.state == ChangeState::Dropped {
                change.state = ChangeState::Ended;
            }
        }
        if amount < 0 {
            self.give_back(-amount);
        }
    }

    /// How many seats of a flight a change holds that waits for its money.
    pub fn held_for_change(&self, flight: usize) -> i32 {
        let waits = self.waiting().map(|open| self.changes[open].what);
        match waits {
            Some(Change::Flight(_)) if self.flight != flight => self.flying(),
            _ => 0,
        }
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
            return self.pay_change(which, change, stock, has_seat);
        }
        let pays_the_price = amount == self.total;
        let is_left = stock.free[self.flight] >= seats && (!self.coupon || stock.coupons > 0);
        match self.status {
            BookingStatus::PendingPayment if pays_the_price => {
                self.status = BookingStatus::Confirmed;
                self.was_sold = true;
                self.close_pages();
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
                self.was_sold = true;
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

    /// The first passenger moves to another seat, or everybody to another flight, or the money goes back.
    fn pay_change(
        &mut self,
        which: usize,
        index: usize,
        stock: &mut Stock,
        has_seat: bool,
    ) -> Settlement {
        let newer = self.waiting().filter(|open| *open != index);
        let change = self.changes[index];
        if self.is_alive() && newer.is_none() {
            match (change.what, change.state) {
                (Change::Seat(seat), ChangeState::Open | ChangeState::Dropped) => {
                    self.changes[index].state = ChangeState::Ended;
                    if has_seat {
                        let paid = self.chosen.map_or(0, |(_, paid)| paid);
                        self.chosen = Some((seat, paid + change.fee));
                        self.total += change.fee;
                        return Settlement::Confirmed;
                    }
                }
                (Change::Flight(to), ChangeState::Open) => {
                    self.changes[index].state = ChangeState::Ended;
                    self.move_over(to, change.fee, stock);
                    return Settlement::Confirmed;
                }
                (Change::Flight(_), ChangeState::Dropped) | (_, ChangeState::Ended) => {}
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

    /// What neither stays for a good reason nor is on its way back: refunds of it failed. Staff may have given back more than was
    /// owed.
    pub fn in_limbo(&self) -> usize {
        let is_limbo = |payment: &&PaymentModel| {
            payment.came.is_some()
                && (payment.mismatched || payment.whole || !self.was_sold)
                && Some(payment.given_back()) != payment.came
        };
        let kept = self
            .payments
            .iter()
            .filter(|payment| !payment.mismatched && !payment.whole);
        let kept = kept.filter_map(|payment| Some((payment.came?, payment)));
        let (mut least, mut most) = (0, 0);
        for (came, payment) in kept {
            least += came - payment.given_back();
            most += came - payment.fees.min(payment.given_back());
        }
        let is_wrong = !(least..=most).contains(&self.total)
            || (self.status == BookingStatus::Confirmed && self.total != most);
        self.payments.iter().filter(is_limbo).count() + usize::from(self.was_sold && is_wrong)
    }
}
