//! Paid bookings of flights that the airline has cancelled or moved.

const PAID: [(&str, &str); 2] = [("pay", "already_paid"), ("change", "already_paid")];
/// Nobody gets another seat on a cancelled flight.
const NO_SEATS: (&str, &str) = ("change_seats", "flight_cancelled");
const NAMES_STAY: (&str, &str) = ("correct_names", "correction_too_late");
const DECIDED: (&str, &str) = ("answer_disruption", "disruption_decided");
/// Of a cancelled flight on the day of booking.
const GIVEN_BACK: [&str; 5] = [
    "change_flights",
    "change_contact",
    "correct_names",
    "cancel",
    "answer_disruption",
];

super::each_state! {
    moved: Retimed,
        ["change_seats", "change_flights", "change_contact", "correct_names", "cancel", "answer_disruption"],
        PAID;
    moved_again_before_it_was_told: RetimedAgain,
        ["change_seats", "change_flights", "change_contact", "correct_names", "cancel"],
        [PAID[0], PAID[1], DECIDED];
    cancelled: FlightCancelled, GIVEN_BACK, [PAID[0], PAID[1], NO_SEATS];
    cancelled_of_a_fare_that_cannot_be_changed: LightFlightCancelled, GIVEN_BACK, [PAID[0], PAID[1], NO_SEATS];
    cancelled_while_a_change_of_seats_waits: SeatChangeFlightCancelled, GIVEN_BACK, [PAID[0], PAID[1], NO_SEATS];
    cancelled_and_nobody_answered: FlightCancelledLongAgo,
        ["change_flights", "change_contact", "cancel"],
        [PAID[0], PAID[1], NO_SEATS, NAMES_STAY, DECIDED];
    cancelled_an_hour_before_departure: FlightCancelledLate,
        ["change_flights", "change_contact", "cancel", "answer_disruption"],
        [PAID[0], PAID[1], NO_SEATS, NAMES_STAY];
    cancelled_on_the_way: CancelledOnTheWay,
        ["change_contact"],
        [
            PAID[0], PAID[1], NO_SEATS, ("change_flights", "too_late"), NAMES_STAY, ("cancel", "too_late"),
            ("answer_disruption", "choice_unavailable"),
        ];
    given_back: Refunded, [], [
        ("pay", "wrong_state"), ("change", "wrong_state"), ("change_contact", "wrong_state"), ("change_seats", "wrong_state"),
        ("change_flights", "wrong_state"), ("correct_names", "wrong_state"), ("cancel", "wrong_state"), DECIDED,
    ];
}
