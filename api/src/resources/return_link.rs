//! The address that Stripe leads a traveller back to who gives up paying.
//!
//! **The address after giving up a payment is signed.** Stripe puts its session's id into the address after paying
//! alone. A booking's reference can be guessed and must not open anything, and "nothing was charged" may be false:
//! with the token the page says what is true, without it nothing that depends on the booking.

use flightdesk_core::ids::{AccountId, BookingRef};
use flightdesk_core::signing::Signer;

use crate::app::App;

/// Where a traveller who gives up comes back to. Who has the address may read how the booking stands.
pub fn cancel_url(app: &App, account_id: AccountId, reference: &BookingRef) -> String {
    let base = app.settings.public_url.trim_end_matches('/');
    let token = signer(app).seal(format!("{account_id} {reference}").as_bytes());
    format!("{base}/return/cancelled?booking={token}")
}

/// The booking whose address carries this token; `None` when the token is not ours.
pub fn open(app: &App, token: &str) -> Option<(AccountId, BookingRef)> {
    let text = String::from_utf8(signer(app).open(token)?).ok()?;
    let (account, reference) = text.split_once(' ')?;
    let account_id = AccountId(account.parse().ok()?);
    Some((account_id, BookingRef::parse(reference)?))
}

fn signer(app: &App) -> Signer {
    Signer::new(&app.settings.secret_key, "return")
}
