//! What travellers read of what becomes of a paid booking: cancellations, other flights, refunds.

use chrono::{TimeZone, Utc};
use flightdesk_core::Clock;
use flightdesk_core::booking::{self, CancellationScope, Canceller, QuoteRequest};
use flightdesk_core::booking_event::{self, ChangeLost, Event};
use flightdesk_core::format;
use flightdesk_core::ids::{BookingRef, JobId, RefundId};
use flightdesk_core::money::{Currency, Money};
use flightdesk_core::outbox::MailKind;
use flightdesk_core::payment::stripe::StripeRefundStatus;
use flightdesk_worker::Ctx;
use flightdesk_worker::mail::Mail;
use sqlx::PgPool;
use uuid::{Uuid, uuid};

use crate::booked::ticketed;
use crate::papers::{assert_reservations, invoice, render_and_send, run, stripe_says};
use crate::support::bookings::{ACCOUNT, BOOKING, promise};
use crate::support::ctx;

const CHANGE: Uuid = uuid!("00000000-0000-7000-8000-000000000901");

/// Four days before the way there begins, and three weeks before the way back.
fn clock() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 12, 16, 8, 0, 0).unwrap())
}

fn assert_says(mail: &Mail, words: &[&str]) {
    for said in words {
        assert!(
            mail.text.contains(said),
            "{said:?} is missing in\n{}",
            mail.text
        );
    }
    for form in [&mail.text, &mail.html] {
        assert!(form.contains("/booking?link="), "no link in\n{form}");
    }
}

/// Cancels the fixture's booking, and sends the mail about it. What is refunded comes too.
async fn cancelled(ctx: &Ctx, scope: CancellationScope) -> (Mail, Money) {
    let reference = BookingRef::parse("K7XQ3M").unwrap();
    let owner = Canceller::Owner(ACCOUNT);
    let request = QuoteRequest {
        scope: Some(scope),
        ..QuoteRequest::default()
    };
    let mut tx = ctx.db.begin().await.unwrap();
    let quote = booking::quote(&mut tx, &ctx.clock, owner, &reference, &request)
        .await
        .unwrap();
    booking::cancel(&mut tx, &ctx.clock, owner, &reference, quote.id)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mail: Uuid = sqlx::query_scalar(
        "select id from outbox where kind = 'send_mail' and payload -> 'mail' ? 'cancellation_confirmed'",
    )
    .fetch_one(&*ctx.db)
    .await
    .unwrap();
    run(ctx, "send_mail", JobId(mail)).await;
    (ctx.mail.sent().pop().unwrap(), quote.content.refund())
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_cancelled_booking_is_told_with_its_flights_rules_and_amounts_and_so_is_its_refund(
    pool: PgPool,
) {
    let ctx = ctx(&pool, clock());
    ticketed(&ctx).await;
    invoice(&ctx).await;
    render_and_send(&ctx).await;
    let (mail, refund) = cancelled(&ctx, CancellationScope::Both).await;
    assert_eq!(mail.subject, "Your booking K7XQ3M is cancelled");
    let amount = format::money(refund);
    let back = format!("We are sending {amount} back to the card you paid with.");
    assert_says(
        &mail,
        &[
            "Your booking K7XQ3M is cancelled, as you asked.",
            "Booking reference: K7XQ3M",
            "departing: INR 33,061.00 of INR 36,061.00 is refunded. Standard fare, cancelled more than 72 hours before departure: a cancellation fee of INR 3,000.00, at most the base fare.",
            "returning: INR 40,518.00 of INR 40,518.00 is refunded. Standard fare, cancelled more than 168 hours before departure: no cancellation fee.",
            "These flights are no longer booked:",
            "Air India AI 161, flight time 9 h 40 min",
            "Sun 20 Dec 2026, 14:00 (UTC+5:30)  New Delhi (DEL)",
            "Tue 5 Jan 2027, 18:50 (UTC)  London (LHR)",
            "Per-booking fees of INR 300.00 are not refundable.",
            &back,
        ],
    );
    for absent in ["stay booked", "FlightReservation"] {
        assert!(
            !mail.html.contains(absent),
            "{absent:?} is in {}",
            mail.html
        );
    }

    let (id, minor): (RefundId, i64) = sqlx::query_as("select id, amount_minor from refund")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(minor, refund.minor());
    stripe_says(&ctx, id, minor, StripeRefundStatus::Succeeded).await;
    render_and_send(&ctx).await;
    let mail = ctx.mail.sent().pop().unwrap();
    assert_eq!(
        mail.subject,
        format!("{amount} for booking K7XQ3M is back with your bank")
    );
    assert_says(
        &mail,
        &[
            "These flights are no longer booked:",
            "Sun 20 Dec 2026, 14:00 (UTC+5:30)  New Delhi (DEL)",
            "Passengers\n  Ms Hồng Đào Thị Nguyễn\n  Mr Łukasz Żółć\n",
        ],
    );
    assert!(!mail.text.contains("These flights are booked"));
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_cancelled_direction_is_told_beside_what_stays_booked(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    ticketed(&ctx).await;
    let (mail, _) = cancelled(&ctx, CancellationScope::Returning).await;
    assert_eq!(mail.subject, "Part of your booking K7XQ3M is cancelled");
    let (ended, stays) = mail.text.split_once("These flights stay booked.").unwrap();
    let (_, ended) = ended
        .split_once("These flights are no longer booked:")
        .unwrap();
    for (part, says, says_not) in [(ended, "BA 143", "AI 161"), (stays, "AI 161", "BA 143")] {
        assert!(part.contains(says) && !part.contains(says_not), "{part}");
    }
    assert_says(
        &mail,
        &[
            "New tickets follow in a separate mail.",
            "Ms Hồng Đào Thị Nguyễn: AI 161 seat 21A",
        ],
    );
    assert_reservations(&mail.html, 4);
}

/// Other flights a day later for the way there, at this price.
async fn change(pool: &PgPool, status: &str, minor: i64) {
    for statement in [
        "insert into flight (id, schedule_id, airline, flight_number, origin, destination, departure_date, departs_at, arrives_at, aircraft)
         select '00000000-0000-7000-8000-000000000203', schedule_id, airline, flight_number, origin, destination, departure_date + 1,
             departs_at + interval '1 day', arrives_at + interval '1 day', aircraft
         from flight where id = '00000000-0000-7000-8000-000000000201'",
        "insert into flight_cabin (flight_id, cabin, capacity, sold, base_fare_minor)
         select '00000000-0000-7000-8000-000000000203', cabin, capacity, sold, base_fare_minor
         from flight_cabin where flight_id = '00000000-0000-7000-8000-000000000201'",
        "insert into change_quote (id, booking_id, created_at, expires_at, content)
         select '00000000-0000-7000-8000-000000000901', direction.booking_id, '2026-12-16T07:50:00Z', '2026-12-16T08:00:00Z', jsonb_build_object(
             'version', 1, 'currency', 'INR',
             'directions', jsonb_build_array(jsonb_build_object(
                 'direction', 'departing', 'offer', 'o', 'from', jsonb_build_array('00000000-0000-7000-8000-000000000201'),
                 'to', jsonb_build_array('00000000-0000-7000-8000-000000000203'), 'from_cabin', 'economy', 'cabin', 'economy',
                 'fare_family', 'standard', 'conditions', conditions)),
             'items', jsonb_build_array(jsonb_build_object(
                 'passenger_id', '00000000-0000-7000-8000-000000000701', 'passenger', 'Hồng Đào Thị Nguyễn', 'direction', 'departing',
                 'rule', 'r', 'more_than_hours', 72, 'lines', jsonb_build_array(jsonb_build_object(
                     'kind', 'base_fare', 'code', 'standard', 'name', null, 'flight_id', '00000000-0000-7000-8000-000000000203',
                     'minor', 0, 'refundable', false, 'is_percentage', false)))),
             'seats', jsonb_build_array(jsonb_build_object(
                 'passenger_id', '00000000-0000-7000-8000-000000000701', 'direction', 'departing',
                 'from', '00000000-0000-7000-8000-000000000201', 'seat', '21A', 'to', null, 'paid_minor', 60000)))
         from direction where ordinal = 0",
    ] {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
    sqlx::query(
        "insert into booking_change (id, booking_id, status, created_at, expires_at, ended_at, currency, amount_minor, lines, kind, change_quote_id)
         select $1, id, $2, '2026-12-16T07:51:00Z', '2026-12-16T08:00:00Z', '2026-12-16T08:00:00Z', 'INR', $3, '[]', 'flights', $1 from booking",
    )
    .bind(CHANGE)
    .bind(status)
    .bind(minor)
    .execute(pool)
    .await
    .unwrap();
    set_price(pool, minor).await;
}

async fn set_price(pool: &PgPool, minor: i64) {
    sqlx::query("update change_quote set content = jsonb_set(content, '{items,0,lines,0,minor}', to_jsonb($1::bigint))")
        .bind(minor)
        .execute(pool)
        .await
        .unwrap();
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn other_flights_are_told_beside_the_old_ones_with_their_price_and_lost_seats(pool: PgPool) {
    change(&pool, "done", 150_000).await;
    for statement in [
        "update booked_flight set flight_id = '00000000-0000-7000-8000-000000000203' where ordinal = 1",
        "update passenger_seat set flight_id = '00000000-0000-7000-8000-000000000203' where flight_id = '00000000-0000-7000-8000-000000000201'",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let ctx = ctx(&pool, clock());
    for (minor, price) in [
        (150_000, "You have paid INR 1,500.00 for the change."),
        (0, "The change costs nothing."),
        (
            -99_900,
            "We are sending INR 999.00 back to the card you paid with.",
        ),
    ] {
        set_price(&pool, minor).await;
        let kind = MailKind::FlightsChanged { change_id: CHANGE };
        let job = promise(&pool, &ctx.clock, kind).await;
        run(&ctx, "send_mail", job).await;
        let mail = ctx.mail.sent().pop().unwrap();
        assert_eq!(mail.subject, "You have new flights on booking K7XQ3M");
        assert_says(
            &mail,
            &[
                "Booking reference: K7XQ3M",
                "Mon 21 Dec 2026, 14:00 (UTC+5:30)  New Delhi (DEL)",
                "Ms Hồng Đào Thị Nguyễn: AI 161 seat 21A, BA 143 seat 21A",
                "No longer booked\n  AI 161 from New Delhi to London on Sun 20 Dec 2026, 14:00 (UTC+5:30)",
                "what you paid for them is refunded\n  Hồng Đào Thị Nguyễn, 21A",
                "Your old tickets are no longer valid.",
                price,
            ],
        );
        assert_reservations(&mail.html, 8);
    }
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn whoever_did_not_pay_for_other_flights_reads_that_the_old_ones_stand(pool: PgPool) {
    change(&pool, "expired", 150_000).await;
    let ctx = ctx(&pool, clock());
    let lost = Event::FlightChangeLost {
        change_id: CHANGE,
        why: ChangeLost::Unpaid,
    };
    record(&ctx, &lost).await;
    render_and_send(&ctx).await;
    let [mail] = &ctx.mail.sent()[..] else {
        panic!("one mail");
    };
    assert_eq!(
        mail.subject,
        "The flights of booking K7XQ3M have not changed"
    );
    assert_says(
        mail,
        &[
            "was not paid in time and has ended. Nothing was charged, and your flights are as they were:",
            "Sun 20 Dec 2026, 14:00 (UTC+5:30)  New Delhi (DEL)",
            "Ms Hồng Đào Thị Nguyễn: AI 161 seat 21A",
            "Any later payment for it is refunded in full.",
        ],
    );

    // Late it says nothing of flights that have changed after all.
    sqlx::query("update booking_change set status = 'done'")
        .execute(&pool)
        .await
        .unwrap();
    let kind = MailKind::FlightsNotChanged { change_id: CHANGE };
    let job = promise(&pool, &ctx.clock, kind).await;
    run(&ctx, "send_mail", job).await;
    assert_eq!(ctx.mail.sent().len(), 1);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn other_flights_that_wait_for_their_money_are_told_with_a_link_that_pays(pool: PgPool) {
    change(&pool, "expired", 150_000).await;
    let reopened = "update booking_change set status = 'open', ended_at = null, expires_at = '2026-12-16T08:31:00Z'";
    sqlx::query(reopened).execute(&pool).await.unwrap();
    let ctx = ctx(&pool, clock());
    let held = Event::FlightChangeHeld {
        change_id: CHANGE,
        amount: Money::new(150_000, Currency::INR),
        expires_at: Utc.with_ymd_and_hms(2026, 12, 16, 8, 31, 0).unwrap(),
    };
    record(&ctx, &held).await;
    render_and_send(&ctx).await;
    let [mail] = &ctx.mail.sent()[..] else {
        panic!("one mail");
    };
    assert_eq!(
        mail.subject,
        "Pay INR 1,500.00 by 14:01 on Wed 16 Dec 2026 (UTC+5:30) for the new flights of booking K7XQ3M"
    );
    assert_says(
        mail,
        &[
            "Flights you asked for\n  AI 161 from New Delhi to London on Mon 21 Dec 2026, 14:00 (UTC+5:30)",
            "Pay INR 1,500.00:\n",
            "If you do not pay, they stay so, and nothing is charged:",
            "Sun 20 Dec 2026, 14:00 (UTC+5:30)  New Delhi (DEL)",
        ],
    );

    // Nobody is asked for money that has come.
    let paid = "update booking_change set status = 'done', ended_at = created_at";
    sqlx::query(paid).execute(&pool).await.unwrap();
    let kind = MailKind::FlightsHeld { change_id: CHANGE };
    let job = promise(&pool, &ctx.clock, kind).await;
    run(&ctx, "send_mail", job).await;
    assert_eq!(ctx.mail.sent().len(), 1);
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn whoever_did_not_pay_for_other_seats_reads_that_they_keep_theirs(pool: PgPool) {
    let ctx = ctx(&pool, clock());
    let lost = Event::SeatChangeLost {
        seat_change_id: CHANGE,
        why: ChangeLost::Unpaid,
    };
    record(&ctx, &lost).await;
    render_and_send(&ctx).await;
    let [mail] = &ctx.mail.sent()[..] else {
        panic!("one mail");
    };
    assert_eq!(
        mail.subject,
        "We could not change the seats on booking K7XQ3M"
    );
    assert_says(
        mail,
        &[
            "were not paid in time. Nothing was charged, and you keep the seats that you have.",
            "Any later payment is refunded in full.",
        ],
    );
}

async fn record(ctx: &Ctx, event: &Event) {
    let mut tx = ctx.db.begin().await.unwrap();
    booking_event::record(&mut tx, &ctx.clock, ACCOUNT, BOOKING, event)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}
