//! Reading and changing one noun, the same way for each.

use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::refusal::{AlreadyExists, InUse};
use super::version::Expected;
use super::{Changed, Noun, Pick, document, lock, record};
use crate::clock::Clock;
use crate::error::Violations;
use crate::{Error, Result};

/// A page: those after a key, or from the first, in the order of their keys.
pub async fn list<N: Noun>(
    conn: &mut PgConnection,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<N>> {
    N::read(conn, Pick::After(after, limit)).await
}

/// The one of a key. [`Error::NotFound`] when there is none.
pub async fn get<N: Noun>(conn: &mut PgConnection, key: &str) -> Result<N> {
    let found = N::read(conn, Pick::One(key)).await?.pop();
    found.ok_or(Error::NotFound(N::NAME))
}

/// What is known of rows beside themselves, for each of them.
pub async fn facts<N: Noun>(
    conn: &mut PgConnection,
    rows: &[N],
) -> Result<Vec<Map<String, Value>>> {
    N::facts(conn, rows).await
}

/// Adds one.
///
/// Errors: [`Error::Invalid`] with every wrong field, [`AlreadyExists`].
pub async fn create<N: Noun>(conn: &mut PgConnection, clock: &Clock, new: &N) -> Result<N> {
    lock(conn).await?;
    check(conn, new).await?;
    let key = new.key();
    if !N::read(conn, Pick::One(&key)).await?.is_empty() {
        return Err(AlreadyExists { noun: N::NAME, key }.into());
    }
    write(conn, clock, None, new).await
}

/// Changes the members that `patch` names and leaves the others; one that is `null` there is empty from now on. The members
/// of the key stay what they are.
///
/// Errors: [`Error::NotFound`], [`super::Outdated`], [`Error::Invalid`] with every wrong field, and what was sold may
/// refuse it.
pub async fn change<N: Noun>(
    conn: &mut PgConnection,
    clock: &Clock,
    key: &str,
    expected: &Expected,
    patch: Map<String, Value>,
) -> Result<N> {
    lock(conn).await?;
    let before = get::<N>(conn, key).await?;
    expected.check(&before)?;
    let after = merge(&before, patch)?;
    check(conn, &after).await?;
    before.allow(conn, clock, &after).await?;
    write(conn, clock, Some(&before), &after).await
}

/// Deletes one that nothing uses.
///
/// Errors: [`Error::NotFound`], [`super::Outdated`], [`InUse`].
pub async fn delete<N: Noun>(
    conn: &mut PgConnection,
    clock: &Clock,
    key: &str,
    expected: &Expected,
) -> Result<()> {
    lock(conn).await?;
    let before = get::<N>(conn, key).await?;
    expected.check(&before)?;
    let by = before.uses(conn).await?;
    let in_use = |by: Vec<(i64, &'static str)>| InUse {
        noun: N::NAME,
        key: key.to_owned(),
        by,
        remedy: None,
    };
    let by: Vec<_> = by.into_iter().filter(|(count, _)| *count > 0).collect();
    if !by.is_empty() {
        return Err(in_use(by).into());
    }
    before.delete(conn).await.map_err(|error| match &error {
        // Something came to use it after it was asked what does.
        Error::Database(sqlx::Error::Database(violation))
            if violation.is_foreign_key_violation() =>
        {
            in_use(Vec::new()).into()
        }
        _ => error,
    })?;
    let changed = Changed {
        noun: N::NAME,
        key,
        before: Some(document(&before)?),
        after: None,
    };
    record(conn, clock, changed).await
}

async fn check<N: Noun>(conn: &mut PgConnection, row: &N) -> Result<()> {
    let mut wrong = Violations::new();
    row.check(&mut wrong);
    row.check_known(conn, &mut wrong).await?;
    wrong.into_result()
}

/// Writes one row and reads it as it is kept.
async fn write<N: Noun>(
    conn: &mut PgConnection,
    clock: &Clock,
    before: Option<&N>,
    row: &N,
) -> Result<N> {
    N::write(conn, std::slice::from_ref(row)).await?;
    let key = row.key();
    let after = get::<N>(conn, &key).await?;
    let changed = Changed {
        noun: N::NAME,
        key: &key,
        before: before.map(document).transpose()?,
        after: Some(document(&after)?),
    };
    record(conn, clock, changed).await?;
    Ok(after)
}

/// A row with the members of a patch in the place of its own.
fn merge<N: Noun>(row: &N, patch: Map<String, Value>) -> Result<N> {
    let mut members = match document(row)? {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    for (name, value) in patch {
        if N::KEY.contains(&name.as_str()) {
            continue;
        }
        if value.is_null() {
            members.remove(&name);
        } else {
            members.insert(name, value);
        }
    }
    serde_json::from_value(Value::Object(members)).map_err(|error| {
        Error::Internal(format!("a change of the catalogue does not read: {error}"))
    })
}
