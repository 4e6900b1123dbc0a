//! The address of a booking's page. Whoever has it may read how the booking stands, pay it and take its documents,
//! without a key: it goes to the contact by mail. It opens as long as the contact is the one that it went to.

use uuid::Uuid;

use crate::config::Settings;
use crate::email;
use crate::ids::{AccountId, BookingRef};
use crate::signing::Signer;

/// Makes and opens addresses of bookings' pages.
#[derive(Clone, Debug)]
pub struct BookingLinks {
    signer: Signer,
    base: String,
}

/// What an address of ours names.
#[derive(Clone, Debug)]
pub struct LinkedBooking {
    /// Whose booking it is.
    pub account_id: AccountId,
    /// Which.
    pub reference: BookingRef,
    contact: String,
}

impl BookingLinks {
    /// The addresses of this deployment.
    pub fn new(settings: &Settings) -> Self {
        Self {
            signer: Signer::new(&settings.secret_key, "booking page"),
            base: settings.public_url.trim_end_matches('/').to_owned(),
        }
    }

    /// The address of the page. The token stands in the query, which no log has.
    pub fn page(&self, account_id: AccountId, reference: &str, contact_email: &str) -> String {
        let token = self.token(account_id, reference, contact_email);
        format!("{}/booking?link={token}", self.base)
    }

    /// The path that a form of the page pays by.
    pub fn pay_path(&self, account_id: AccountId, reference: &str, contact_email: &str) -> String {
        let token = self.token(account_id, reference, contact_email);
        format!("/booking/pay?link={token}")
    }

    /// The path that a form of the page answers a disruption by.
    pub fn disruption_path(
        &self,
        account_id: AccountId,
        reference: &str,
        contact_email: &str,
    ) -> String {
        let token = self.token(account_id, reference, contact_email);
        format!("/booking/disruption?link={token}")
    }

    /// What a token names, or `None` for anything that is not ours.
    pub fn open(&self, token: &str) -> Option<LinkedBooking> {
        let payload = String::from_utf8(self.signer.open(token)?).ok()?;
        let mut parts = payload.split(' ');
        let account_id: Uuid = parts.next()?.parse().ok()?;
        let reference = BookingRef::parse(parts.next()?)?;
        let contact = parts.next()?.to_owned();
        Some(LinkedBooking {
            account_id: AccountId(account_id),
            reference,
            contact,
        })
    }

    fn token(&self, account_id: AccountId, reference: &str, contact_email: &str) -> String {
        let payload = format!(
            "{account_id} {reference} {}",
            email::fingerprint(contact_email)
        );
        self.signer.seal(payload.as_bytes())
    }
}

impl LinkedBooking {
    /// Whether the address went to this contact.
    pub fn went_to(&self, contact_email: &str) -> bool {
        self.contact == email::fingerprint(contact_email)
    }
}
