//! What must hold over the whole database, asked of it: one SQL file a rule, which lists who breaks it.
//!
//! To add a rule: write its file, with the columns `example!` (who breaks it, by ids) and `violations!` (how many do), and
//! name it in [`check`].
//!
//! **No index finds the cabins in use, on purpose.** The check of the counters reads all of `flight_cabin`. A
//! partial index on `held + sold > 0` would make it shorter and every hold longer: updates of the counters would no
//! longer be heap-only.
//!
//! **The checks were written twice.** The tests' own rules (`api/tests/it/consistent.rs`) do not use the program's,
//! and run beside them: a rule that is blind is noticed. Random sequences (`core/src/invariants/tests/`) book,
//! change, pay and re-seat by the functions that the api calls, and compare each step with a model that asks the
//! database nothing but who has which seat; `FLIGHTDESK_SEED` repeats a run, but for the ids.

mod nightly;

pub use nightly::{Run, last_run, run_nightly};

use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection};

use crate::Result;
use crate::clock::Clock;

/// A rule, and who breaks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable, `snake_case`.
    pub name: String,
    /// The rule.
    pub sentence: String,
    /// How many break it; zero is good.
    pub violations: i64,
    /// Up to ten of them, by ids and references, never by name.
    pub examples: Vec<String>,
}

impl Finding {
    fn new(name: &str, sentence: &str, rows: Vec<Row>) -> Self {
        Self {
            name: name.to_owned(),
            sentence: sentence.to_owned(),
            violations: rows.first().map_or(0, |row| row.violations),
            examples: rows.into_iter().map(|row| row.example).collect(),
        }
    }
}

struct Row {
    example: String,
    violations: i64,
}

macro_rules! findings {
    ($conn:expr, $($name:literal, $sentence:literal, $file:tt $(, $argument:expr)*;)*) => {
        vec![$(Finding::new(
            $name,
            $sentence,
            sqlx::query_file_as!(Row, $file $(, $argument)*).fetch_all(&mut *$conn).await?,
        )),*]
    };
}

/// Asks every rule, in the caller's transaction: what it sees must not move between the rules, so
/// [`check_snapshot`] is what most callers want.
pub async fn check(conn: &mut PgConnection, clock: &Clock) -> Result<Vec<Finding>> {
    Ok(findings! { conn,
        "seats_sold_once", "No seat is sold twice: each is a seat of the aircraft, in the cabin its party booked, and no party has more than it paid for.",
            "src/invariants/seats_sold_once.sql";
        "cabin_counters", "The held and sold seats of each cabin are those of its holds and bookings, and not more than there are.",
            "src/invariants/cabin_counters.sql";
        "no_seats_for_ended_bookings", "No seat is held by a hold or booking that has ended.",
            "src/invariants/no_seats_for_ended_bookings.sql";
        "parties_complete", "A booking has a seat for everybody but infants, and each booked hold is one booking's.",
            "src/invariants/parties_complete.sql";
        "prices_add_up", "The lines of a price sum to its total, and that is what an open payment takes.",
            "src/invariants/prices_add_up.sql";
        "ledger_true", "Every ledger is balanced and says what was sold, what came and what went back.",
            "src/invariants/ledger_true.sql";
        "money_kept_is_earned", "What is kept of a booking's money is its total if it was confirmed, and nothing otherwise.",
            "src/invariants/money_kept_is_earned.sql";
        "seat_fees_are_of_seats", "What a sold booking pays for choosing seats was paid for seats that its passengers have.",
            "src/invariants/seat_fees_are_of_seats.sql";
        "refunds_within_payments", "No more of a payment goes back than came, by refunds and by disputes that were lost.",
            "src/invariants/refunds_within_payments.sql";
        "refunds_have_receipts", "A refund that succeeded has one receipt, a void one if the bank sent the money back, and its PDF and mail are made.",
            "src/invariants/refunds_have_receipts.sql";
        "numbers_without_gaps", "Invoices, credit notes and receipts are each numbered from one without a gap in each fiscal year.",
            "src/invariants/numbers_without_gaps.sql";
        "paid_is_ticketed", "On a paid booking everybody has one ticket of each validating airline, and each has its document.",
            "src/invariants/paid_is_ticketed.sql";
        "paid_has_documents", "The documents of a paid booking and the mail that carries them are there, or a live job makes them.",
            "src/invariants/paid_has_documents.sql";
        "unpaid_is_not_ticketed", "Nobody has a good ticket of a booking that is not paid.",
            "src/invariants/unpaid_is_not_ticketed.sql";
        "coupons_counted", "The uses of a coupon are the bookings that have its discount and did not end unpaid.",
            "src/invariants/coupons_counted.sql";
        "nothing_ended_is_payable", "Nobody can pay for a booking that has ended.",
            "src/invariants/nothing_ended_is_payable.sql";
        "no_job_is_lost", "What waits for a job has one, and no job is left lying.",
            "src/invariants/no_job_is_lost.sql", clock.now();
        "events_tell_the_status", "The status of each booking is what the last of its events says.",
            "src/invariants/events_tell_the_status.sql";
        "cancelled_flights_are_announced", "Everybody whose flight was cancelled was told, and could choose.",
            "src/invariants/cancelled_flights_are_announced.sql", clock.now();
        "splits_add_up", "What was divided between two bookings is what there was: every account of the ledger, and every payment.",
            "src/invariants/splits_add_up.sql";
    })
}

/// Asks every rule of one moment: a read-only snapshot with a minute for each rule, whatever the session's timeout.
pub async fn check_snapshot(conn: &mut PgConnection, clock: &Clock) -> Result<Vec<Finding>> {
    let mut tx = conn.begin().await?;
    sqlx::query!("set transaction isolation level repeatable read, read only")
        .execute(&mut *tx)
        .await?;
    sqlx::query!("set local statement_timeout = '60s'")
        .execute(&mut *tx)
        .await?;
    // The rules add up whole tables: what fits into memory is not written to disk and read again.
    sqlx::query!("set local work_mem = '64MB'")
        .execute(&mut *tx)
        .await?;
    let findings = check(&mut tx, clock).await?;
    tx.commit().await?;
    Ok(findings)
}

#[cfg(test)]
mod tests;
