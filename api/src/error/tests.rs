//! Every problem that there is: what it says, and that its words are for clients.

use flightdesk_core::charge;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{TimeZone, Utc};
use flightdesk_core::booking::{
    ChangeNotAllowed, ChoiceUnavailable, CorrectionTooLate, CorrectionUnavailable,
    DisruptionDecided, FlightDoesNotFly, FlightIsCancelled, NotDisrupted, PriceChanged,
    ResentEnough,
};
use flightdesk_core::catalogue::{AlreadyExists, CapacityBelowSold, InUse, Outdated};
use flightdesk_core::charge::OutsideLimits;
use flightdesk_core::coupon::Refusal;
use flightdesk_core::error::{Error, FieldError, KeyProblem, UnpaidBound};
use flightdesk_core::ids::{FlightId, JobId};
use flightdesk_core::money::{Currency, Money};
use flightdesk_core::offer::OfferExpired;
use flightdesk_core::outbox::JobOwed;
use flightdesk_core::payment::RefundNotOwed;
use flightdesk_core::trade::{
    Cabin, DefaultChoice, Direction, DisruptionStatus, LineKind, Price, PriceLine,
};
use poem::IntoResponse;
use serde_json::Value;

use super::ApiError;
use crate::error::problems;

/// A flight as people name it.
const FLIGHT: &str = "AI 101 on 20 December 2026";

/// Every error of core that names no wrong field.
#[expect(clippy::too_many_lines, reason = "a list, one or two lines each")]
fn errors() -> Vec<Error> {
    let flight_id = FlightId::new();
    let price = Price {
        currency: Currency::INR,
        lines: vec![PriceLine {
            direction: None,
            flight_id: None,
            kind: LineKind::BaseFare,
            code: "standard".to_owned(),
            name: None,
            passenger_type: None,
            passenger_id: None,
            quantity: 1,
            unit_minor: 641_000,
            refundable: false,
            is_percentage: false,
        }],
    };
    let mut errors: Vec<Error> = [
        KeyProblem::Missing,
        KeyProblem::Malformed,
        KeyProblem::Unknown,
        KeyProblem::Revoked,
        KeyProblem::Expired,
        KeyProblem::Ambiguous,
        KeyProblem::TokenInvalid,
        KeyProblem::TokenExpired,
        KeyProblem::SessionEnded,
        KeyProblem::RefreshUnknown,
        KeyProblem::RefreshReused,
    ]
    .map(Error::Unauthenticated)
    .into();
    errors.extend([
        Error::NotFound("booking"),
        Error::MissingScope("bookings"),
        Error::RoleLacksScope("admin"),
        Error::SessionRequired,
        Error::WrongCredentials,
        Error::CodeRequired,
        Error::WrongCode,
        Error::FactorExists,
        Error::FactorMissing,
        Error::LastAdmin,
        Error::EmailTaken,
        Error::EmailNotVerified,
        Error::TooManyKeys { limit: 50 },
        Error::TooManyEndpoints { limit: 10 },
        Error::SoldOut { flight_id },
        Error::SeatTaken {
            seat: "12A".to_owned(),
        },
        Error::TooLate {
            action: "change seats",
            ended_at: Utc.with_ymd_and_hms(2026, 12, 20, 1, 30, 0).unwrap(),
        },
        Error::DuplicatePassenger {
            index: 0,
            name: "Asha Verma".to_owned(),
            flight: FLIGHT.to_owned(),
            booking_ref: "E89LWL".to_owned(),
        },
        Error::OnlyExitRowsLeft {
            flight: FLIGHT.to_owned(),
        },
        Error::SalesClosed { flight_id },
        Error::TooManyHolds { limit: 20 },
        Error::TooManyHeldSeats {
            flight_id,
            limit: 20,
        },
        OfferExpired { fresh: None }.into(),
        PriceChanged { price }.into(),
        ChangeNotAllowed {
            direction: Direction::Departing,
            fare: "Light".to_owned(),
        }
        .into(),
        CorrectionTooLate {
            hours: 24,
            ended_at: Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap(),
        }
        .into(),
        CorrectionUnavailable.into(),
        Error::HoldExpired,
        Error::HoldBooked,
        Error::WrongState {
            status: "expired",
            action: "paid",
        },
        Error::AlreadyPaid,
        Error::PaymentWindowClosed {
            closes_at: Utc.with_ymd_and_hms(2026, 12, 20, 1, 30, 0).unwrap(),
        },
        Error::IdempotencyKeyReused,
        Error::IdempotencyKeyInProgress,
        Error::PaymentProvider("connection refused by api.stripe.com".to_owned()),
        Error::Storage("S3_ENDPOINT answers 500".to_owned()),
        Error::LinkRefused,
        Error::LeaseLost(JobId::new()),
        Error::Busy("searches"),
        Error::Catalogue("SALE_CURRENCY".to_owned()),
        Error::Internal("a bug".to_owned()),
        Error::Database(sqlx::Error::PoolTimedOut),
    ]);
    errors.extend(bounds());
    let not_owed = [
        RefundNotOwed::Pending,
        RefundNotOwed::Succeeded,
        RefundNotOwed::Replaced,
        RefundNotOwed::RefundedAtStripe,
        RefundNotOwed::LostDispute,
        RefundNotOwed::TooMuch,
    ];
    errors.extend(not_owed.map(Error::from));
    errors.extend([JobOwed.into(), ResentEnough.into()]);
    errors.extend(disruptions());
    errors
}

/// Each way in which a disruption, or an answer to one, is refused.
fn disruptions() -> Vec<Error> {
    let decided = |status, default_choice| DisruptionDecided {
        disruption_id: uuid::Uuid::nil(),
        status,
        decide_by: Utc.with_ymd_and_hms(2026, 12, 4, 9, 0, 3).unwrap(),
        default_choice,
    };
    let mut errors: Vec<Error> = [
        DisruptionStatus::Accepted,
        DisruptionStatus::Refunded,
        DisruptionStatus::Rebooked,
        DisruptionStatus::Lapsed,
        DisruptionStatus::Superseded,
    ]
    .map(|status| decided(status, DefaultChoice::Accept).into())
    .into();
    errors.extend(
        [
            DefaultChoice::Accept,
            DefaultChoice::Refund,
            DefaultChoice::Nothing,
        ]
        .map(|default| Error::from(decided(DisruptionStatus::Open, default))),
    );
    errors.extend(
        [
            ChoiceUnavailable::DoesNotFly,
            ChoiceUnavailable::ConnectionBroken,
            ChoiceUnavailable::HasBegun,
            ChoiceUnavailable::NoOtherDirection,
        ]
        .map(Error::from),
    );
    errors.extend([
        FlightIsCancelled.into(),
        FlightDoesNotFly.into(),
        NotDisrupted.into(),
    ]);
    errors.extend(of_the_catalogue());
    errors
}

/// What staff are told who change the catalogue.
fn of_the_catalogue() -> Vec<Error> {
    let key = || "SPRING10".to_owned();
    let flight = || FLIGHT.to_owned();
    let in_use = |noun, key, by, remedy| InUse {
        noun,
        key,
        by,
        remedy,
    };
    vec![
        AlreadyExists {
            noun: "coupon",
            key: key(),
        }
        .into(),
        in_use("coupon", key(), vec![(3, "bookings")], None).into(),
        in_use("flight", flight(), Vec::new(), Some("cancel it instead")).into(),
        Outdated { noun: "coupon" }.into(),
        CapacityBelowSold {
            cabin: Cabin::Economy,
            capacity: 120,
            held: 12,
            sold: 140,
        }
        .into(),
    ]
}

/// Each bound of unpaid seats, and each way in which an amount cannot be paid.
fn bounds() -> Vec<Error> {
    let rupees = |minor| Money::new(minor, Currency::INR);
    let bounds = [
        UnpaidBound::Account,
        UnpaidBound::Network,
        UnpaidBound::Cabin,
    ];
    let mut errors: Vec<_> = bounds
        .map(|bound| Error::TooManyUnpaidSeats { limit: 120, bound })
        .into();
    let limits = charge::limits(Currency::INR);
    errors.extend([1, 1_200_000_000].map(|minor| {
        Error::from(OutsideLimits {
            total: rupees(minor),
            limits,
        })
    }));
    errors.push(
        OutsideLimits {
            total: rupees(1),
            limits: None,
        }
        .into(),
    );
    errors
}

async fn told(error: Error) -> Value {
    let response = ApiError::from(error).name_flight(FLIGHT).into_response();
    let body = response.into_body().into_string().await.unwrap();
    serde_json::from_str(&body).unwrap()
}

/// What is wrong with a text for clients, if anything is.
fn fault(text: &str) -> Option<&'static str> {
    let words =
        || text.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-');
    let is_setting = |word: &str| {
        word.contains('_')
            && word
                .chars()
                .all(|letter| letter.is_ascii_uppercase() || letter == '_')
    };
    if text.is_empty() {
        Some("says nothing")
    } else if words().any(is_setting) {
        Some("names a setting")
    } else if words().any(|word| word.len() == 36 && word.parse::<uuid::Uuid>().is_ok()) {
        Some("names nothing that people know")
    } else if !text.ends_with('.') {
        Some("is no sentence")
    } else if text.starts_with(char::is_lowercase) {
        Some("begins small")
    } else {
        None
    }
}

#[tokio::test]
async fn every_error_of_core_is_a_problem_in_words_for_clients() {
    let mut codes = BTreeSet::new();
    let mut details = BTreeMap::<_, Vec<_>>::new();
    for error in errors() {
        let named = format!("{error:?}");
        let problem = told(error).await;
        let code = problem["code"].as_str().unwrap().to_owned();
        let detail = problem["detail"].as_str().unwrap();
        assert_eq!(fault(detail), None, "{named}: {detail}");
        let kind = problems::find(&code).unwrap();
        assert_eq!(problem["title"], kind.title(), "{named}");
        details
            .entry(code.clone())
            .or_default()
            .push(detail.to_owned());
        codes.insert(code);
    }
    // What the document shows of a problem is what it says.
    for (code, said) in &details {
        let shown = &problems::find(code).unwrap().example(code)["detail"];
        let shown = shown.as_str().unwrap().to_owned();
        assert!(said.contains(&shown), "{code}: {shown} is none of {said:?}");
    }
    // Those that core does not know: of HTTP, of bodies, and of what has fields, a booking or a cursor in it.
    let elsewhere = [
        "bad_request",
        "bad_signature",
        "body_too_large",
        "change_quote_outdated",
        "cross_site_request",
        "cursor_expired",
        "document_failed",
        "document_void",
        "invalid_request",
        "malformed_json",
        "method_not_allowed",
        "precondition_required",
        "quote_outdated",
        "rate_limited",
        "request_timeout",
        "too_many_streams",
        "unsupported_media_type",
    ];
    codes.extend(elsewhere.map(str::to_owned));
    let known: BTreeSet<_> = problems::codes().map(str::to_owned).collect();
    assert_eq!(codes, known);
}

#[test]
fn every_kind_of_problem_has_a_title_an_example_and_texts_without_riddles() {
    for (code, example) in problems::codes().zip(problems::examples()) {
        assert_eq!(example["code"], code);
        assert_eq!(fault(example["detail"].as_str().unwrap()), None, "{code}");
        let title = example["title"].as_str().unwrap();
        assert!(title.starts_with(char::is_uppercase), "{code}: {title}");
        assert!(!title.ends_with(['.', '?', '!']), "{code}: {title}");
        for text in problems::find(code).unwrap().texts() {
            assert_eq!(fault(text), None, "{code}: {text}");
            for fixed in ["fifteen", "15 minutes", "120 minutes", "75 minutes"] {
                assert!(!text.contains(fixed), "{code} has a setting's default");
            }
        }
    }
}

#[tokio::test]
async fn the_detail_says_the_first_wrong_thing_and_how_many_more_there_are() {
    let wrong = |field: &str, message: &str| FieldError {
        field: field.to_owned(),
        code: "x",
        message: message.to_owned(),
    };
    let one = vec![wrong("origin", "must be an airport")];
    assert_eq!(
        told(Error::Invalid(one)).await["detail"],
        "`origin` must be an airport."
    );
    let two = vec![wrong("kg", "one of 3, 5 kg"), wrong("seats", "is required")];
    assert_eq!(
        told(Error::Invalid(two)).await["detail"],
        "`kg`: one of 3, 5 kg (and 1 more)."
    );
    let body = vec![wrong("", "must be an object")];
    assert_eq!(
        told(Error::Invalid(body)).await["detail"],
        "The body must be an object."
    );
    let coupon = told(Refusal::MinimumNotMet.into()).await;
    assert_eq!(coupon["code"], "invalid_request");
}

#[tokio::test]
async fn a_problem_of_a_flight_names_it() {
    let flight_id = FlightId::new();
    let problem = ApiError::from(Error::SalesClosed { flight_id });
    assert_eq!(problem.flight(), Some(flight_id));
    let response = problem
        .name_flight("AI 101 on 20 December 2026")
        .into_response();
    let body = response.into_body().into_string().await.unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["flight_id"], flight_id.0.to_string());
    assert_eq!(
        body["detail"],
        "Flight AI 101 on 20 December 2026 is no longer on sale."
    );
}
