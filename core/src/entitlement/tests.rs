//! Each law at the edges of its bands, periods and delays.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Change, Country, Entitlement, Journey, Place, Regulation, of};
use crate::money::{Currency, Money};

fn place(country: &str, lat: f64, lon: f64) -> Place {
    Place {
        country: Country::new(country),
        lat,
        lon,
    }
}

/// Airports of the fixtures.
fn airport(iata: &str) -> Place {
    match iata {
        "DEL" => place("IN", 28.5665, 77.1031),
        "BOM" => place("IN", 19.0887, 72.8679),
        "FRA" => place("DE", 50.0333, 8.5706),
        "MUC" => place("DE", 48.3538, 11.7861),
        "LHR" => place("GB", 51.4706, -0.4619),
        "JFK" => place("US", 40.6398, -73.7789),
        "TFS" => place("ES", 28.0445, -16.5725),
        "IST" => place("TR", 41.2753, 28.7519),
        "ZRH" => place("CH", 47.4647, 8.5492),
        "GIG" => place("BR", -22.8099, -43.2506),
        "CAY" => place("GF", 4.8198, -52.3604),
        other => panic!("{other}"),
    }
}

fn journey(from: &str, to: &str, airline: &str) -> Journey {
    Journey {
        from: airport(from),
        to: airport(to),
        airline: Country::new(airline),
        block_time: TimeDelta::minutes(130),
        base_fare: Money::new(2_000_000, Currency::INR),
    }
}

fn departure() -> DateTime<Utc> {
    "2026-12-20T02:30:00Z".parse().unwrap()
}

fn cancelled(notice: TimeDelta) -> Change {
    Change::Cancelled {
        departs_at: departure(),
        told_at: departure() - notice,
    }
}

fn later(delay: Option<TimeDelta>) -> Change {
    Change::Retimed {
        departs_at: departure(),
        told_at: departure() - TimeDelta::days(2),
        earlier: TimeDelta::zero(),
        delay,
    }
}

fn one(regulation: Regulation, journey: &Journey, change: Change) -> Entitlement {
    let all = of(journey, change);
    assert_eq!(all.len(), Regulation::ALL.len());
    let found = all.into_iter().find(|one| one.regulation == regulation);
    let found = found.unwrap();
    assert!(found.why.ends_with('.'), "{}", found.why);
    found
}

fn minor(regulation: Regulation, journey: &Journey, change: Change) -> Option<i64> {
    one(regulation, journey, change)
        .amount
        .map(|amount| amount.minor)
}

#[test]
fn each_law_binds_the_airlines_that_it_names() {
    use Regulation::{Dgca, Eu261, Uk261};
    for (from, to, airline, bound) in [
        ("DEL", "BOM", "IN", vec![Dgca]),
        // From the EU any airline is bound, into it those of the EU.
        ("FRA", "DEL", "IN", vec![Eu261, Dgca]),
        ("DEL", "FRA", "IN", vec![Dgca]),
        ("DEL", "FRA", "DE", vec![Eu261, Dgca]),
        ("JFK", "FRA", "US", vec![]),
        ("JFK", "ZRH", "CH", vec![Eu261]),
        ("ZRH", "JFK", "US", vec![Eu261]),
        ("CAY", "GIG", "BR", vec![Eu261]),
        // The UK is not in the EU; each binds the other's airlines differently.
        ("LHR", "JFK", "US", vec![Uk261]),
        ("JFK", "LHR", "US", vec![]),
        ("JFK", "LHR", "GB", vec![Uk261]),
        ("JFK", "LHR", "DE", vec![Uk261]),
        ("JFK", "FRA", "GB", vec![Uk261]),
        ("FRA", "LHR", "GB", vec![Eu261, Uk261]),
        ("FRA", "LHR", "US", vec![Eu261]),
        ("IST", "JFK", "TR", vec![]),
    ] {
        let all = of(&journey(from, to, airline), cancelled(TimeDelta::days(1)));
        let applying: Vec<_> = all
            .iter()
            .filter(|one| one.applies)
            .map(|one| one.regulation)
            .collect();
        assert_eq!(applying, bound, "{from} {to} {airline}");
        for one in all.iter().filter(|one| !one.applies) {
            assert_eq!(one.amount, None, "{one:?}");
            assert!(one.why.starts_with("Does not apply"), "{one:?}");
        }
    }
}

#[test]
fn the_amount_of_a_cancellation_follows_the_distance() {
    use Regulation::{Eu261, Uk261};
    for (from, to, regulation, amount, currency) in [
        ("FRA", "MUC", Eu261, 25_000, Currency::EUR),
        ("FRA", "IST", Eu261, 40_000, Currency::EUR),
        // Within the EU never more than 400.
        ("FRA", "TFS", Eu261, 40_000, Currency::EUR),
        ("FRA", "CAY", Eu261, 40_000, Currency::EUR),
        ("FRA", "DEL", Eu261, 60_000, Currency::EUR),
        ("LHR", "FRA", Uk261, 22_000, Currency::GBP),
        ("LHR", "IST", Uk261, 35_000, Currency::GBP),
        ("LHR", "TFS", Uk261, 35_000, Currency::GBP),
        ("LHR", "DEL", Uk261, 52_000, Currency::GBP),
    ] {
        let found = one(
            regulation,
            &journey(from, to, "US"),
            cancelled(TimeDelta::days(3)),
        );
        let amount = super::Compensation {
            minor: amount,
            currency,
        };
        assert_eq!(found.amount, Some(amount), "{from} {to}");
    }
}

#[test]
fn two_weeks_of_notice_leave_nothing_to_compensate() {
    let there = journey("FRA", "DEL", "DE");
    let second = TimeDelta::seconds(1);
    for (notice, amount, article) in [
        (TimeDelta::days(14), None, "Article 5(1)(c)(i)"),
        (
            TimeDelta::days(14) - second,
            Some(60_000),
            "Article 5(1)(c)(ii)",
        ),
        (TimeDelta::days(7), Some(60_000), "Article 5(1)(c)(ii)"),
        (
            TimeDelta::days(7) - second,
            Some(60_000),
            "Article 5(1)(c)(iii)",
        ),
        (TimeDelta::zero(), Some(60_000), "Article 5(1)(c)(iii)"),
    ] {
        let found = one(Regulation::Eu261, &there, cancelled(notice));
        assert_eq!(found.amount.map(|amount| amount.minor), amount, "{notice}");
        assert!(found.why.contains(&format!("({article})")), "{}", found.why);
    }
}

#[test]
fn a_delay_counts_from_three_hours_and_whole_on_the_longest_journeys_from_four() {
    let minutes = |minutes| later(Some(TimeDelta::minutes(minutes)));
    for (to, delay, amount) in [
        ("MUC", 179, None),
        ("MUC", 180, Some(25_000)),
        ("DEL", 179, None),
        ("DEL", 180, Some(30_000)),
        ("DEL", 239, Some(30_000)),
        ("DEL", 240, Some(60_000)),
        ("CAY", 180, Some(40_000)),
        ("DEL", -30, None),
    ] {
        let there = journey("FRA", to, "DE");
        let found = minor(Regulation::Eu261, &there, minutes(delay));
        assert_eq!(found, amount, "{to} {delay}");
    }
    let uk = journey("LHR", "DEL", "GB");
    assert_eq!(minor(Regulation::Uk261, &uk, minutes(200)), Some(26_000));
    // Who misses the connection arrives nobody knows when.
    let missed = minor(Regulation::Eu261, &journey("FRA", "DEL", "DE"), later(None));
    assert_eq!(missed, Some(60_000));
}

#[test]
fn a_flight_that_leaves_more_than_an_hour_earlier_is_cancelled() {
    let there = journey("FRA", "MUC", "DE");
    for (minutes, amount) in [(60, None), (61, Some(25_000))] {
        let change = Change::Retimed {
            departs_at: departure(),
            told_at: departure() - TimeDelta::days(2),
            earlier: TimeDelta::minutes(minutes),
            delay: Some(TimeDelta::minutes(-minutes)),
        };
        assert_eq!(
            minor(Regulation::Eu261, &there, change),
            amount,
            "{minutes}"
        );
    }
    let told_early = Change::Retimed {
        departs_at: departure(),
        told_at: departure() - TimeDelta::days(14),
        earlier: TimeDelta::hours(5),
        delay: Some(TimeDelta::hours(5)),
    };
    assert_eq!(minor(Regulation::Eu261, &there, told_early), None);
}

#[test]
fn india_compensates_by_block_time_what_is_told_within_a_day() {
    let second = TimeDelta::seconds(1);
    for (block, fare, notice, amount) in [
        (60, 2_000_000, TimeDelta::zero(), Some(500_000)),
        (61, 2_000_000, TimeDelta::zero(), Some(750_000)),
        (120, 2_000_000, TimeDelta::zero(), Some(750_000)),
        (121, 2_000_000, TimeDelta::zero(), Some(1_000_000)),
        // The fare, if it is less.
        (121, 640_000, TimeDelta::zero(), Some(640_000)),
        (
            121,
            2_000_000,
            TimeDelta::hours(24) - second,
            Some(1_000_000),
        ),
        (121, 2_000_000, TimeDelta::hours(24), None),
        (121, 2_000_000, TimeDelta::days(14), None),
    ] {
        let there = Journey {
            block_time: TimeDelta::minutes(block),
            base_fare: Money::new(fare, Currency::INR),
            ..journey("DEL", "BOM", "IN")
        };
        let found = minor(Regulation::Dgca, &there, cancelled(notice));
        assert_eq!(found, amount, "{block} {fare} {notice}");
    }
    let dollars = Journey {
        base_fare: Money::new(5_000, Currency::USD),
        ..journey("DEL", "BOM", "IN")
    };
    let found = one(Regulation::Dgca, &dollars, cancelled(TimeDelta::zero()));
    assert_eq!(found.amount.unwrap().minor, 1_000_000);
    assert!(found.why.contains("if that is less"), "{}", found.why);
    let there = journey("DEL", "BOM", "IN");
    for delay in [Some(TimeDelta::hours(30)), Some(TimeDelta::hours(1)), None] {
        assert_eq!(minor(Regulation::Dgca, &there, later(delay)), None);
    }
}

#[test]
fn each_law_says_where_it_can_be_read() {
    for regulation in Regulation::ALL {
        assert!(regulation.source().contains("https://"), "{regulation:?}");
    }
}
