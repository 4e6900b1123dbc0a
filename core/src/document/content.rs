//! What a ticket, an invoice and a receipt say, as plain data. How it looks is the worker's business.

use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};

use super::supply::SupplyContent;
use crate::ids::DocumentId;
use crate::money::Money;
use crate::ticket::TicketNumber;
use crate::trade::FareConditions;

/// Everything an e-ticket receipt of one validating airline says.
#[derive(Clone, Debug, PartialEq)]
pub struct TicketContent {
    /// The document.
    pub document_id: DocumentId,
    /// Which revision of it this is.
    pub revision: i32,
    /// The booking's reference.
    pub booking_ref: String,
    /// The validating airline.
    pub airline: Carrier,
    /// The booking's status in the database: `confirmed`.
    pub booking_status: String,
    /// When the booking was made.
    pub booked_at: DateTime<Utc>,
    /// When the tickets were issued.
    pub issued_at: DateTime<Utc>,
    /// The directions this airline tickets, in the order of travel.
    pub directions: Vec<DirectionContent>,
    /// Everyone with a ticket of this airline.
    pub passengers: Vec<PassengerContent>,
    /// What the directions of this ticket cost, and what was charged for the booking as a whole.
    pub price_lines: Vec<PriceLineContent>,
    /// The sum of the lines above.
    pub total: Money,
    /// The price of the whole booking, other airlines' tickets included.
    pub booking_total: Money,
    /// How it was paid; none when nothing was to pay.
    pub paid_with: Option<PaidWith>,
}

/// Everything an invoice says. It is made once: what changes later has an invoice of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct InvoiceContent {
    /// The document.
    pub document_id: DocumentId,
    /// `FD/26-27/000123`.
    pub number: String,
    /// When it was numbered.
    pub issued_at: DateTime<Utc>,
    /// That day, by the seller's clocks.
    pub issued_on: NaiveDate,
    /// Who sells.
    pub seller: Seller,
    /// Who buys, line by line: the first passenger's name and the booking's contact, as they were when it was issued.
    pub buyer: Vec<String>,
    /// The booking's reference.
    pub booking_ref: String,
    /// Whose tickets it is for.
    pub airlines: Vec<Carrier>,
    /// What was sold.
    pub lines: Vec<PriceLineContent>,
    /// What tax law asks to be said of them: code, place of supply, split of the tax.
    pub supplies: Vec<SupplyContent>,
    /// The sum of the lines.
    pub total: Money,
    /// How it was paid; none when nothing was to pay.
    pub paid_with: Option<PaidWith>,
}

/// Everything a receipt of a refund says: a credit note when it corrects an invoice.
#[derive(Clone, Debug, PartialEq)]
pub struct RefundReceiptContent {
    /// The document.
    pub document_id: DocumentId,
    /// Which revision of it this is.
    pub revision: i32,
    /// `FD/26-27/C00012`; with an `R` when it corrects no invoice.
    pub number: String,
    /// When it was numbered.
    pub issued_at: DateTime<Utc>,
    /// That day, by the seller's clocks.
    pub issued_on: NaiveDate,
    /// The invoice that it corrects; none for money that no invoice is of.
    pub corrects: Option<CorrectedInvoice>,
    /// Who sells.
    pub seller: Seller,
    /// Who gets the money, line by line: as on the invoice.
    pub buyer: Vec<String>,
    /// The booking's reference.
    pub booking_ref: String,
    /// Whose tickets the booking has.
    pub airlines: Vec<Carrier>,
    /// Everybody of the booking, with title and all names.
    pub passengers: Vec<String>,
    /// Why the money went back.
    pub cause: RefundCause,
    /// Of a cancellation: why staff waived its fee, if they did.
    pub waiver: Option<String>,
    /// What is given back, line by line; empty when only the amount is known, which the cause then explains.
    pub lines: Vec<ReturnedLine>,
    /// What tax law asks to be said of the lines.
    pub supplies: Vec<SupplyContent>,
    /// The sum of the lines: what went back.
    pub total: Money,
    /// The payment that it went back to.
    pub paid_with: PaidWith,
    /// Whether staff paid it by bank transfer, because it could not go back to the card.
    pub is_bank_transfer: bool,
    /// The day on which the bank sent the money back, by the seller's clocks: the receipt is void.
    pub returned_on: Option<NaiveDate>,
}

/// The invoice that a credit note corrects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectedInvoice {
    /// `FD/26-27/000123`.
    pub number: String,
    /// Its day, by the seller's clocks.
    pub issued_on: NaiveDate,
}

/// A line of what is given back. A charge that is kept is a negative line of the kind that it is taken off, with a name of
/// its own, so that the taxable value is what really comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnedLine {
    /// What of the price it is; its amount is what is given back of it.
    pub line: PriceLineContent,
    /// Whose it was, when it was one passenger's; else the line says for how many of whom.
    pub passenger: Option<String>,
}

/// Why money went back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundCause {
    /// It came when it was not owed any more: the booking had ended or had another price.
    NotOwed,
    /// It was for other seats, which could not be had any more.
    SeatsGone,
    /// The booking was paid already.
    PaidTwice,
    /// It was not what was asked for.
    NotAskedFor,
    /// A chosen seat could not be had when the booking was confirmed.
    SeatFees,
    /// Another aircraft does not have a chosen seat, or has it in a cheaper class.
    SeatSwap,
    /// Flights were cancelled.
    Cancellation,
    /// Other flights, which cost less.
    Change,
    /// It was for other flights, which could not be had any more.
    FlightsGone,
    /// Staff gave it back.
    Staff,
}

/// Who sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seller {
    /// Name.
    pub name: String,
    /// Where to write to.
    pub address: String,
    /// The number it pays taxes under: a GSTIN in India.
    pub tax_number: Option<String>,
}

/// An airline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// IATA code.
    pub iata: String,
    /// Name.
    pub name: String,
}

/// One direction of travel and the conditions it was sold under.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectionContent {
    /// `departing` or `returning`.
    pub name: String,
    /// The cabin in the database: `premium_economy`.
    pub cabin: String,
    /// The fare family's name for people: `Standard`.
    pub fare_family: String,
    /// What every seated passenger may bring.
    pub baggage: Baggage,
    /// The frozen rules of the fare, in sentences.
    pub rules: Vec<String>,
    /// The flights in the order they are flown.
    pub flights: Vec<FlightContent>,
}

/// What a seated passenger may bring, as it was when the fare was sold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baggage {
    /// Into the cabin, in words: `7 kg, 115 cm`.
    pub cabin: String,
    /// Checked pieces.
    pub checked_pieces: i64,
    /// Kilograms of all checked pieces together.
    pub checked_kg: i64,
}

impl From<&FareConditions> for Baggage {
    fn from(conditions: &FareConditions) -> Self {
        Self {
            cabin: conditions.cabin_bag.clone(),
            checked_pieces: conditions.checked_pieces.into(),
            checked_kg: conditions.checked_kg.into(),
        }
    }
}

/// One flight, each time in the zone of its airport.
#[derive(Clone, Debug, PartialEq)]
pub struct FlightContent {
    /// Who flies it.
    pub airline: Carrier,
    /// Digits and, rarely, a suffix letter.
    pub number: String,
    /// Name of the aircraft type.
    pub aircraft: String,
    /// Where it leaves.
    pub origin: Place,
    /// Where it lands.
    pub destination: Place,
    /// When it leaves, by the clocks of the origin.
    pub departs: DateTime<FixedOffset>,
    /// When it lands, by the clocks of the destination.
    pub arrives: DateTime<FixedOffset>,
    /// When to be where before it leaves.
    pub boarding: Boarding,
}

/// When to be where, by the clocks of the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boarding {
    /// The check-in desk opens: three hours before departure.
    pub desk_opens: DateTime<FixedOffset>,
    /// The check-in desk closes: 60 minutes before departure.
    pub desk_closes: DateTime<FixedOffset>,
    /// Boarding begins: 35 minutes before departure.
    pub begins: DateTime<FixedOffset>,
    /// The gate closes: 15 minutes before departure.
    pub gate_closes: DateTime<FixedOffset>,
}

impl FlightContent {
    /// How long it takes.
    pub fn duration(&self) -> TimeDelta {
        self.arrives - self.departs
    }

    /// Local arrival date minus local departure date in days: 1 for a night flight, −1 over the date line.
    pub fn day_offset(&self) -> i64 {
        (self.arrives.date_naive() - self.departs.date_naive()).num_days()
    }
}

/// An airport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// IATA code.
    pub iata: String,
    /// Name of the airport.
    pub name: String,
    /// The city it serves.
    pub city: String,
    /// ISO 3166 code of its country.
    pub country: String,
}

/// One person and their ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassengerContent {
    /// Title and names, as written.
    pub name: String,
    /// `adult`, `child` or `infant`.
    pub passenger_type: String,
    /// The e-ticket number.
    pub ticket_number: TicketNumber,
    /// The number after it, good for the fifth and sixth flight of a long journey.
    pub conjunction_number: Option<TicketNumber>,
    /// An infant's adult.
    pub on_lap_of: Option<String>,
    /// What they asked for, in words with IATA's code: `Vegan meal (VGML)`.
    pub special_requests: Vec<String>,
    /// One for each flight of this ticket, in the order they are flown.
    pub coupons: Vec<CouponContent>,
}

/// One passenger on one flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouponContent {
    /// Which of the ticket's flights it is good for, from 0 over all directions; a passenger who has cancelled a direction has none
    /// for its flights.
    pub flight_index: usize,
    /// Airline and number: `AI 161`.
    pub flight: String,
    /// `21A`; none for an infant, and until seats are allocated.
    pub seat: Option<String>,
    /// Kilograms of prepaid checked baggage, beside what the fare includes.
    pub extra_kg: i64,
    /// What the barcode says (IATA Resolution 792).
    pub barcode: String,
}

/// One line of the price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceLineContent {
    /// `base_fare`, `tax`, `fee`, `seat`, `baggage` or `discount`.
    pub kind: String,
    /// The fare basis, the code of the tax or coupon, or the weight of baggage.
    pub code: String,
    /// What the code stands for, when the catalogue knows.
    pub name: Option<String>,
    /// The flight it is for: `AI 161`.
    pub flight: Option<String>,
    /// The direction's name; none for a line of the booking as a whole.
    pub direction: Option<String>,
    /// Whom it is for; none when it is not per passenger.
    pub passenger_type: Option<String>,
    /// How many of them.
    pub quantity: i32,
    /// The amount of the line.
    pub amount: Money,
}

/// How a booking was paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidWith {
    /// What was paid.
    pub amount: Money,
    /// Brand of the card, when Stripe told.
    pub card_brand: Option<String>,
    /// Last four digits of the card, when Stripe told.
    pub card_last4: Option<String>,
}
