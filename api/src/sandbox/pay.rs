//! What a card does on the payment page (<https://docs.stripe.com/testing>).

use sqlx::PgConnection;

use super::dispute::{self, Claim};
use super::fault::Fault;
use super::object::{Charge, Session};
use super::session::intent_json;
use super::{Call, Sandbox, event, new_id};

/// What became of a click.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Paid, now or by an earlier click.
    Paid,
    /// The session took no money any more.
    Expired,
    /// The card was declined; the traveller may try another.
    Declined(&'static str),
    /// No such card: nothing was tried.
    Invalid(&'static str),
    /// The bank asks the traveller first.
    Authenticate,
}

/// The number of the card whose bank asks the traveller (3D Secure); with one of the two below it has answered.
pub(super) const ASKING: &str = "4000002500003155";
/// The traveller said yes.
pub(super) const APPROVED: &str = "4000002500003155:approved";
/// The traveller said no.
pub(super) const REFUSED: &str = "4000002500003155:refused";

struct Decline {
    code: &'static str,
    reason: &'static str,
    message: &'static str,
}

enum Verdict {
    Pays,
    /// And its holder disputes that at once.
    Disputes(Claim),
    Asks,
    Declines(Decline),
    NoCard(&'static str),
}

fn verdict(card: &str) -> Verdict {
    let declined = |code, reason, message| {
        Verdict::Declines(Decline {
            code,
            reason,
            message,
        })
    };
    let disputed = |reason, is_inquiry| Verdict::Disputes(Claim { reason, is_inquiry });
    match card {
        "4242424242424242" | "5555555555554444" | "378282246310005" | APPROVED => Verdict::Pays,
        "4000000000000259" => disputed("fraudulent", false),
        "4000000000002685" => disputed("product_not_received", false),
        "4000000000001976" => disputed("fraudulent", true),
        ASKING => Verdict::Asks,
        REFUSED => declined(
            "payment_intent_authentication_failure",
            "authentication_required",
            "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
        ),
        "4000000000000002" => declined(
            "card_declined",
            "generic_decline",
            "Your card was declined.",
        ),
        "4000000000009995" => declined(
            "card_declined",
            "insufficient_funds",
            "Your card has insufficient funds.",
        ),
        "4000000000009987" => declined("card_declined", "lost_card", "Your card was declined."),
        "4000000000000069" => declined("expired_card", "expired_card", "Your card has expired."),
        "4000000000000127" => declined(
            "incorrect_cvc",
            "incorrect_cvc",
            "Your card's security code is incorrect.",
        ),
        "" => Verdict::NoCard("Your card number is incomplete."),
        other if is_number(other) => declined(
            "card_declined",
            "test_mode_live_card",
            "Your card was declined. The sandbox takes test cards only.",
        ),
        _ => Verdict::NoCard("Your card number is invalid."),
    }
}

/// 12 to 19 digits with the right check digit (Luhn).
fn is_number(card: &str) -> bool {
    let digits: Option<Vec<u32>> = card.chars().map(|digit| digit.to_digit(10)).collect();
    digits.is_some_and(|digits| {
        let sum: u32 = digits
            .iter()
            .rev()
            .enumerate()
            .map(|(place, digit)| match (place % 2, digit * 2) {
                (0, _) => *digit,
                (_, doubled) => doubled / 10 + doubled % 10,
            })
            .sum();
        (12..=19).contains(&digits.len()) && sum.is_multiple_of(10)
    })
}

/// Tries a card: session, payment, charge and events in the caller's one transaction.
///
/// Of the number only brand and last four digits are kept, and nothing of it is logged. Two clicks pay once: the
/// second waits for the session's lock and finds it complete.
pub(super) async fn attempt(
    sandbox: &Sandbox,
    conn: &mut PgConnection,
    call: &Call,
    session_id: &str,
    card: &str,
) -> Result<Option<Outcome>, Fault> {
    let Some(mut session) = Session::lock(conn, session_id).await? else {
        return Ok(None);
    };
    match session.status.as_str() {
        "complete" => return Ok(Some(Outcome::Paid)),
        "open" if session.expires_at > call.now => {}
        _ => return Ok(Some(Outcome::Expired)),
    }
    let (decline, claim) = match verdict(card) {
        Verdict::Asks => return Ok(Some(Outcome::Authenticate)),
        Verdict::NoCard(why) => return Ok(Some(Outcome::Invalid(why))),
        Verdict::Declines(decline) => (Some(decline), None),
        Verdict::Pays => (None, None),
        Verdict::Disputes(claim) => (None, Some(claim)),
    };
    let intent = intent_of(conn, call, &mut session).await?;
    let charge = charge_card(conn, call, &session, &intent, card, decline.as_ref()).await?;
    if let Some(decline) = decline {
        event::record(conn, call, "charge.failed", &charge.json()).await?;
        let intent = intent_json(conn, &intent).await?;
        event::record(conn, call, "payment_intent.payment_failed", &intent).await?;
        return Ok(Some(Outcome::Declined(decline.message)));
    }
    sqlx::query!(
        "update sandbox.payment_intent set status = 'succeeded' where id = $1",
        intent
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update sandbox.checkout_session set status = 'complete' where id = $1",
        session.id
    )
    .execute(&mut *conn)
    .await?;
    "complete".clone_into(&mut session.status);
    event::record(conn, call, "charge.succeeded", &charge.json()).await?;
    let intent = intent_json(conn, &intent).await?;
    event::record(conn, call, "payment_intent.succeeded", &intent).await?;
    let object = session.json(&sandbox.checkout_url(&session.id));
    event::record(conn, call, "checkout.session.completed", &object).await?;
    if let Some(claim) = claim {
        dispute::open(conn, call, &charge, &claim).await?;
    }
    Ok(Some(Outcome::Paid))
}

/// The session's payment, made when a card is first tried.
async fn intent_of(
    conn: &mut PgConnection,
    call: &Call,
    session: &mut Session,
) -> Result<String, Fault> {
    if let Some(intent) = &session.payment_intent {
        return Ok(intent.clone());
    }
    let id = new_id("pi_3");
    sqlx::query!(
        "
        insert into sandbox.payment_intent
            (id, checkout_session_id, status, amount, currency, description, metadata, created_at)
        values ($1, $2, 'requires_payment_method', $3, $4, $5, $6, $7)
        ",
        id,
        session.id,
        session.amount,
        session.currency,
        session.intent_description,
        session.intent_metadata,
        call.now
    )
    .execute(&mut *conn)
    .await?;
    session.payment_intent = Some(id.clone());
    let object = intent_json(conn, &id).await?;
    event::record(conn, call, "payment_intent.created", &object).await?;
    Ok(id)
}

async fn charge_card(
    conn: &mut PgConnection,
    call: &Call,
    session: &Session,
    intent: &str,
    card: &str,
    decline: Option<&Decline>,
) -> Result<Charge, Fault> {
    let number = card.split(':').next().unwrap_or_default();
    let brand = match number.as_bytes() {
        [b'4', ..] => "visa",
        [b'5', ..] => "mastercard",
        [b'3', b'4' | b'7', ..] => "amex",
        _ => "unknown",
    };
    let id = new_id("ch_3");
    sqlx::query!(
        "
        insert into sandbox.charge
            (id, payment_intent_id, amount, currency, created_at, brand, last4, failure_code, decline_code,
             failure_message)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ",
        id,
        intent,
        session.amount,
        session.currency,
        call.now,
        brand,
        &number[number.len().saturating_sub(4)..],
        decline.map(|decline| decline.code),
        decline.map(|decline| decline.reason),
        decline.map(|decline| decline.message)
    )
    .execute(&mut *conn)
    .await?;
    Charge::find(conn, &id).await?.ok_or_else(Fault::internal)
}
