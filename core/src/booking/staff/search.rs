//! Finding bookings of any account.
//!
//! **Each meaning of the words is looked for on its own, the newest first.** A reference, an address and a name have an index
//! each, whose order is that of the bookings: what a common name finds is not read to its end. So that PostgreSQL plans
//! for the filters that there are, the statement is put together here, of texts of ours alone.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::words::{Name, Phone, SearchWords};
use crate::clock::Clock;
use crate::ids::{AccountId, BookingId};
use crate::money::{self, Money};
use crate::payment::STUCK;
use crate::trade::BookingStatus;
use crate::{Error, Result};

/// Which bookings staff look for; what is absent leaves none out.
#[derive(Clone, Debug, Default)]
pub struct StaffFilter {
    /// That these words name.
    pub words: Option<SearchWords>,
    /// With this flight: airline, number and local date of departure.
    pub flight: Option<(String, String, NaiveDate)>,
    /// In this state.
    pub status: Option<BookingStatus>,
    /// Of this account.
    pub account_id: Option<AccountId>,
    /// Made at this time or later.
    pub booked_from: Option<DateTime<Utc>>,
    /// Made before this time.
    pub booked_until: Option<DateTime<Utc>>,
}

/// What staff have to look after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookingProblem {
    /// A refund failed, and nothing went in its place.
    FailedRefund,
    /// A bank asks about a payment, or has taken it back and decides.
    OpenDispute,
    /// A payment stays open after the end of its page.
    StuckPayment,
    /// A document could not be made.
    FailedDocument,
}

/// A booking in a list for staff.
#[derive(Clone, Debug)]
pub struct StaffBooking {
    /// Its key inside.
    pub id: BookingId,
    /// Its name outside.
    pub reference: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// Where it stands.
    pub status: BookingStatus,
    /// When it was booked.
    pub created_at: DateTime<Utc>,
    /// When its first flight leaves.
    pub first_departs_at: DateTime<Utc>,
    /// `AI 101 DEL-BOM 2026-12-20`, in the order of travel.
    pub flights: Vec<String>,
    /// The names of its passengers, in its order.
    pub passengers: Vec<String>,
    /// Whom to write to.
    pub contact_email: String,
    /// Whom to call.
    pub contact_phone: String,
    /// What it costs.
    pub total: Money,
    /// What came in.
    pub paid: Money,
    /// What went back, or is on its way.
    pub refunded: Money,
    /// What has to be looked after.
    pub problems: Vec<BookingProblem>,
}

/// The bookings that a filter leaves, newest first, `limit` of them older than `before`.
pub async fn search_for_staff(
    conn: &mut PgConnection,
    clock: &Clock,
    filter: &StaffFilter,
    before: Option<BookingId>,
    limit: i64,
) -> Result<Vec<StaffBooking>> {
    let page = Page {
        filter,
        before,
        limit,
    };
    let mut query = page.statement();
    let ids: Vec<Uuid> = query.build_query_scalar().fetch_all(&mut *conn).await?;
    rows(conn, clock, &ids).await
}

struct Page<'a> {
    filter: &'a StaffFilter,
    before: Option<BookingId>,
    limit: i64,
}

impl Page<'_> {
    fn statement(&self) -> QueryBuilder<Postgres> {
        let Some(words) = &self.filter.words else {
            return self.statement_without_words();
        };
        let mut query = QueryBuilder::new("select distinct id from (");
        self.push_sources(&mut query, words);
        query.push(") found order by id desc limit ");
        query.push_bind(self.limit);
        query
    }

    /// By the time at which they were made, which is the order of their keys too: an index of it ends where the filter does.
    fn statement_without_words(&self) -> QueryBuilder<Postgres> {
        let mut query = QueryBuilder::new("select b.id from booking b where true");
        if let Some(before) = self.before {
            query.push(
                " and (b.created_at, b.id) < (select last.created_at, last.id from booking last where last.id = ",
            );
            query.push_bind(before.0);
            query.push(")");
        }
        self.push_filters(&mut query);
        query.push(" order by b.created_at desc, b.id desc limit ");
        query.push_bind(self.limit);
        query
    }

    /// One part for each meaning of the words.
    fn push_sources(&self, query: &mut QueryBuilder<Postgres>, words: &SearchWords) {
        let mut is_first = true;
        let mut next = |query: &mut QueryBuilder<Postgres>| {
            if !std::mem::take(&mut is_first) {
                query.push(" union all ");
            }
        };
        if let Some(reference) = &words.reference {
            next(query);
            self.push_source(query, "booking b", |query| {
                query.push(" and b.booking_ref = ");
                query.push_bind(reference.as_str().to_owned());
            });
        }
        if let Some(email) = &words.email {
            next(query);
            self.push_source(query, "booking b", |query| {
                query.push(" and lower(b.contact_email) = ");
                query.push_bind(email.clone());
            });
        }
        if let Some(phone) = &words.phone {
            next(query);
            self.push_source(query, "booking b", |query| push_phone(query, phone));
        }
        if let Some(ticket) = &words.ticket {
            next(query);
            self.push_source(query, "booking b", |query| {
                query.push(" and b.id in (select booking_id from ticket where number = ");
                query.push_bind(ticket.clone());
                query.push(" union all select booking_id from ticket where conjunction_number = ");
                query.push_bind(ticket.clone());
                query.push(")");
            });
        }
        for name in &words.names {
            next(query);
            let passengers = "passenger p join booking b on b.id = p.booking_id";
            self.push_source(query, passengers, |query| push_name(query, name));
        }
    }

    /// The newest of one part, with every other filter.
    fn push_source(
        &self,
        query: &mut QueryBuilder<Postgres>,
        from: &'static str,
        condition: impl FnOnce(&mut QueryBuilder<Postgres>),
    ) {
        query.push("(select distinct b.id from ");
        query.push(from);
        query.push(" where true");
        condition(query);
        if let Some(before) = self.before {
            query.push(" and b.id < ");
            query.push_bind(before.0);
        }
        self.push_filters(query);
        query.push(" order by b.id desc limit ");
        query.push_bind(self.limit);
        query.push(")");
    }

    fn push_filters(&self, query: &mut QueryBuilder<Postgres>) {
        let filter = self.filter;
        if let Some(status) = filter.status {
            query.push(" and b.status = ");
            query.push_bind(status.as_str());
        }
        if let Some(account_id) = filter.account_id {
            query.push(" and b.account_id = ");
            query.push_bind(account_id.0);
        }
        if let Some(from) = filter.booked_from {
            query.push(" and b.created_at >= ");
            query.push_bind(from);
        }
        if let Some(until) = filter.booked_until {
            query.push(" and b.created_at < ");
            query.push_bind(until);
        }
        if let Some((airline, number, date)) = &filter.flight {
            query.push(
                " and b.id in (select bf.booking_id from booked_flight bf join flight f on f.id = bf.flight_id where f.airline = ",
            );
            query.push_bind(airline.clone());
            query.push(" and f.flight_number = ");
            query.push_bind(number.clone());
            query.push(" and f.departure_date = ");
            query.push_bind(*date);
            query.push(")");
        }
    }
}

fn push_phone(query: &mut QueryBuilder<Postgres>, phone: &Phone) {
    match phone {
        Phone::Whole(backwards) => {
            query.push(" and reverse(b.contact_phone) = ");
            query.push_bind(backwards.clone());
        }
        Phone::End(backwards) => {
            query.push(" and reverse(b.contact_phone) like ");
            query.push_bind(format!("{backwards}%"));
        }
    }
}

fn push_name(query: &mut QueryBuilder<Postgres>, name: &Name) {
    let columns = [
        ("name_key(p.last_name)", &name.last),
        ("name_key(p.first_name)", &name.first),
        ("name_key(p.middle_name)", &name.middle),
    ];
    for (column, wanted) in columns {
        let Some(wanted) = wanted else { continue };
        query.push(" and ");
        query.push(column);
        query.push(if name.is_beginning {
            " like name_key("
        } else {
            " = name_key("
        });
        query.push_bind(wanted.clone());
        query.push(if name.is_beginning {
            "::text) || '%'"
        } else {
            "::text)"
        });
    }
}

/// The rows of bookings, in the order of their keys.
pub(super) async fn rows(
    conn: &mut PgConnection,
    clock: &Clock,
    ids: &[Uuid],
) -> Result<Vec<StaffBooking>> {
    let rows = sqlx::query!(
        r#"
        select b.id as "id: BookingId", b.booking_ref, b.account_id as "account_id: AccountId", b.status as "status: BookingStatus",
               b.created_at, b.first_departs_at, b.contact_email, b.contact_phone, b.currency, b.total_minor,
               array(select f.airline || ' ' || f.flight_number || ' ' || f.origin || '-' || f.destination || ' ' || f.departure_date
                     from booked_flight bf join flight f on f.id = bf.flight_id where bf.booking_id = b.id order by bf.ordinal) as "flights!",
               array(select concat_ws(' ', p.first_name, p.middle_name, p.last_name)
                     from passenger p where p.booking_id = b.id order by p.ordinal) as "passengers!",
               (select coalesce(sum(s.amount_minor), 0)::bigint from payment_share s
                where s.booking_id = b.id and s.currency = b.currency and s.status in ('succeeded', 'mismatched')) as "paid!",
               (select coalesce(sum(r.amount_minor), 0)::bigint from refund r
                where r.booking_id = b.id and r.currency = b.currency and r.status <> 'failed') as "refunded!",
               exists (select from refund r where r.booking_id = b.id and r.status = 'failed'
                       and coalesce(r.failure, '') not in ('refunded_at_stripe', 'lost_dispute')
                       and not exists (select from refund other where other.replaces_id = r.id)) as "failed_refund!",
               exists (select from dispute d where d.booking_id = b.id and d.closed_at is null and d.payment_id is not null) as "open_dispute!",
               exists (select from payment p where p.booking_id = b.id and p.status = 'open' and p.expires_at < $2) as "stuck_payment!",
               exists (select from document d where d.booking_id = b.id and d.status = 'failed') as "failed_document!"
        from unnest($1::uuid[]) with ordinality as found (id, position)
        join booking b on b.id = found.id order by found.position
        "#,
        ids,
        clock.now() - STUCK,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let currency = money::known_currency(&row.currency)?;
            let problems = [
                (row.failed_refund, BookingProblem::FailedRefund),
                (row.open_dispute, BookingProblem::OpenDispute),
                (row.stuck_payment, BookingProblem::StuckPayment),
                (row.failed_document, BookingProblem::FailedDocument),
            ];
            let problems = problems.into_iter().filter(|(is_so, _)| *is_so);
            Ok::<_, Error>(StaffBooking {
                id: row.id,
                reference: row.booking_ref,
                account_id: row.account_id,
                status: row.status,
                created_at: row.created_at,
                first_departs_at: row.first_departs_at,
                flights: row.flights,
                passengers: row.passengers,
                contact_email: row.contact_email,
                contact_phone: row.contact_phone,
                total: Money::new(row.total_minor, currency),
                paid: Money::new(row.paid, currency),
                refunded: Money::new(row.refunded, currency),
                problems: problems.map(|(_, problem)| problem).collect(),
            })
        })
        .collect()
}
