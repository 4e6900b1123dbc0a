//! What each code of a problem means and what helps: the page that the `type` of a problem leads to.

use flightdesk_core::html::escape;
use poem::http::StatusCode;
use poem::web::Path;
use poem::{Response, handler};

use crate::error::ApiError;
use crate::html;

/// A kind of problem.
pub struct Kind {
    /// Stable and `snake_case`.
    code: &'static str,
    /// The status that it usually comes with.
    status: StatusCode,
    title: &'static str,
    meaning: &'static str,
    /// What a client does about it.
    remedy: &'static str,
}

/// The kind of a code. Every problem that is answered has one: [`ApiError::new`] asks.
pub fn find(code: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.code == code)
}

/// The page of a code.
#[handler]
pub fn page(Path(code): Path<String>) -> poem::Result<Response> {
    let kind = find(&code).ok_or_else(|| ApiError::not_found("there is no such problem"))?;
    let (status, words) = (kind.status.as_u16(), kind.status.canonical_reason());
    let body = format!(
        "<p>{}</p><p>{}</p><p><code>{}</code>, HTTP {status} {}</p>",
        code_words(kind.meaning),
        code_words(kind.remedy),
        escape(kind.code),
        words.unwrap_or_default(),
    );
    Ok(html::page(StatusCode::OK, false, kind.title, &body))
}

/// What stands between backticks is code.
fn code_words(text: &str) -> String {
    let parts = text.split('`').map(escape).enumerate();
    let part = |(index, part): (usize, String)| match index % 2 {
        0 => part,
        _ => format!("<code>{part}</code>"),
    };
    parts.map(part).collect()
}

/// Every kind of problem, by its code.
const KINDS: &[Kind] = &[
    Kind {
        code: "already_paid",
        status: StatusCode::CONFLICT,
        title: "The booking is already paid",
        meaning: "The booking was paid before, so that it cannot be paid or changed as an unpaid one.",
        remedy: "Read the booking: it says what can still be done with it.",
    },
    Kind {
        code: "amount_outside_limits",
        status: StatusCode::CONFLICT,
        title: "The amount cannot be paid",
        meaning: "The payment provider takes no payment as small or as large as this total.",
        remedy: "Book other flights or fewer people, or ask us.",
    },
    Kind {
        code: "bad_request",
        status: StatusCode::BAD_REQUEST,
        title: "The request cannot be read",
        meaning: "What came is not HTTP as this service speaks it: it ended early, is not UTF-8, or has a part that cannot be read.",
        remedy: "Correct the request; sending the same again does not help.",
    },
    Kind {
        code: "bad_signature",
        status: StatusCode::BAD_REQUEST,
        title: "The signature is not good",
        meaning: "An event came that the payment provider has not signed, or longer than five minutes ago.",
        remedy: "Only the payment provider sends events. If you are us: compare the webhook's secret and the clock.",
    },
    Kind {
        code: "body_too_large",
        status: StatusCode::PAYLOAD_TOO_LARGE,
        title: "The body is too large",
        meaning: "The body is larger than 1 MiB.",
        remedy: "Send less.",
    },
    Kind {
        code: "cursor_expired",
        status: StatusCode::GONE,
        title: "The cursor has expired",
        meaning: "The list that the cursor pages through is no longer kept, or what it points at is gone.",
        remedy: "Begin again at the first page.",
    },
    Kind {
        code: "document_failed",
        status: StatusCode::CONFLICT,
        title: "The document could not be made",
        meaning: "Making the document has failed, and it is being looked at.",
        remedy: "Ask again later; the booking itself is not affected.",
    },
    Kind {
        code: "duplicate_passenger",
        status: StatusCode::CONFLICT,
        title: "A passenger is on the flight already",
        meaning: "Somebody of the party is on one of the flights in another live booking of the account; `booking_ref` names it.",
        remedy: "Leave the passenger out, or cancel the other booking.",
    },
    Kind {
        code: "email_taken",
        status: StatusCode::CONFLICT,
        title: "The e-mail address is taken",
        meaning: "An account with this e-mail address exists.",
        remedy: "Use that account, or another address.",
    },
    Kind {
        code: "hold_booked",
        status: StatusCode::CONFLICT,
        title: "The hold is already booked",
        meaning: "A booking was already made of this hold.",
        remedy: "Read the booking; to book again, hold again.",
    },
    Kind {
        code: "hold_expired",
        status: StatusCode::CONFLICT,
        title: "The hold has expired",
        meaning: "The fifteen minutes of the hold are over, or it was given back, and its seats are free again.",
        remedy: "Hold the offers again; search again if they have expired too.",
    },
    Kind {
        code: "idempotency_key_in_progress",
        status: StatusCode::CONFLICT,
        title: "The first request still runs",
        meaning: "A request with the same Idempotency-Key has not been answered yet.",
        remedy: "Wait `Retry-After` seconds and send the same request with the same key.",
    },
    Kind {
        code: "idempotency_key_reused",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        title: "The key was used for another request",
        meaning: "The same Idempotency-Key came within 24 hours with another path or body.",
        remedy: "Use a new key for a new request; send the same bytes when you repeat one.",
    },
    Kind {
        code: "internal",
        status: StatusCode::INTERNAL_SERVER_ERROR,
        title: "Something went wrong on our side",
        meaning: "The request met a mistake of ours; it has changed nothing unless it says otherwise when you look.",
        remedy: "Try again later, with the same Idempotency-Key, and name the `request_id` when you ask for help.",
    },
    Kind {
        code: "invalid_request",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        title: "The request has wrong fields",
        meaning: "The request was understood, but has wrong fields or parameters; `errors` names every one of them with a code and with what would be right.",
        remedy: "Correct all of them and send it again.",
    },
    Kind {
        code: "link_refused",
        status: StatusCode::FORBIDDEN,
        title: "The link is not good",
        meaning: "The download link has expired, was changed, or is not one of ours.",
        remedy: "Ask for the document again: the answer has a new link.",
    },
    Kind {
        code: "malformed_json",
        status: StatusCode::BAD_REQUEST,
        title: "The body is not JSON",
        meaning: "The body is empty or not JSON; `detail` says in which line and column.",
        remedy: "Correct the body.",
    },
    Kind {
        code: "method_not_allowed",
        status: StatusCode::METHOD_NOT_ALLOWED,
        title: "The path has no such method",
        meaning: "There is something at this path, but not with this method; `Allow` names those that it has.",
        remedy: "Use one of them.",
    },
    Kind {
        code: "missing_scope",
        status: StatusCode::FORBIDDEN,
        title: "The API key lacks a scope",
        meaning: "The API key is good, but may not do this; `detail` names the scope that it lacks.",
        remedy: "Use a key with that scope.",
    },
    Kind {
        code: "not_found",
        status: StatusCode::NOT_FOUND,
        title: "There is no such thing",
        meaning: "Nothing of this name exists for this account: it never did, or it is somebody else's.",
        remedy: "Check the address and the API key.",
    },
    Kind {
        code: "offer_expired",
        status: StatusCode::GONE,
        title: "The offer has expired",
        meaning: "An offer holds its price for fifteen minutes, and those are over. `offer` has the same flights at today's price, when they can still be bought.",
        remedy: "Show the new price to whoever pays, and go on with the new offer.",
    },
    Kind {
        code: "only_exit_rows_left",
        status: StatusCode::CONFLICT,
        title: "Only exit rows are left",
        meaning: "Those of the party who may not sit in an exit row (under 15, or with an infant) would find no other seat on a flight.",
        remedy: "Take another flight, or name other seats.",
    },
    Kind {
        code: "payment_provider_unavailable",
        status: StatusCode::BAD_GATEWAY,
        title: "The payment provider does not answer",
        meaning: "The payment provider could not be reached or answered nonsense; nothing was charged by this request.",
        remedy: "Wait `Retry-After` seconds and send it again: no second payment is opened.",
    },
    Kind {
        code: "payment_window_closed",
        status: StatusCode::CONFLICT,
        title: "The time to pay is over",
        meaning: "Too little time is left before the last moment to pay: 75 minutes after booking, or 60 before departure.",
        remedy: "Book again, if the flight is still on sale.",
    },
    Kind {
        code: "price_changed",
        status: StatusCode::CONFLICT,
        title: "The price would be another",
        meaning: "The change makes another price than `expected_total` or, without that, than before; `price` is the new one. Nothing was changed.",
        remedy: "Show the price to whoever pays, and send the change with it as `expected_total`.",
    },
    Kind {
        code: "rate_limited",
        status: StatusCode::TOO_MANY_REQUESTS,
        title: "Too many requests",
        meaning: "The key or the address has sent more requests than it may; the `RateLimit-…` headers say how many those are.",
        remedy: "Wait `Retry-After` seconds.",
    },
    Kind {
        code: "sales_closed",
        status: StatusCode::CONFLICT,
        title: "The flight is no longer on sale",
        meaning: "Sales close 120 minutes before departure, or the flight does not fly.",
        remedy: "Search again.",
    },
    Kind {
        code: "seat_taken",
        status: StatusCode::CONFLICT,
        title: "The seat is taken",
        meaning: "Somebody else has the seat, or was faster; nothing of the request was done.",
        remedy: "Look at the seat map again and name another seat.",
    },
    Kind {
        code: "sold_out",
        status: StatusCode::CONFLICT,
        title: "The flight is sold out",
        meaning: "A cabin has fewer seats left than the party needs; nothing of the request was done.",
        remedy: "Search again.",
    },
    Kind {
        code: "too_late",
        status: StatusCode::CONFLICT,
        title: "It is too late for that",
        meaning: "So short before departure this can no longer be changed.",
        remedy: "Ask the airline at the airport.",
    },
    Kind {
        code: "too_many_held_seats",
        status: StatusCode::CONFLICT,
        title: "The account holds too many seats",
        meaning: "The account would hold more unpaid seats of one flight than it may.",
        remedy: "Pay for or cancel what is held, or wait until it ends.",
    },
    Kind {
        code: "too_many_holds",
        status: StatusCode::CONFLICT,
        title: "The account has too many holds",
        meaning: "The account has as many open holds as it may.",
        remedy: "Book or give back a hold, or wait until one ends.",
    },
    Kind {
        code: "unauthenticated",
        status: StatusCode::UNAUTHORIZED,
        title: "Who are you?",
        meaning: "The API key is missing, unknown, revoked or expired.",
        remedy: "Send a good key in `X-API-Key`; `POST /v1/accounts` answers a first one.",
    },
    Kind {
        code: "unavailable",
        status: StatusCode::SERVICE_UNAVAILABLE,
        title: "Not available at the moment",
        meaning: "A part of the service does not answer; the request has changed nothing unless it says otherwise when you look.",
        remedy: "Wait `Retry-After` seconds and send it again, with the same Idempotency-Key.",
    },
    Kind {
        code: "unsupported_media_type",
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        title: "The body has another form",
        meaning: "The body must be JSON with `Content-Type: application/json`, and not be compressed.",
        remedy: "Send it so.",
    },
    Kind {
        code: "wrong_state",
        status: StatusCode::CONFLICT,
        title: "The booking is in another state",
        meaning: "What was asked for cannot be done with a booking in this state; `detail` names it.",
        remedy: "Read the booking: `available_actions` says what can be done.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_the_source_or_the_document_names_has_its_page() {
        let sources = [
            include_str!("error.rs"),
            include_str!("catch.rs"),
            include_str!("body.rs"),
            include_str!("serve.rs"),
            include_str!("limits.rs"),
            include_str!("payments.rs"),
            include_str!("documents.rs"),
            include_str!("page.rs"),
            include_str!("optional.rs"),
        ];
        let mut seen = 0;
        for source in sources {
            let calls = ["conflict(", "Self::new(", "ApiError::new("];
            let starts = calls
                .iter()
                .flat_map(|call| source.match_indices(call).map(|(at, _)| at));
            for call in starts.map(|at| &source[at..]) {
                let call = call.split_once(';').map_or(call, |(call, _)| call);
                let call = call.split_once("=>").map_or(call, |(call, _)| call);
                let Some(code) = call.split('"').nth(1) else {
                    continue;
                };
                if code
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                {
                    assert!(find(code).is_some(), "{code} has no page");
                    seen += 1;
                }
            }
        }
        assert!(seen > 25, "{seen}");
        let document = crate::openapi_json();
        for (at, start) in document.match_indices("\"/problems/") {
            let code = &document[at + start.len()..];
            let code = code.split_once('"').map_or(code, |(code, _)| code);
            assert!(find(code).is_some(), "{code} has no page");
        }
    }

    #[test]
    fn codes_stand_in_their_order_each_once() {
        assert!(KINDS.is_sorted_by(|one, next| one.code < next.code));
    }
}
