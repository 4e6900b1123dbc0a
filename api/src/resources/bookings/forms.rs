//! What a caller says to book.

use flightdesk_core::booking::{
    Contact, NewBooking, NewPassenger, NewTravelDocument, SourceWish, TravelDocument,
};
use flightdesk_core::error::Error;
use flightdesk_core::ids::HoldId;
use poem_openapi::Object;
use uuid::Uuid;

use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};
use crate::resources::holds::SeatWishView;
use crate::views::baggage::BagView;

/// A booking to make: of a hold, or of offers that are held in the same step
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CreateBooking {
    /// An open hold; instead of `offers`
    hold_id: Option<Uuid>,
    /// `offer_id` of a search's offer, for a round trip two, departing first; instead of `hold_id`
    #[oai(validator(min_items = 1, max_items = 2))]
    offers: Option<Vec<String>>,
    /// With `offers`: whether the return may leave from or end at another place
    open_jaw: Option<bool>,
    /// Exact seats, with `offers`; a hold has its own
    #[oai(validator(max_items = 60))]
    seats: Option<Vec<SeatWishView>>,
    #[oai(validator(min_items = 1, max_items = 20))]
    passengers: Vec<PassengerForm>,
    contact: ContactView,
    /// A coupon's code; case does not matter
    #[oai(validator(min_length = 1, max_length = 64))]
    coupon: Option<String>,
}

/// A passenger to book
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct PassengerForm {
    /// `mr`, `ms`, `mrs`, `mx`, `dr`, `mstr` or `miss`
    title: String,
    /// 1-40 Latin letters as in the passport, accents kept. People with one name leave it out and write `last_name`
    #[oai(validator(max_length = 160))]
    first_name: Option<String>,
    /// 1-40 letters, if the passport shows one
    #[oai(validator(max_length = 160))]
    middle_name: Option<String>,
    /// 1-40 letters
    #[oai(validator(max_length = 160))]
    last_name: String,
    /// `male`, `female` or `other`
    gender: String,
    /// `1990-05-17`; says whether they are adult, child or infant on the day of the last flight
    date_of_birth: String,
    /// For an infant: index of the passenger of 18 or more whose lap it sits on
    adult_index: Option<u32>,
    /// `window`, `middle` or `aisle`
    seat_preference: Option<String>,
    /// Extra checked baggage, one weight a direction; none for infants
    #[oai(validator(max_items = 2))]
    baggage: Option<Vec<BagView>>,
    /// IATA codes: a meal such as `VGML`, a wheelchair such as `WCHR`
    #[oai(validator(max_items = 8))]
    special_requests: Option<Vec<String>>,
    travel_document: Option<TravelDocumentView>,
}

/// A passport or identity card
#[derive(Debug, Object)]
#[oai(rename = "TravelDocument", deny_unknown_fields)]
pub struct TravelDocumentView {
    /// `passport` or `national_id`
    #[oai(rename = "type")]
    kind: String,
    /// 5-20 letters and digits, as printed
    #[oai(validator(max_length = 20))]
    number: String,
    /// The country that issued it, ISO 3166: `IN`
    country: String,
    /// The last day it is good: `2030-05-17`
    expires_on: String,
}

impl FromRaw for TravelDocumentView {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            kind: raw.text("type"),
            number: raw.text("number"),
            country: raw.text("country"),
            expires_on: raw.text("expires_on"),
        }
    }
}

impl From<TravelDocumentView> for NewTravelDocument {
    fn from(document: TravelDocumentView) -> Self {
        Self {
            kind: document.kind,
            number: document.number,
            country: document.country,
            expires_on: document.expires_on,
        }
    }
}

impl From<TravelDocument> for TravelDocumentView {
    fn from(document: TravelDocument) -> Self {
        Self {
            kind: document.kind,
            number: document.number,
            country: document.country,
            expires_on: document.expires_on.to_string(),
        }
    }
}

impl FromRaw for BagView {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            direction: raw.text("direction"),
            kg: raw.integer("kg").unwrap_or_default(),
        }
    }
}

impl FromRaw for PassengerForm {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            title: raw.text("title"),
            first_name: raw.optional_text("first_name"),
            middle_name: raw.optional_text("middle_name"),
            last_name: raw.text("last_name"),
            gender: raw.text("gender"),
            date_of_birth: raw.text("date_of_birth"),
            adult_index: raw.integer("adult_index"),
            seat_preference: raw.optional_text("seat_preference"),
            baggage: raw.list("baggage"),
            special_requests: raw.list("special_requests"),
            travel_document: raw.optional_object("travel_document"),
        }
    }
}

impl From<PassengerForm> for NewPassenger {
    fn from(form: PassengerForm) -> Self {
        Self {
            title: form.title,
            first_name: form.first_name,
            middle_name: form.middle_name,
            last_name: form.last_name,
            gender: form.gender,
            date_of_birth: form.date_of_birth,
            adult_index: form.adult_index,
            seat_preference: form.seat_preference,
            baggage: form.baggage.into_iter().flatten().map(Into::into).collect(),
            special_requests: form.special_requests.unwrap_or_default(),
            travel_document: form.travel_document.map(NewTravelDocument::from),
        }
    }
}

/// Whom to write to
#[derive(Debug, Object)]
#[oai(rename = "Contact", deny_unknown_fields)]
pub struct ContactView {
    /// Plain letters before the `@`; an international domain is kept as `xn--…`
    #[oai(validator(max_length = 254))]
    email: String,
    /// With the country code, `+91 98765-43210`; kept and answered in E.164, `+919876543210`
    #[oai(validator(max_length = 40))]
    phone: String,
}

impl FromRaw for ContactView {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            email: raw.text("email"),
            phone: raw.text("phone"),
        }
    }
}

impl From<ContactView> for Contact {
    fn from(contact: ContactView) -> Self {
        Self {
            email: contact.email,
            phone: contact.phone,
        }
    }
}

impl From<Contact> for ContactView {
    fn from(contact: Contact) -> Self {
        Self {
            email: contact.email,
            phone: contact.phone,
        }
    }
}

impl From<CreateBooking> for NewBooking {
    fn from(body: CreateBooking) -> Self {
        let seats = body.seats.into_iter().flatten();
        Self {
            source: SourceWish {
                hold_id: body.hold_id.map(HoldId),
                offers: body.offers,
                open_jaw: body.open_jaw,
                seats: seats.map(Into::into).collect(),
            },
            coupon: body.coupon,
            passengers: body
                .passengers
                .into_iter()
                .map(NewPassenger::from)
                .collect(),
            contact: body.contact.into(),
        }
    }
}

impl FromRaw for CreateBooking {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            hold_id: raw.id("hold_id"),
            offers: raw.list("offers"),
            open_jaw: raw.flag("open_jaw"),
            seats: raw.list("seats"),
            passengers: raw.list("passengers").unwrap_or_default(),
            contact: raw.object("contact"),
            coupon: raw.optional_text("coupon"),
        }
    }
}

impl Rules for CreateBooking {
    fn rules(self, app: &App) -> Result<(), Error> {
        NewBooking::from(self).rules(&app.clock)
    }
}
