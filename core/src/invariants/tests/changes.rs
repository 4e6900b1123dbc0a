//! What travellers change of their bookings, in random sequences.

use rand::RngExt;
use sqlx::{Connection, PgConnection};

use super::model::{BookingModel, Change, ChangeModel, ChangeState, NewFlight, Stock};
use super::sequences::{Play, code, fee};
use super::world::{COUPON, DISCOUNT, FEE_OF_BOOKING, name, passengers, wish};
use crate::booking::{
    self, BookingPatch, Canceller, ChangeRequest, CouponChange, ExpectedTotal, NewSeat,
    PriceChanged, QuoteRequest,
};
use crate::ids::PassengerId;
use crate::inventory::Seat;
use crate::trade::BookingStatus;

/// A change that is wanted: what is asked for, what becomes of the booking, and why it may be refused.
struct Wanted {
    what: &'static str,
    patch: BookingPatch,
    after: BookingModel,
    /// What it costs then, where that does not depend on how full the flight is.
    total: Option<i64>,
    refusal: Option<&'static str>,
}

impl Play<'_> {
    /// A booking that is not paid becomes another, or stays what it is.
    pub async fn patch(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let wanted = match self.rng.random_range(0..4) {
            0 => self.other_flight(conn, which).await,
            1 => Some(self.other_people(which)),
            2 => Some(self.other_coupon(which)),
            _ => Some(self.other_seat(conn, which).await),
        };
        let Some(mut wanted) = wanted else {
            return "no offer".to_owned();
        };
        let (booking, model) = &self.bookings[which];
        let is_over = model.due <= self.world.clock.now();
        let refusal = match model.status {
            BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => Some("already_paid"),
            BookingStatus::Cancelled | BookingStatus::Expired => Some("wrong_state"),
            BookingStatus::PendingPayment if is_over => Some("wrong_state"),
            BookingStatus::PendingPayment => wanted.refusal,
        };
        let mut done = Ok(());
        for _ in 0..2 {
            let mut attempt = conn.begin().await.unwrap();
            let patched = booking::patch(
                &mut attempt,
                self.world.shop(),
                self.world.account,
                &booking.reference,
                &wanted.patch,
            )
            .await;
            match patched {
                Ok(after) => {
                    attempt.commit().await.unwrap();
                    wanted.after.total = after.price.total().minor();
                    done = Ok(());
                    break;
                }
                // Nobody pays what they have not seen: said, it is done.
                Err(error)
                    if wanted.patch.expected_total.is_none()
                        && error.refusal::<PriceChanged>().is_some() =>
                {
                    let price = error.refusal::<PriceChanged>().unwrap().price.clone();
                    attempt.rollback().await.unwrap();
                    wanted.patch.expected_total = Some(ExpectedTotal {
                        amount: price.total().decimal(),
                        currency: "INR".to_owned(),
                    });
                }
                Err(error) => {
                    attempt.rollback().await.unwrap();
                    done = Err(code::<()>(Err(error)).unwrap_err());
                    break;
                }
            }
        }
        assert_eq!(done.err(), refusal, "{} {}", wanted.what, self.story);
        if let Err(code) = done {
            return format!("patch {} {code}", wanted.what);
        }
        if let Some(total) = wanted.total {
            assert_eq!(wanted.after.total, total, "{} {}", wanted.what, self.story);
        }
        self.take(which, wanted.after);
        format!("patch {} ok", wanted.what)
    }

    /// The model takes a change over.
    fn take(&mut self, which: usize, mut after: BookingModel) {
        let (_, before) = &mut self.bookings[which];
        let Stock { free, coupons } = &mut self.stock;
        free[before.flight] += before.seats();
        free[after.flight] -= after.seats();
        *coupons += i32::from(before.coupon) - i32::from(after.coupon);
        if after.total != before.total {
            after.close_pages();
        }
        *before = after;
    }

    async fn other_flight(&mut self, conn: &mut PgConnection, which: usize) -> Option<Wanted> {
        let (_, model) = &self.bookings[which];
        let flight = 1 - model.flight;
        let offer = self
            .world
            .offer(conn, self.flights[flight], model.names.len());
        let offer = offer.await?;
        let discount = if model.coupon { DISCOUNT } else { 0 };
        Some(Wanted {
            what: "flight",
            total: Some(offer.price.total().minor() - discount),
            patch: BookingPatch {
                offers: Some(vec![offer.id]),
                ..BookingPatch::default()
            },
            after: BookingModel {
                flight,
                chosen: None,
                ..model.clone()
            },
            refusal: None,
        })
    }

    fn other_people(&mut self, which: usize) -> Wanted {
        let count = self.rng.random_range(1..=3);
        let (_, model) = &self.bookings[which];
        let mut names = model.names.clone();
        names.truncate(count);
        while names.len() < count {
            names.push(name());
        }
        let after = BookingModel {
            names,
            ..model.clone()
        };
        let is_full = after.seats() - model.seats() > self.stock.free[model.flight];
        Wanted {
            what: "people",
            patch: BookingPatch {
                passengers: Some(passengers(&after.names)),
                ..BookingPatch::default()
            },
            after,
            total: None,
            refusal: is_full.then_some("sold_out"),
        }
    }

    fn other_coupon(&mut self, which: usize) -> Wanted {
        let (_, model) = &self.bookings[which];
        let (change, total) = if model.coupon {
            (CouponChange::Drop, model.total + DISCOUNT)
        } else {
            (CouponChange::Use(COUPON.to_owned()), model.total - DISCOUNT)
        };
        let is_used_up = !model.coupon && self.stock.coupons == 0;
        Wanted {
            what: "coupon",
            patch: BookingPatch {
                coupon: Some(change),
                ..BookingPatch::default()
            },
            after: BookingModel {
                coupon: !model.coupon,
                ..model.clone()
            },
            total: Some(total),
            refusal: is_used_up.then_some("coupon_refused"),
        }
    }

    async fn other_seat(&mut self, conn: &mut PgConnection, which: usize) -> Wanted {
        let seat = self.rng.random_bool(0.8).then(|| self.any_seat());
        let (booking, model) = &self.bookings[which];
        let mut is_taken = false;
        if let Some(seat) = seat {
            is_taken = self.is_taken(conn, model.flight, seat, Some(booking)).await;
        }
        let flight = self.flights[model.flight];
        let before = model.chosen.map_or(0, |(_, fee)| fee);
        Wanted {
            what: "seats",
            patch: BookingPatch {
                seats: Some(seat.iter().map(|seat| wish(flight, *seat)).collect()),
                ..BookingPatch::default()
            },
            after: BookingModel {
                chosen: seat.map(|seat| (seat, fee(Some(seat)))),
                ..model.clone()
            },
            total: Some(model.total - before + fee(seat)),
            refusal: is_taken.then_some("seat_taken"),
        }
    }

    /// The first passenger of a paid booking asks for another seat.
    pub async fn change_seat(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let seat = self.any_seat();
        let (booking, model) = &self.bookings[which];
        let first = self.first(conn, which).await;
        let is_taken = self.is_taken(conn, model.flight, seat, Some(booking)).await;
        let paid = model.chosen.map_or(0, |(_, paid)| paid);
        let difference = (fee(Some(seat)) - paid).max(0);
        let is_companions = self.has_companion(conn, which, seat).await;
        if model.gone.contains(&0) && model.is_alive() {
            return "first has cancelled".to_owned();
        }
        let refusal = if !model.is_alive() {
            Some("wrong_state")
        } else if is_taken || (difference == 0 && is_companions) {
            Some("seat_taken")
        } else {
            None
        };
        let wishes = [NewSeat {
            passenger_id: first,
            flight_id: self.flights[model.flight],
            seat: seat.to_string(),
        }];
        let mut attempt = conn.begin().await.unwrap();
        let changed = booking::change_seats(
            &mut attempt,
            self.world.shop(),
            self.world.account,
            &booking.reference,
            &wishes,
        );
        let changed = code(changed.await);
        match changed {
            Ok(()) => attempt.commit().await.unwrap(),
            Err(_) => attempt.rollback().await.unwrap(),
        }
        assert_eq!(changed.err(), refusal, "{}", self.story);
        if let Err(code) = changed {
            return format!("seat {code}");
        }
        let (_, model) = &mut self.bookings[which];
        if model.waiting().is_some() {
            model.drop_waiting(&mut self.stock);
        }
        if difference == 0 {
            model.chosen = Some((seat, paid));
            return "seat changed".to_owned();
        }
        model.changes.push(ChangeModel {
            what: Change::Seat(seat),
            fee: difference,
            state: ChangeState::Open,
        });
        "seat waits".to_owned()
    }

    /// Everybody who flies of a paid booking asks for the other flight: quoted, and confirmed twice.
    pub async fn change_flight(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let (booking, model) = &self.bookings[which];
        let (to, flying) = (1 - model.flight, model.flying());
        let seats = usize::try_from(flying.max(1)).unwrap();
        let Some(offer) = self.world.offer(conn, self.flights[to], seats).await else {
            return "no offer".to_owned();
        };
        let mut keeps_seat = true;
        if let Some((seat, _)) = model.chosen {
            keeps_seat = !self.is_taken(conn, to, seat, Some(booking)).await;
        }
        let request = ChangeRequest {
            offer: Some(offer.id.clone()),
            ..ChangeRequest::default()
        };
        let (account, reference) = (self.world.account, booking.reference.clone());
        let shop = self.world.shop();
        let mut attempt = conn.begin().await.unwrap();
        let done = async {
            let quote =
                booking::quote_change(&mut attempt, shop, account, &reference, &request).await?;
            booking::change(&mut attempt, shop, account, &reference, quote.id).await?;
            // Twice is once.
            booking::change(&mut attempt, shop, account, &reference, quote.id).await?;
            Ok(quote.content.amount().minor())
        };
        let done = code(done.await);
        match done {
            Ok(_) => attempt.commit().await.unwrap(),
            Err(_) => attempt.rollback().await.unwrap(),
        }
        let refusal = (!model.is_alive()).then_some("wrong_state");
        assert_eq!(done.err(), refusal, "{}", self.story);
        let Ok(amount) = done else {
            return "flight wrong_state".to_owned();
        };
        let (_, model) = &mut self.bookings[which];
        let discount = if model.coupon { DISCOUNT } else { 0 };
        let before = model.unit(discount, FEE_OF_BOOKING);
        let new = NewFlight {
            unit: (offer.price.total().minor() - FEE_OF_BOOKING) / i64::from(flying),
            keeps_seat,
        };
        let seat_back = if keeps_seat {
            0
        } else {
            model.chosen.map_or(0, |(_, paid)| paid)
        };
        let expected = (new.unit - before) * i64::from(flying) - seat_back;
        assert_eq!(amount, expected, "{}", self.story);
        if model.waiting().is_some() {
            model.drop_waiting(&mut self.stock);
        }
        self.stock.free[to] -= flying;
        if amount <= 0 {
            model.move_over(new, amount, &mut self.stock);
            return "flight changed".to_owned();
        }
        model.changes.push(ChangeModel {
            what: Change::Flight(new),
            fee: amount,
            state: ChangeState::Open,
        });
        "flight waits".to_owned()
    }

    /// Somebody or everybody of a paid booking cancels: quoted, and confirmed.
    pub async fn cancel_paid(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let ids = self.people(conn, which).await;
        let (booking, model) = &self.bookings[which];
        let left: Vec<usize> = (0..ids.len())
            .filter(|who| !model.gone.contains(who))
            .collect();
        let is_one = self.rng.random_bool(0.5);
        let one = left
            .get(self.rng.random_range(0..left.len().max(1)))
            .copied();
        let leaving: Vec<usize> = match one {
            Some(one) if is_one => vec![one],
            _ => left,
        };
        let named = leaving.iter().map(|who| ids[*who]).collect();
        let request = QuoteRequest {
            passengers: is_one.then_some(named),
            ..QuoteRequest::default()
        };
        let owner = Canceller::Owner(self.world.account);
        let clock = &self.world.clock;
        let reference = booking.reference.clone();
        let mut attempt = conn.begin().await.unwrap();
        let done = async {
            let quote = booking::quote(&mut attempt, clock, owner, &reference, &request).await?;
            booking::cancel(&mut attempt, clock, owner, &reference, quote.id).await?;
            // Twice is once.
            booking::cancel(&mut attempt, clock, owner, &reference, quote.id).await
        };
        let done = code(done.await);
        match done {
            Ok(_) => attempt.commit().await.unwrap(),
            Err(_) => attempt.rollback().await.unwrap(),
        }
        let refusal = (!model.is_alive()).then_some("wrong_state");
        assert_eq!(done.err(), refusal, "{}", self.story);
        if refusal.is_some() {
            return "cancel wrong_state".to_owned();
        }
        let (_, model) = &mut self.bookings[which];
        let discount = if model.coupon { DISCOUNT } else { 0 };
        model.cancel(&leaving, discount, FEE_OF_BOOKING, &mut self.stock);
        let is_over = model.status == BookingStatus::Cancelled;
        if is_over {
            "all cancelled"
        } else {
            "some cancelled"
        }
        .to_owned()
    }

    async fn people(&self, conn: &mut PgConnection, which: usize) -> Vec<PassengerId> {
        sqlx::query_scalar("select id from passenger where booking_id = $1 order by ordinal")
            .bind(self.bookings[which].0.id.0)
            .fetch_all(conn)
            .await
            .unwrap()
    }

    async fn first(&self, conn: &mut PgConnection, which: usize) -> PassengerId {
        sqlx::query_scalar(
            "select id from passenger where booking_id = $1 order by ordinal limit 1",
        )
        .bind(self.bookings[which].0.id.0)
        .fetch_one(conn)
        .await
        .unwrap()
    }

    /// Whether somebody else of the same booking sits there.
    async fn has_companion(&self, conn: &mut PgConnection, which: usize, seat: Seat) -> bool {
        let (booking, model) = &self.bookings[which];
        sqlx::query_scalar(
            "select exists (select from passenger_seat s join passenger p on p.id = s.passenger_id
             where s.flight_id = $1 and s.seat_row = $2 and s.letter = $3 and p.booking_id = $4 and p.ordinal > 0)",
        )
        .bind(self.flights[model.flight].0)
        .bind(seat.row)
        .bind(seat.letter.to_string())
        .bind(booking.id.0)
        .fetch_one(conn)
        .await
        .unwrap()
    }

    /// Whether the first passenger could sit there now.
    pub async fn can_have(&self, conn: &mut PgConnection, which: usize, seat: Seat) -> bool {
        let (booking, model) = &self.bookings[which];
        !self.is_taken(conn, model.flight, seat, Some(booking)).await
            && !self.has_companion(conn, which, seat).await
    }
}
