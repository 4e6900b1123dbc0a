//! The same search written a second time, as simply as it can be: every flight after every other, every journey
//! against every other. It shares `fare::price` and `zone` with the engine and nothing else.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Timelike, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::fare::{FlightFare, price};
use crate::ids::FlightId;
use crate::search::{
    DirectionQuery, Facet, Facets, Filters, Found, Itinerary, NamedAirline, Sort, Window,
};
use crate::trade::{Cabin, Party};
use crate::{Shop, zone};

pub struct Flight {
    pub id: Uuid,
    pub airline: String,
    airline_name: String,
    pub number: String,
    pub from: String,
    pub to: String,
    from_area: String,
    to_area: String,
    from_country: String,
    to_country: String,
    from_at: (f64, f64),
    to_at: (f64, f64),
    date: NaiveDate,
    pub departs: DateTime<Utc>,
    pub arrives: DateTime<Utc>,
    pub departs_minute: u32,
    pub arrives_minute: u32,
    flies: bool,
    is_sold: bool,
}

#[derive(Clone, Copy)]
struct Seats {
    left: i32,
    capacity: i32,
    sold: i32,
    base: i64,
}

/// All flights, and all legal journeys of them.
pub struct Oracle {
    pub flights: Vec<Flight>,
    seats: HashMap<(Uuid, Cabin), Seats>,
    pub journeys: BTreeMap<(String, String, NaiveDate), Vec<Vec<usize>>>,
}

struct Rules {
    partners: Vec<(String, String)>,
    minutes: Vec<(Option<String>, String, i32)>,
}

impl Rules {
    async fn load(conn: &mut PgConnection) -> Self {
        Self {
            partners: sqlx::query_as("select airline, partner from interline_agreement")
                .fetch_all(&mut *conn)
                .await
                .unwrap(),
            minutes: sqlx::query_as("select airport, kind, minutes from connection_time")
                .fetch_all(conn)
                .await
                .unwrap(),
        }
    }

    fn minutes(&self, airport: &str, kind: &str) -> i64 {
        let own = self
            .minutes
            .iter()
            .find(|row| row.0.as_deref() == Some(airport) && row.1 == kind);
        let rule = self
            .minutes
            .iter()
            .find(|row| row.0.is_none() && row.1 == kind);
        i64::from(own.or(rule).unwrap().2)
    }

    fn connects(&self, one: &Flight, next: &Flight) -> bool {
        if one.to_area != next.from_area {
            return false;
        }
        let stays = |flight: &Flight| {
            if flight.from_country == flight.to_country {
                "domestic"
            } else {
                "international"
            }
        };
        let kind = format!("{}_{}", stays(one), stays(next));
        let mut least = self
            .minutes(&one.to, &kind)
            .max(self.minutes(&next.from, &kind));
        if one.to != next.from {
            least = least.max(180);
        }
        let waits = (next.departs - one.arrives).num_minutes();
        waits >= least && waits <= 24 * 60
    }

    fn sells(&self, first: &Flight, later: &Flight) -> bool {
        first.airline == later.airline
            || self
                .partners
                .contains(&(first.airline.clone(), later.airline.clone()))
    }
}

impl Oracle {
    pub async fn load(conn: &mut PgConnection) -> Self {
        let flights = flights(conn).await;
        let rules = Rules::load(conn).await;
        let mut journeys: BTreeMap<_, Vec<Vec<usize>>> = BTreeMap::new();
        let mut note = |flown: Vec<usize>| {
            let (first, last) = (&flights[flown[0]], &flights[*flown.last().unwrap()]);
            if is_journey(
                &rules,
                &flown.iter().map(|at| &flights[*at]).collect::<Vec<_>>(),
            ) {
                let key = (first.from.clone(), last.to.clone(), first.date);
                journeys.entry(key).or_default().push(flown);
            }
        };
        for one in 0..flights.len() {
            note(vec![one]);
            for two in 0..flights.len() {
                if !rules.connects(&flights[one], &flights[two]) {
                    continue;
                }
                note(vec![one, two]);
                for three in 0..flights.len() {
                    if rules.connects(&flights[two], &flights[three]) {
                        note(vec![one, two, three]);
                    }
                }
            }
        }
        Self {
            seats: seats(conn).await,
            flights,
            journeys,
        }
    }

    /// What a query finds, by the letter of rules.md: everything legal that goes where `via`, `avoid` and the layovers
    /// want it and can be bought, less the connections that the same validating airline dominates, less what the other
    /// filters refuse. A facet is what the query finds with one option chosen.
    pub fn find(&self, shop: Shop<'_>, query: &DirectionQuery) -> Found {
        let base = self.undominated(shop, query);
        let mut best = kept(&base, &query.filters);
        best.sort_by_key(|(flights, total)| {
            let lasts = minutes_of(flights);
            let seated = i64::from(query.party.seated());
            let stops = i64::try_from(flights.len()).unwrap() - 1;
            let key = match query.sort {
                Sort::Price => *total,
                Sort::Duration => lasts,
                Sort::Departure => flights[0].departs.timestamp(),
                Sort::Arrival => flights[flights.len() - 1].arrives.timestamp(),
                Sort::Best => total + seated * (500 * lasts + 50_000 * stops),
            };
            let ids: Vec<Uuid> = flights.iter().map(|flight| flight.id).collect();
            (key, flights[0].departs, ids)
        });
        let complete = best.len() <= 2000;
        best.truncate(2000);
        let to_come = |flight: &&Flight| flight.flies && flight.departs > shop.clock.now();
        Found {
            itineraries: best
                .iter()
                .map(|(flights, total)| itinerary(flights, *total))
                .collect(),
            complete,
            facets: self.facets(shop, query, &base),
            sales_horizon: (self.flights.iter().filter(to_come))
                .map(|flight| flight.date)
                .max(),
            ..Found::default()
        }
    }

    fn undominated(&self, shop: Shop<'_>, query: &DirectionQuery) -> Vec<(Vec<&Flight>, i64)> {
        let mut found = Vec::new();
        for from in &query.origins {
            for to in &query.destinations {
                let key = (from.clone(), to.clone(), query.date);
                for flown in self.journeys.get(&key).into_iter().flatten() {
                    let flights: Vec<&Flight> = flown.iter().map(|at| &self.flights[*at]).collect();
                    if self.can_board(shop, query, &flights) && goes_so(&query.filters, &flights) {
                        let total = self.total(shop, query, &flights);
                        found.push((flights, total));
                    }
                }
            }
        }
        let dominates = |(one, one_total): &(Vec<&Flight>, i64),
                         (other, other_total): &(Vec<&Flight>, i64)| {
            let a = (
                one.len(),
                other[0].departs,
                one[one.len() - 1].arrives,
                *one_total,
            );
            let b = (
                other.len(),
                one[0].departs,
                other[other.len() - 1].arrives,
                *other_total,
            );
            one[0].airline == other[0].airline
                && a.0 <= b.0
                && a.1 <= b.1
                && a.2 <= b.2
                && a.3 <= b.3
                && a != b
        };
        let is_kept = |one: &&(Vec<&Flight>, i64)| {
            one.0.len() == 1 || !found.iter().any(|other| dominates(other, one))
        };
        found.iter().filter(is_kept).cloned().collect()
    }

    fn facets(
        &self,
        shop: Shop<'_>,
        query: &DirectionQuery,
        base: &[(Vec<&Flight>, i64)],
    ) -> Facets {
        let with = |change: &dyn Fn(&mut Filters)| {
            let mut filters = query.filters.clone();
            change(&mut filters);
            kept(base, &filters)
        };
        let mut codes: Vec<(&String, &String)> = (self.flights.iter())
            .map(|flight| (&flight.airline, &flight.airline_name))
            .collect();
        codes.sort();
        codes.dedup();
        let mut airlines: Vec<_> = (codes.into_iter())
            .filter_map(|(code, name)| {
                let value = NamedAirline {
                    iata: code.clone(),
                    name: name.clone(),
                };
                facet(
                    value,
                    &with(&|filters| filters.airlines = vec![code.clone()]),
                )
            })
            .collect();
        airlines.sort_by_key(|one| (u64::MAX - one.count, one.value.iata.clone()));
        let stops = (0..=query.filters.max_stops)
            .filter_map(|most| facet(most, &with(&|filters| filters.max_stops = most)));
        let cabins = Cabin::ALL.into_iter().filter_map(|cabin| {
            let other = |(other, _): &&(Cabin, String)| *other == cabin;
            let family = match query.other_cabins.iter().find(other) {
                Some((_, family)) => family,
                None if cabin == query.cabin => &query.family,
                None => return None,
            };
            let query = DirectionQuery {
                cabin,
                family: family.clone(),
                ..query.clone()
            };
            let base = self.undominated(shop, &query);
            facet(cabin, &kept(&base, &query.filters))
        });
        let hours = [
            ("early", 0, 5),
            ("morning", 5, 11),
            ("afternoon", 11, 16),
            ("evening", 16, 19),
            ("night", 19, 24),
        ];
        let time_bands = hours.into_iter().filter_map(|(name, from, until)| {
            let window = Window {
                from: from * 60,
                until: until * 60,
            };
            let found = with(&|filters| filters.departure_window = Some(window));
            facet(name.to_owned(), &found)
        });
        let totals: Vec<i64> =
            with(&|filters| (filters.min_price, filters.max_price) = (None, None))
                .iter()
                .map(|(_, total)| *total)
                .collect();
        let lowest = totals.iter().min().copied().unwrap_or_default();
        let step = (totals.iter().max().copied().unwrap_or_default() - lowest) / 5 + 1;
        let prices = (0..5).filter_map(|band| {
            let (from, to) = (lowest + band * step, lowest + (band + 1) * step - 1);
            let found = with(&|filters| {
                (filters.min_price, filters.max_price) = (Some(from), Some(to));
            });
            facet((from, to), &found)
        });
        Facets {
            airlines,
            stops: stops.collect(),
            cabins: cabins.collect(),
            time_bands: time_bands.collect(),
            prices: prices.collect(),
        }
    }

    fn can_board(&self, shop: Shop<'_>, query: &DirectionQuery, flights: &[&Flight]) -> bool {
        let soon = shop.clock.now() + chrono::Duration::minutes(120);
        flights.iter().all(|flight| {
            flight.flies
                && flight.departs >= soon
                && self
                    .seats
                    .get(&(flight.id, query.cabin))
                    .is_some_and(|seats| {
                        seats.left >= i32::from(query.party.adults + query.party.children)
                    })
        })
    }

    /// The price of the journey as a whole: the engine adds up what its flights cost.
    pub fn total(&self, shop: Shop<'_>, query: &DirectionQuery, flights: &[&Flight]) -> i64 {
        let fares: Vec<FlightFare> = flights
            .iter()
            .map(|flight| {
                let seats = self.seats[&(flight.id, query.cabin)];
                FlightFare {
                    flight_id: FlightId(flight.id),
                    origin_country: flight.from_country.clone(),
                    base_fare_minor: seats.base,
                    capacity: seats.capacity,
                    sold: seats.sold,
                }
            })
            .collect();
        let family = shop.tariff.family(&query.family, query.cabin).unwrap();
        let party: Party = query.party;
        price(
            shop.tariff,
            shop.sales.sale_currency,
            family,
            0,
            &fares,
            party,
        )
        .unwrap()
        .total()
        .minor()
    }

    pub fn has_seats(&self, id: Uuid, cabin: Cabin) -> bool {
        self.seats.contains_key(&(id, cabin))
    }
}

fn is_journey(rules: &Rules, flights: &[&Flight]) -> bool {
    let (first, last) = (flights[0], flights[flights.len() - 1]);
    let mut areas: Vec<&str> = vec![&first.from_area];
    areas.extend(flights.iter().map(|flight| flight.to_area.as_str()));
    let visits = areas.len();
    areas.sort_unstable();
    areas.dedup();
    let flown: f64 = flights
        .iter()
        .map(|flight| km(flight.from_at, flight.to_at))
        .sum();
    let direct = km(first.from_at, last.to_at);
    areas.len() == visits
        && flown <= f64::max(1.6 * direct, direct + 800.0) + 1e-6
        && flights
            .iter()
            .all(|flight| flight.is_sold && rules.sells(first, flight))
}

fn minutes_of(flights: &[&Flight]) -> i64 {
    (flights[flights.len() - 1].arrives - flights[0].departs).num_minutes()
}

/// Another kind of journey is another question: these come before dominance.
fn goes_so(filters: &Filters, flights: &[&Flight]) -> bool {
    let waits: Vec<i64> = flights
        .windows(2)
        .map(|two| (two[1].departs - two[0].arrives).num_minutes())
        .collect();
    let over: Vec<&String> = flights
        .windows(2)
        .flat_map(|two| [&two[0].to, &two[1].from])
        .collect();
    waits
        .iter()
        .all(|wait| filters.min_layover.is_none_or(|least| *wait >= least))
        && waits
            .iter()
            .all(|wait| filters.max_layover.is_none_or(|most| *wait <= most))
        && (filters.via.is_empty() || over.iter().any(|airport| filters.via.contains(airport)))
        && !over.iter().any(|airport| filters.avoid.contains(airport))
}

fn kept<'a>(base: &[(Vec<&'a Flight>, i64)], filters: &Filters) -> Vec<(Vec<&'a Flight>, i64)> {
    let fit = base
        .iter()
        .filter(|(flights, total)| fits(filters, flights, *total));
    fit.cloned().collect()
}

fn facet<T>(value: T, found: &[(Vec<&Flight>, i64)]) -> Option<Facet<T>> {
    Some(Facet {
        value,
        count: found.len().min(2000) as u64,
        lowest_minor: found.iter().map(|(_, total)| *total).min()?,
    })
}

fn fits(filters: &Filters, flights: &[&Flight], total: i64) -> bool {
    let (first, last) = (flights[0], flights[flights.len() - 1]);
    let inside = |window: Option<Window>, minute: u32| {
        window.is_none_or(|window| {
            u32::from(window.from) <= minute && minute < u32::from(window.until)
        })
    };
    let numbered = filters
        .flight_number
        .as_ref()
        .is_none_or(|(airline, number)| {
            flights.iter().any(|flight| {
                flight.number == *number
                    && airline.as_ref().is_none_or(|code| *code == flight.airline)
            })
        });
    flights.len() <= usize::from(filters.max_stops) + 1
        && flights
            .iter()
            .all(|flight| filters.airlines.is_empty() || filters.airlines.contains(&flight.airline))
        && !flights
            .iter()
            .any(|flight| filters.exclude_airlines.contains(&flight.airline))
        && numbered
        && filters
            .max_duration
            .is_none_or(|most| minutes_of(flights) <= most)
        && inside(filters.departure_window, first.departs_minute)
        && inside(filters.arrival_window, last.arrives_minute)
        && filters.min_price.is_none_or(|least| total >= least)
        && filters.max_price.is_none_or(|most| total <= most)
}

fn itinerary(flights: &[&Flight], total_minor: i64) -> Itinerary {
    Itinerary {
        flights: flights.iter().map(|flight| FlightId(flight.id)).collect(),
        departs_at: flights[0].departs,
        arrives_at: flights[flights.len() - 1].arrives,
        total_minor,
    }
}

fn km((lat_a, lon_a): (f64, f64), (lat_b, lon_b): (f64, f64)) -> f64 {
    let (a, b) = (lat_a.to_radians(), lat_b.to_radians());
    let (lat, lon) = ((b - a) / 2.0, (lon_b - lon_a).to_radians() / 2.0);
    let haversine = lat.sin().powi(2) + a.cos() * b.cos() * lon.sin().powi(2);
    2.0 * 6371.0 * haversine.sqrt().asin()
}

type Row = (
    Uuid,
    String,
    String,
    String,
    String,
    NaiveDate,
    DateTime<Utc>,
    DateTime<Utc>,
    String,
    bool,
    String,
);

type Place = (String, String, f64, f64, String, Option<String>);

async fn flights(conn: &mut PgConnection) -> Vec<Flight> {
    let places: Vec<Place> = sqlx::query_as(
        "select iata, country, lat, lon, time_zone, (select code from metro_area_airport m where m.iata = a.iata) from airport a",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let places: HashMap<String, Place> =
        places.into_iter().map(|row| (row.0.clone(), row)).collect();
    let rows: Vec<Row> = sqlx::query_as(
        "select id, airline, flight_number, origin, destination, departure_date, departs_at, arrives_at, status,
            (select accounting_code is not null from airline where iata = flight.airline),
            (select name from airline where iata = flight.airline) from flight",
    )
    .fetch_all(conn)
    .await
    .unwrap();
    let minute = |instant, place: &Place| {
        let local = zone::local(instant, place.4.parse().unwrap());
        local.hour() * 60 + local.minute()
    };
    let area = |place: &Place| place.5.clone().unwrap_or_else(|| place.0.clone());
    rows.into_iter()
        .map(|row| {
            let (from, to) = (&places[&row.3], &places[&row.4]);
            Flight {
                id: row.0,
                airline: row.1,
                number: row.2,
                from_area: area(from),
                to_area: area(to),
                from_country: from.1.clone(),
                to_country: to.1.clone(),
                from_at: (from.2, from.3),
                to_at: (to.2, to.3),
                date: row.5,
                departs_minute: minute(row.6, from),
                arrives_minute: minute(row.7, to),
                departs: row.6,
                arrives: row.7,
                flies: row.8 == "scheduled",
                is_sold: row.9,
                airline_name: row.10,
                from: row.3,
                to: row.4,
            }
        })
        .collect()
}

async fn seats(conn: &mut PgConnection) -> HashMap<(Uuid, Cabin), Seats> {
    let rows: Vec<(Uuid, String, i32, i32, i32, i64)> = sqlx::query_as(
        "select flight_id, cabin, capacity - held - sold, capacity, sold, base_fare_minor from flight_cabin",
    )
    .fetch_all(conn)
    .await
    .unwrap();
    rows.into_iter()
        .map(|(id, cabin, left, capacity, sold, base)| {
            let seats = Seats {
                left,
                capacity,
                sold,
                base,
            };
            ((id, Cabin::parse(&cabin).unwrap()), seats)
        })
        .collect()
}
