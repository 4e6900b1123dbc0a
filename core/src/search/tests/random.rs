//! Random searches give what the simple second implementation gives (R19).

use sqlx::PgPool;

use super::oracle::{Flight, Oracle};
use super::world::{AIRPORTS, Counter, Dice, fill};
use crate::search::{
    DirectionQuery, Facets, Filters, Sort, TimetableCache, Window, find, relaxations,
};
use crate::trade::{Cabin, Party};

const LONDON: [&str; 5] = ["LCY", "LGW", "LHR", "LTN", "STN"];
const FAMILIES: [&str; 3] = ["light", "standard", "flex"];
const NEW_YORK: [&str; 3] = ["EWR", "JFK", "LGA"];

fn number_from(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// `FLIGHTDESK_SEED`, or another one each time.
fn seed(salt: u64) -> u64 {
    number_from("FLIGHTDESK_SEED", u64::from(std::process::id()) ^ salt)
}

fn airports(dice: &mut Dice, code: &str) -> Vec<String> {
    let metro: &[&str] = match code {
        "LCY" | "LGW" | "LHR" if dice.percent(50) => &LONDON,
        "EWR" | "JFK" if dice.percent(50) => &NEW_YORK,
        _ => return vec![code.to_owned()],
    };
    metro.iter().map(|code| (*code).to_owned()).collect()
}

fn in_one_city(some: &[String], others: &[String]) -> bool {
    let city = |code: &String| match code.as_str() {
        "EWR" | "JFK" | "LGA" => "NYC".to_owned(),
        "LCY" | "LGW" | "LHR" | "LTN" | "STN" => "LON".to_owned(),
        other => other.to_owned(),
    };
    some.iter()
        .any(|one| others.iter().any(|other| city(one) == city(other)))
}

fn query(dice: &mut Dice, oracle: &Oracle) -> DirectionQuery {
    // Mostly where and when somebody flies; what filters leave of nothing is nothing.
    let routes: Vec<_> = oracle.journeys.keys().collect();
    let (origins, destinations, date) = loop {
        let (from, to, date) = (*dice.pick(&routes)).clone();
        let ends = if dice.percent(85) {
            (airports(dice, &from), airports(dice, &to))
        } else {
            let (from, to) = (*dice.pick(&AIRPORTS), *dice.pick(&AIRPORTS));
            (airports(dice, from), airports(dice, to))
        };
        if !in_one_city(&ends.0, &ends.1) {
            break (ends.0, ends.1, date);
        }
    };
    let adults = if dice.percent(85) {
        1 + dice.below(3)
    } else {
        1 + dice.below(8)
    };
    let party = Party {
        adults: u16::try_from(adults).unwrap(),
        children: u16::try_from(dice.below(3)).unwrap(),
        infants: u16::try_from(dice.below(2)).unwrap(),
    };
    let cabin = if dice.percent(75) {
        Cabin::Economy
    } else {
        *dice.pick(&Cabin::ALL)
    };
    let journeys = oracle
        .journeys
        .get(&(origins[0].clone(), destinations[0].clone(), date));
    let like: Vec<&Flight> = match journeys {
        Some(journeys) => dice
            .pick(journeys)
            .iter()
            .map(|at| &oracle.flights[*at])
            .collect(),
        None => vec![dice.pick(&oracle.flights)],
    };
    let sort = [
        Sort::Price,
        Sort::Duration,
        Sort::Departure,
        Sort::Arrival,
        Sort::Best,
    ];
    DirectionQuery {
        filters: Filters {
            max_stops: u8::try_from(dice.below(4).min(2)).unwrap(),
            ..Filters::default()
        },
        origins,
        destinations,
        date,
        party,
        other_cabins: (Cabin::ALL.into_iter())
            .filter(|other| *other != cabin)
            .map(|other| (other, (*dice.pick(&FAMILIES)).to_owned()))
            .collect(),
        cabin,
        family: (*dice.pick(&FAMILIES)).to_owned(),
        sort: *dice.pick(&sort),
    }
    .with_filters(dice, oracle, &like)
}

// A filter begins and ends where a real journey does, or a minute beside: there the mistakes are.
fn near(dice: &mut Dice, minutes: i64) -> i64 {
    (minutes + [-1, 0, 0, 1, 60][dice.below(5)]).max(0)
}

fn window(dice: &mut Dice, minute: u32) -> Window {
    let minute = near(dice, i64::from(minute)).min(1439);
    let around = i64::try_from(dice.below(600)).unwrap();
    let (from, until) = if dice.percent(50) {
        (minute, (minute + around + 1).min(1440))
    } else {
        ((minute - around - 1).max(0), minute.max(1))
    };
    Window {
        from: u16::try_from(from).unwrap(),
        until: u16::try_from(until).unwrap(),
    }
}

impl DirectionQuery {
    fn with_filters(mut self, dice: &mut Dice, oracle: &Oracle, like: &[&Flight]) -> Self {
        let (first, last) = (like[0], like[like.len() - 1]);
        let wait = like
            .windows(2)
            .map(|two| (two[1].departs - two[0].arrives).num_minutes())
            .min();
        let code = |dice: &mut Dice| (*dice.pick(&["AI", "LH", "SQ", "BA", "UA", "6E"])).to_owned();
        let sorted = |mut list: Vec<String>| {
            list.sort();
            list.dedup();
            list
        };
        let chance = dice.below(25);
        let filters = &mut self.filters;
        if dice.percent(chance) {
            filters.airlines = sorted(vec![
                first.airline.clone(),
                last.airline.clone(),
                code(dice),
            ]);
        }
        if dice.percent(chance) {
            filters.exclude_airlines = vec![code(dice)];
        }
        if dice.percent(chance / 2) {
            let flight = *dice.pick(like);
            let airline = dice.percent(50).then(|| flight.airline.clone());
            filters.flight_number = Some((airline, flight.number.clone()));
        }
        if dice.percent(chance) {
            filters.max_duration = Some(near(dice, (last.arrives - first.departs).num_minutes()));
        }
        if dice.percent(chance) {
            filters.departure_window = Some(window(dice, first.departs_minute));
        }
        if dice.percent(chance) {
            filters.arrival_window = Some(window(dice, last.arrives_minute));
        }
        if dice.percent(chance) {
            filters.min_layover = Some(near(dice, wait.unwrap_or(90)));
        }
        if dice.percent(chance) {
            filters.max_layover = Some(near(dice, wait.unwrap_or(300)));
        }
        if dice.percent(chance / 2) {
            filters.via = sorted(vec![first.to.clone(), (*dice.pick(&AIRPORTS)).to_owned()]);
        }
        if dice.percent(chance) {
            filters.avoid = vec![(*dice.pick(&AIRPORTS)).to_owned()];
        }
        let flown_here = like
            .iter()
            .all(|flight| oracle.has_seats(flight.id, self.cabin));
        if dice.percent(chance) && flown_here {
            self.filters.max_price = Some(i64::try_from(100_000 + dice.below(9_000_000)).unwrap());
        }
        if dice.percent(chance / 2) && flown_here {
            self.filters.min_price = Some(i64::try_from(dice.below(1_500_000)).unwrap());
        }
        self
    }
}

// R19. Another run: FLIGHTDESK_SEED=… SEARCH_QUERIES=… cargo nextest run ten_thousand.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn ten_thousand_random_searches_find_what_brute_force_finds(pool: PgPool) {
    let seed = seed(0x5EED);
    let queries = number_from("SEARCH_QUERIES", 10_000);
    eprintln!("FLIGHTDESK_SEED={seed} SEARCH_QUERIES={queries}");
    let mut dice = Dice(seed);
    fill(&pool, &mut dice, 550).await;
    let mut conn = pool.acquire().await.unwrap();
    let counter = Counter::open(&mut conn).await;
    let oracle = Oracle::load(&mut conn).await;
    let cache = TimetableCache::new(chrono::Duration::hours(1));
    let timetable = cache.get(&pool, &counter.clock).await.unwrap();
    let (mut answered, mut by_stops, mut relaxed) = (0_u64, [0_u64; 3], 0_u64);
    for round in 0..queries {
        let query = query(&mut dice, &oracle);
        let expected = oracle.find(counter.shop(), &query);
        let mut found = find(&mut conn, counter.shop(), &timetable, &query)
            .await
            .unwrap();
        // Which of them make pairs is proved where they are chosen.
        found.for_pairs.clear();
        assert_eq!(
            found, expected,
            "FLIGHTDESK_SEED={seed}, query {round}: {query:#?}"
        );
        answered += u64::from(!found.itineraries.is_empty());
        for itinerary in &found.itineraries {
            by_stops[itinerary.flights.len() - 1] += 1;
        }
        if found.itineraries.is_empty() && round % 16 == 0 {
            relaxed += compare_relaxations(&mut conn, &counter, &oracle, &timetable, &query).await;
        }
    }
    eprintln!(
        "{answered} of {queries} searches found {by_stops:?} itineraries by stops; {relaxed} relaxations"
    );
    // A world in which nothing is found would prove nothing.
    assert!(answered > queries / 10, "{answered}");
    assert!(
        by_stops.iter().all(|count| *count >= queries / 1000),
        "{by_stops:?}"
    );
}

async fn compare_relaxations(
    conn: &mut sqlx::PgConnection,
    counter: &Counter,
    oracle: &Oracle,
    timetable: &crate::search::Timetable,
    query: &DirectionQuery,
) -> u64 {
    let offered = relaxations(conn, counter.shop(), timetable, query)
        .await
        .unwrap();
    for relaxation in &offered {
        let mut looser = query.clone();
        let kept = &mut looser.filters;
        match relaxation.filter.as_str() {
            "airlines" => kept.airlines.clear(),
            "exclude_airlines" => kept.exclude_airlines.clear(),
            "flight_number" => kept.flight_number = None,
            "max_stops" => kept.max_stops = 2,
            "max_duration" => kept.max_duration = None,
            "departure_window" => kept.departure_window = None,
            "arrival_window" => kept.arrival_window = None,
            "min_price" => kept.min_price = None,
            "max_price" => kept.max_price = None,
            "min_layover" => kept.min_layover = None,
            "max_layover" => kept.max_layover = None,
            "via" => kept.via.clear(),
            "avoid" => kept.avoid.clear(),
            "cabin" => looser.family = economy(query),
            other => panic!("{other} is no filter"),
        }
        if relaxation.filter == "cabin" {
            looser.cabin = Cabin::Economy;
        }
        let expected = oracle.find(counter.shop(), &looser).itineraries.len() as u64;
        assert_eq!(
            relaxation.total, expected,
            "{} of {query:#?}",
            relaxation.filter
        );
        assert!(expected > 0);
    }
    offered.len() as u64
}

fn economy(query: &DirectionQuery) -> String {
    let mut others = query.other_cabins.iter();
    let family = others.find(|(cabin, _)| *cabin == Cabin::Economy);
    family.unwrap().1.clone()
}

// A traveller who turns on one filter loses itineraries and gains none, and gets as many as the facet said.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_filter_never_adds_an_itinerary_and_gives_what_its_facet_says(pool: PgPool) {
    let seed = seed(0xFACE7);
    let queries = number_from("SEARCH_QUERIES", 1_500);
    eprintln!("FLIGHTDESK_SEED={seed} SEARCH_QUERIES={queries}");
    let mut dice = Dice(seed);
    fill(&pool, &mut dice, 550).await;
    let mut conn = pool.acquire().await.unwrap();
    let counter = Counter::open(&mut conn).await;
    let oracle = Oracle::load(&mut conn).await;
    let cache = TimetableCache::new(chrono::Duration::hours(1));
    let timetable = cache.get(&pool, &counter.clock).await.unwrap();
    let mut look = async |query: &DirectionQuery| {
        find(&mut conn, counter.shop(), &timetable, query)
            .await
            .unwrap()
    };
    let (mut narrowed, mut chosen) = (0_u64, 0_u64);
    for round in 0..queries {
        let filtered = query(&mut dice, &oracle);
        let mut plain = filtered.clone();
        let asked = &filtered.filters;
        plain.filters = Filters {
            max_stops: 2,
            min_layover: asked.min_layover,
            max_layover: asked.max_layover,
            via: asked.via.clone(),
            avoid: asked.avoid.clone(),
            ..Filters::default()
        };
        let all = look(&plain).await.itineraries;
        let some = look(&filtered).await;
        let told = format!("FLIGHTDESK_SEED={seed}, query {round}: {filtered:#?}");
        assert!(
            some.itineraries.iter().all(|one| all.contains(one)),
            "{told}"
        );
        narrowed += u64::from(some.itineraries.len() < all.len());
        for (facet, option) in options(&filtered, &some.facets) {
            let given = look(&option).await.itineraries;
            assert_eq!(facet.0, given.len() as u64, "{option:#?} of {told}");
            let lowest = given.iter().map(|one| one.total_minor).min();
            assert_eq!(Some(facet.1), lowest, "{option:#?} of {told}");
            chosen += 1;
        }
    }
    eprintln!("{narrowed} of {queries} searches lost something, {chosen} options chosen");
    assert!(narrowed > queries / 4 && chosen > queries);
}

type Promise = (u64, i64);

// Each option of each facet, chosen, with the count and the lowest total that it promises.
fn options(query: &DirectionQuery, facets: &Facets) -> Vec<(Promise, DirectionQuery)> {
    let mut options = Vec::new();
    let mut option = |promise: Promise, choose: &dyn Fn(&mut DirectionQuery)| {
        let mut chosen = query.clone();
        choose(&mut chosen);
        options.push((promise, chosen));
    };
    for one in &facets.airlines {
        option((one.count, one.lowest_minor), &|query| {
            query.filters.airlines = vec![one.value.iata.clone()];
        });
    }
    for one in &facets.stops {
        option((one.count, one.lowest_minor), &|query| {
            query.filters.max_stops = one.value;
        });
    }
    for one in &facets.cabins {
        option((one.count, one.lowest_minor), &|query| {
            let other = query.families().find(|(cabin, _)| *cabin == one.value);
            query.family = other.unwrap().1.to_owned();
            query.cabin = one.value;
        });
    }
    for one in &facets.time_bands {
        option((one.count, one.lowest_minor), &|query| {
            query.filters.departure_window = Window::parse(&one.value);
        });
    }
    for one in &facets.prices {
        option((one.count, one.lowest_minor), &|query| {
            query.filters.min_price = Some(one.value.0);
            query.filters.max_price = Some(one.value.1);
        });
    }
    options
}
