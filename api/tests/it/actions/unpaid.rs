//! Bookings that wait for their money, or that ended before it came.

/// Of a booking that has ended, or whose time to pay is over, whatever it is asked.
const ENDED: [(&str, &str); 8] = [
    ("pay", "wrong_state"),
    ("change", "wrong_state"),
    ("change_contact", "wrong_state"),
    ("change_seats", "wrong_state"),
    ("change_flights", "wrong_state"),
    ("correct_names", "wrong_state"),
    ("cancel", "wrong_state"),
    ("answer_disruption", "not_disrupted"),
];
/// What is only for paid bookings.
const PAID_ONLY: [(&str, &str); 4] = [
    ("change_seats", "wrong_state"),
    ("change_flights", "wrong_state"),
    ("correct_names", "wrong_state"),
    ("answer_disruption", "not_disrupted"),
];

super::each_state! {
    waiting_for_its_money: Unpaid, ["pay", "change", "change_contact", "cancel"], PAID_ONLY;
    with_an_open_page: OpenPage, ["pay", "change", "change_contact", "cancel"], PAID_ONLY;
    too_near_departure_to_open_a_page: WindowClosed, ["change", "change_contact", "cancel"], [
        ("pay", "payment_window_closed"), PAID_ONLY[0], PAID_ONLY[1], PAID_ONLY[2], PAID_ONLY[3],
    ];
    due_and_not_swept: Due, ["cancel"], [
        ENDED[0], ENDED[1], ENDED[2], ENDED[3], ENDED[4], ENDED[5], ENDED[7],
    ];
    expired: Expired, [], ENDED;
    cancelled_unpaid: CancelledUnpaid, [], ENDED;
    ended_with_its_flight: UnpaidFlightCancelled, [], ENDED;
}
