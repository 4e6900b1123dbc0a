//! Paid bookings whose flights are as they were booked.

/// Of every paid booking.
const PAID: [(&str, &str); 2] = [("pay", "already_paid"), ("change", "already_paid")];
const UNDISTURBED: (&str, &str) = ("answer_disruption", "not_disrupted");
/// A day after booking.
const NAMES_STAY: (&str, &str) = ("correct_names", "correction_too_late");
/// What a paid booking allows at first.
const FRESH: [&str; 5] = [
    "change_seats",
    "change_flights",
    "change_contact",
    "correct_names",
    "cancel",
];
const FRESH_REFUSALS: [(&str, &str); 3] = [PAID[0], PAID[1], UNDISTURBED];
/// With a change that waits for its money.
const WAITING: [&str; 6] = [
    "pay",
    "change_seats",
    "change_flights",
    "change_contact",
    "correct_names",
    "cancel",
];
/// When nothing of it is ahead.
const OVER: [(&str, &str); 7] = [
    PAID[0],
    PAID[1],
    ("change_seats", "too_late"),
    ("change_flights", "too_late"),
    NAMES_STAY,
    ("cancel", "too_late"),
    UNDISTURBED,
];

super::each_state! {
    one_way: OneWay, FRESH, FRESH_REFUSALS;
    there_and_back: RoundTrip, FRESH, FRESH_REFUSALS;
    with_an_open_dispute: Disputed, FRESH, FRESH_REFUSALS;
    of_a_fare_that_neither_changes_nor_comes_back: Light,
        ["change_seats", "change_contact", "correct_names", "cancel"],
        [PAID[0], PAID[1], ("change_flights", "change_not_allowed"), UNDISTURBED];
    corrected_before: Corrected,
        ["change_seats", "change_flights", "change_contact", "cancel"],
        [PAID[0], PAID[1], ("correct_names", "correction_unavailable"), UNDISTURBED];
    with_an_open_change_of_seats: OpenSeatChange, WAITING, [PAID[1], UNDISTURBED];
    with_an_open_change_of_flights: OpenFlightChange, WAITING, [PAID[1], UNDISTURBED];
    with_an_open_change_whose_page_is_open_and_no_time_for_another: OpenPageOfChange,
        ["pay", "change_seats", "change_contact"],
        [PAID[1], OVER[3], OVER[4], OVER[5], UNDISTURBED];
    with_an_open_change_and_no_time_to_pay_it: OpenChangeWindowClosed,
        ["change_seats", "change_contact"],
        [("pay", "payment_window_closed"), PAID[1], OVER[3], OVER[4], OVER[5], UNDISTURBED];
    with_an_open_change_of_the_way_back_when_the_cancelled_way_there_leaves: OpenChangeOfReturn,
        ["pay", "change_seats", "change_flights", "change_contact", "cancel"],
        [PAID[1], NAMES_STAY, UNDISTURBED];
    two_hours_before_departure: TooLate,
        ["change_seats", "change_contact"],
        [PAID[0], PAID[1], OVER[3], OVER[4], OVER[5], UNDISTURBED];
    when_check_in_has_closed: CheckInClosed, ["change_contact"], OVER;
    flown: Flown, ["change_contact"], OVER;
    there_and_back_flown: RoundTripFlown, ["change_contact"], OVER;
    flown_within_a_day_of_booking: FlownWithinADay, ["change_contact"], [
        PAID[0], PAID[1], OVER[2], OVER[3], ("correct_names", "correction_unavailable"), OVER[5], UNDISTURBED,
    ];
    with_one_direction_flown: OneDirectionFlown,
        ["change_seats", "change_flights", "change_contact", "cancel"],
        [PAID[0], PAID[1], NAMES_STAY, UNDISTURBED];
    who_was_not_aboard: NoShow,
        ["change_contact", "cancel"],
        [PAID[0], PAID[1], OVER[2], OVER[3], NAMES_STAY, UNDISTURBED];
    without_one_of_two_passengers: WithoutOnePassenger, FRESH, FRESH_REFUSALS;
    without_one_direction: WithoutOneDirection, FRESH, FRESH_REFUSALS;
    cancelled_whole: Cancelled, [], [
        ("pay", "wrong_state"), ("change", "wrong_state"), ("change_contact", "wrong_state"), ("change_seats", "wrong_state"),
        ("change_flights", "wrong_state"), ("correct_names", "wrong_state"), ("cancel", "wrong_state"), UNDISTURBED,
    ];
}
