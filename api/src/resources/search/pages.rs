//! From a checked search to a page of offers: found once, frozen, and looked at again whenever a page is served.

use flightdesk_core::charge;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use flightdesk_core::error::{Error, FieldError};
use flightdesk_core::ids::{AccountId, FlightId};
use flightdesk_core::money::Money;
use flightdesk_core::offer::{Offer, Quote};
use flightdesk_core::search::{
    self, Checked, Cursor, DirectionQuery, Head, QueryKey, RECORD, Search, Seen, Snapshot,
    Timetable,
};
use flightdesk_core::trade::{Direction, Party};
use poem::http::StatusCode;

use crate::app::App;
use crate::cache::search::Computed;
use crate::error::ApiError;
use crate::http::page::DEFAULT_LIMIT;

/// What [`App::edition`] says.
type Edition = (String, Option<Arc<Timetable>>);

/// Which page of an answer.
#[derive(Clone, Copy, Debug)]
pub struct PageWish<'a> {
    /// Offers at most.
    pub limit: usize,
    /// Where it begins; the first page of each direction without.
    pub cursor: Option<&'a str>,
}

impl<'a> PageWish<'a> {
    /// The wish of two parameters, whose range the document has checked.
    pub fn new(limit: Option<u32>, cursor: Option<&'a str>) -> Self {
        Self {
            limit: limit.unwrap_or(DEFAULT_LIMIT) as usize,
            cursor,
        }
    }
}

/// A page of each direction that was asked for.
#[derive(Debug)]
pub struct Answer {
    /// The pages, the departing direction's first.
    pub pages: Vec<Page>,
    /// Of a round trip's first pages: what the cheapest of both directions cost in one booking.
    pub cheapest_total: Option<Money>,
    /// Whether nothing was searched for.
    pub hit: bool,
}

/// A page of one direction.
#[derive(Debug)]
pub struct Page {
    /// Which direction.
    pub direction: Direction,
    /// For whom.
    pub party: Party,
    /// What can still be bought of the page's itineraries, in their order.
    pub offers: Vec<Offer>,
    /// What is said of all itineraries.
    pub head: Head,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// One direction of a search, with its key.
#[derive(Clone, Copy)]
struct DirectionSearch<'a> {
    name: Direction,
    query: &'a DirectionQuery,
    key: QueryKey,
}

/// The itineraries of a page as they were frozen.
struct Frozen<'a> {
    direction: DirectionSearch<'a>,
    head: Head,
    itineraries: Vec<Vec<FlightId>>,
    position: usize,
    hit: bool,
    /// Whether Redis has the other pages.
    stored: bool,
    /// Its flights, where this request has looked at them to find it.
    seen: Option<Seen>,
}

/// How long an empty result is cached: flights that are added should appear sooner than after five minutes.
const NOTHING_FOR: Duration = Duration::seconds(5);

/// A page of frozen itineraries with what is left of them.
struct Priced<'a> {
    frozen: Frozen<'a>,
    quotes: Vec<Quote>,
    /// What else the cheapest round trip may be made of.
    for_pairs: Vec<Quote>,
}

impl Priced<'_> {
    /// Every quote that a round trip may be made of.
    fn all(&self) -> Vec<&Quote> {
        self.quotes.iter().chain(&self.for_pairs).collect()
    }

    /// Everything that was found has been sold, cancelled or has left since, or nothing was found a while ago: better
    /// to look again than to say so.
    fn is_used_up(&self, now: DateTime<Utc>) -> bool {
        let head = &self.frozen.head;
        let may_differ = head.total > 0 || now - head.made_at >= NOTHING_FOR;
        self.frozen.hit && self.frozen.position == 0 && self.quotes.is_empty() && may_differ
    }
}

/// Reads a search. Errors: 422 with every wrong parameter.
pub async fn check(app: &App, search: &Search) -> Result<Checked, ApiError> {
    let (tariff, reference) = app.catalogue().await?;
    let sales = &app.settings.sales;
    Ok(search::check(
        &app.clock, sales, &tariff, &reference, search,
    )?)
}

/// The pages that a caller wishes. Errors: 422 for a cursor that is not of this search, 410 `cursor_expired`.
pub async fn answer(
    app: &App,
    account_id: AccountId,
    checked: &Checked,
    wish: PageWish<'_>,
) -> Result<Answer, ApiError> {
    let departing = direction(Direction::Departing, &checked.departing)?;
    let returning = checked.returning.as_ref();
    let returning = returning
        .map(|query| direction(Direction::Returning, query))
        .transpose()?;
    let edition = app.edition().await?;
    let mut priced = match (wish.cursor, returning) {
        (Some(cursor), _) => {
            let frozen = next(app, [Some(departing), returning], cursor, wish.limit).await?;
            price(app, vec![frozen], false).await?
        }
        (None, None) => {
            let frozen = first(app, &edition, departing, None, wish.limit).await?;
            price(app, vec![frozen], false).await?
        }
        (None, Some(returning)) => {
            // One after the other: a request never has two connections.
            let departing = first(app, &edition, departing, None, wish.limit).await?;
            let returning = first(app, &edition, returning, None, wish.limit).await?;
            price(app, vec![departing, returning], true).await?
        }
    };
    let makes_pairs = priced.len() > 1;
    for page in &mut priced {
        if page.is_used_up(app.clock.now()) {
            let after = Some(page.frozen.head.made_at);
            let frozen = first(app, &edition, page.frozen.direction, after, wish.limit).await?;
            let mut again = price(app, vec![frozen], makes_pairs).await?;
            *page = again.swap_remove(0);
        }
    }
    let cheapest_total = match &priced[..] {
        [departing, returning] => {
            let currency = app.settings.sales.sale_currency;
            let (departing, returning) = (departing.all(), returning.all());
            let timetable = match edition.1 {
                Some(known) => known,
                None => app.timetable().await?,
            };
            timetable.cheapest_pair(currency, &departing, &returning)
        }
        _ => None,
    };
    let hit = priced.iter().all(|page| page.frozen.hit);
    let pages = priced
        .into_iter()
        .map(|page| sign(app, account_id, wish, page));
    Ok(Answer {
        pages: pages.collect::<Result<_, _>>()?,
        cheapest_total,
        hit,
    })
}

fn direction(name: Direction, query: &DirectionQuery) -> Result<DirectionSearch<'_>, ApiError> {
    let key = QueryKey::of(query)?;
    Ok(DirectionSearch { name, query, key })
}

/// The first page of an answer that is less than five minutes old, and newer than `after`.
async fn first<'a>(
    app: &App,
    edition: &Edition,
    direction: DirectionSearch<'a>,
    after: Option<DateTime<Utc>>,
    limit: usize,
) -> Result<Frozen<'a>, ApiError> {
    let (edition, timetable) = edition;
    let key = format!("search:{edition}:{}", direction.key);
    // Boxed, or every handler's future would be as large as the engine's.
    let seen = Mutex::default();
    let compute = || Box::pin(compute(app, timetable.clone(), &seen, direction.query));
    let cached = app.search_cache.get_or_compute(&key, after, compute);
    let cached = Box::pin(cached).await?;
    let snapshot = Snapshot::read_first(&cached.answer)
        .ok_or_else(|| ApiError::internal("a snapshot does not read"))?;
    let mut itineraries = snapshot.itineraries;
    itineraries.truncate(limit);
    Ok(Frozen {
        direction,
        head: snapshot.head,
        itineraries,
        position: 0,
        hit: cached.hit,
        stored: cached.stored,
        seen: seen.into_inner().unwrap_or_else(PoisonError::into_inner),
    })
}

/// The page of a cursor, from the direction that it belongs to.
async fn next<'a>(
    app: &App,
    directions: [Option<DirectionSearch<'a>>; 2],
    cursor: &str,
    limit: usize,
) -> Result<Frozen<'a>, ApiError> {
    let cursor = app.cursors.open(cursor).ok_or_else(|| {
        wrong_cursor(
            "invalid",
            "must be a `next_cursor` of this search, unchanged",
        )
    })?;
    let mut directions = directions.into_iter().flatten();
    let direction = directions
        .find(|one| (one.name, one.key) == (cursor.direction, cursor.query))
        .ok_or_else(|| wrong_cursor("other_query", "belongs to a search with other parameters"))?;
    let position = cursor.position as usize;
    let (head, records) = keys_of(&cursor.snapshot);
    let range = (position * RECORD, (position + limit) * RECORD);
    let parts = app.search_cache.parts(&head, &records, range).await;
    let snapshot = parts.and_then(|(head, records)| Snapshot::read(&head, &records));
    let snapshot = snapshot.filter(|snapshot| snapshot.head.serves_pages(app.clock.now()));
    let Some(Snapshot { head, itineraries }) = snapshot else {
        let detail = "the pages of this search are no longer kept: start again with the first page";
        return Err(ApiError::new(StatusCode::GONE, "cursor_expired", detail));
    };
    Ok(Frozen {
        direction,
        head,
        itineraries,
        position,
        hit: true,
        stored: true,
        seen: None,
    })
}

fn keys_of(snapshot: &uuid::Uuid) -> (String, String) {
    let id = snapshot.simple();
    (format!("head:{id}"), format!("list:{id}"))
}

async fn compute(
    app: &App,
    timetable: Option<Arc<Timetable>>,
    seen: &Mutex<Option<Seen>>,
    query: &DirectionQuery,
) -> Result<Computed, ApiError> {
    let timetable = match timetable {
        Some(known) => known,
        None => app.timetable().await?,
    };
    let (tariff, _) = app.catalogue().await?;
    let shop = app.shop(&tariff);
    let (snapshot, flights) = Snapshot::make(&app.db, shop, &timetable, query).await?;
    *seen.lock().unwrap_or_else(PoisonError::into_inner) = flights;
    let (head, records) = (snapshot.head_bytes()?, snapshot.records());
    let answer = Snapshot::first_page(&head, &records);
    let (head_key, records_key) = keys_of(&snapshot.head.id);
    // One itinerary is one page, however small the pages are.
    let parts = if snapshot.head.total > 1 {
        vec![(head_key, head), (records_key, records)]
    } else {
        Vec::new()
    };
    Ok(Computed { answer, parts })
}

/// Looks at all itineraries of all pages again, with one statement, unless this request has just done so.
async fn price<'a>(
    app: &App,
    mut pages: Vec<Frozen<'a>>,
    makes_pairs: bool,
) -> Result<Vec<Priced<'a>>, ApiError> {
    let Some(terms) = pages.first().map(|page| page.direction.query.into()) else {
        return Ok(Vec::new());
    };
    let mut wanted = Vec::new();
    for page in &mut pages {
        wanted.extend(page.itineraries.iter().cloned());
        if !makes_pairs {
            page.head.cheapest.clear();
        }
        wanted.extend(page.head.cheapest.iter().cloned());
    }
    let (tariff, _) = app.catalogue().await?;
    let shop = app.shop(&tariff);
    let seen: Option<Vec<Seen>> = pages.iter_mut().map(|page| page.seen.take()).collect();
    let seen = if let Some(seen) = seen.and_then(|seen| seen.into_iter().reduce(Seen::and)) {
        seen
    } else {
        let mut conn = app.db.acquire().await?;
        Seen::look_at(&mut conn, shop, terms, &wanted).await?
    };
    let mut quotes = search::quotes_of(shop, terms, &seen, &wanted)?.into_iter();
    let priced = pages.into_iter().map(|frozen| {
        let filters = &frozen.direction.query.filters;
        let fits = |quote: &Quote| {
            let total = quote.price.total();
            let minor = total.minor();
            filters.min_price.is_none_or(|least| least <= minor)
                && filters.max_price.is_none_or(|most| minor <= most)
                && !charge::is_above_limits(total)
        };
        let mut take = |count| -> Vec<Quote> {
            let some = quotes.by_ref().take(count);
            some.flatten().filter(fits).collect()
        };
        Priced {
            quotes: take(frozen.itineraries.len()),
            for_pairs: take(frozen.head.cheapest.len()),
            frozen,
        }
    });
    Ok(priced.collect())
}

fn sign(
    app: &App,
    account_id: AccountId,
    wish: PageWish<'_>,
    page: Priced<'_>,
) -> Result<Page, Error> {
    let Frozen {
        direction,
        head,
        position,
        stored,
        ..
    } = page.frozen;
    let sales = &app.settings.sales;
    let offer = |quote| app.offers.offer(&app.clock, sales, account_id, quote);
    let offers = page
        .quotes
        .into_iter()
        .map(offer)
        .collect::<Result<_, _>>()?;
    let after = u32::try_from(position + wish.limit).unwrap_or(u32::MAX);
    let next = (stored && after < head.total).then_some(Cursor {
        snapshot: head.id,
        query: direction.key,
        direction: direction.name,
        position: after,
    });
    Ok(Page {
        direction: direction.name,
        party: direction.query.party,
        offers,
        next_cursor: next.map(|cursor| app.cursors.seal(&cursor)),
        head,
    })
}

fn wrong_cursor(code: &'static str, message: &str) -> ApiError {
    ApiError::invalid(vec![FieldError {
        field: "cursor".to_owned(),
        code,
        message: message.to_owned(),
    }])
}
