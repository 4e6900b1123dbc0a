//! The chapters of the API's document.

use poem_openapi::Tags;

/// A chapter.
#[derive(Tags)]
pub enum Tag {
    /// Sign up, and what an account is
    Accounts,
    /// People log in and out
    Sessions,
    /// What programs call with
    #[oai(rename = "API keys")]
    ApiKeys,
    /// Airports, airlines, aircraft
    Places,
    /// Search, offers, seat maps
    Flights,
    /// Seats held for a party
    Holds,
    /// Bookings and their passengers
    Bookings,
    /// Whether a coupon applies
    Coupons,
    /// Checkout, and what Stripe tells us
    Payments,
    /// Where events are told to programs
    Webhooks,
    /// Tickets, invoices and receipts as PDF
    Documents,
    /// What happens after the answer
    Jobs,
    /// What is sold and by which rules, for staff
    Catalogue,
    /// Is it alive
    Operations,
}
