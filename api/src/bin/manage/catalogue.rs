//! Schema, fixtures and the API's document.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use flightdesk_core::audit::{self, Act};
use flightdesk_core::config::Settings;
use flightdesk_core::db::{self, MIGRATOR};
use flightdesk_core::{Clock, fixtures};
use serde_json::{Map, json};
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::connect;
use crate::output;

/// Applies the migrations that are missing and names them.
pub(crate) async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let mut conn = connect::database(settings).await?;
    let turn = take_turn(settings).await?;
    let before = applied(&mut conn).await?;
    let mut migrator = Migrator {
        migrations: Cow::Borrowed(&MIGRATOR.migrations),
        ..Migrator::DEFAULT
    };
    migrator.set_locking(false);
    migrator.run(&mut conn).await.map_err(explained)?;
    if settings.database.direct_database_url.is_some() {
        set_role(settings, &mut conn).await?;
    }
    drop(turn);
    let after = applied(&mut conn).await?;
    let mut count = 0;
    for migration in MIGRATOR.iter() {
        if after.contains(&migration.version) && !before.contains(&migration.version) {
            output::line(&format!(
                "applied {} {}",
                migration.version, migration.description
            ));
            count += 1;
        }
    }
    if count == 0 {
        output::line(&format!(
            "nothing to migrate: all {} are applied",
            after.len()
        ));
    }
    Ok(())
}

/// Waits until no other process migrates. The lock is released with the connection.
///
/// sqlx' own lock is of a session. Behind a pooler the session is another's a moment later, and the lock stays: this one
/// is of a transaction, on a connection that does nothing else.
async fn take_turn(settings: &Settings) -> anyhow::Result<PgConnection> {
    let mut conn = connect::database(settings).await?;
    for statement in ["begin", "set local idle_in_transaction_session_timeout = 0"] {
        sqlx::raw_sql(statement).execute(&mut conn).await?;
    }
    // Asked again and again: a statement that waits keeps a snapshot, for which `create index concurrently` would wait.
    let turn = "select pg_try_advisory_xact_lock(hashtextextended('flightdesk migrate', 0))";
    while !sqlx::query_scalar::<_, bool>(turn)
        .fetch_one(&mut conn)
        .await?
    {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(conn)
}

/// Makes what sessions are set to the default of the role that `DATABASE_URL` names, in this database: a pooler gives
/// each transaction a session that we have not set.
async fn set_role(settings: &Settings, conn: &mut PgConnection) -> anyhow::Result<()> {
    let role = db::role(&settings.database)?;
    for (name, value) in db::role_settings(&settings.database) {
        let statement: String = sqlx::query_scalar(
            "select format('alter role %I in database %I set %s = %L', $1, current_database(), $2, $3)",
        )
        .bind(&role)
        .bind(name)
        .bind(value)
        .fetch_one(&mut *conn)
        .await?;
        sqlx::raw_sql(AssertSqlSafe(statement.clone()))
            .execute(&mut *conn)
            .await
            .with_context(|| format!("run this as the owner of the role: {statement}"))?;
    }
    Ok(())
}

async fn applied(conn: &mut PgConnection) -> anyhow::Result<BTreeSet<i64>> {
    conn.ensure_migrations_table(&MIGRATOR.table_name).await?;
    let applied = conn.list_applied_migrations(&MIGRATOR.table_name).await?;
    Ok(applied
        .into_iter()
        .map(|migration| migration.version)
        .collect())
}

fn explained(error: MigrateError) -> anyhow::Error {
    match error {
        MigrateError::VersionMissing(version) => anyhow::anyhow!(
            "the database has migration {version}, which this program does not know: it is older than the database"
        ),
        MigrateError::VersionMismatch(version) => anyhow::anyhow!(
            "migration {version} was changed after it was applied: restore its file and add a new one"
        ),
        other => other.into(),
    }
}

/// Loads the files of a folder in one transaction.
pub(crate) async fn load(settings: &Settings, clock: &Clock, dir: &Path) -> anyhow::Result<()> {
    let fixtures = fixtures::read(dir)
        .with_context(|| format!("cannot load {} (choose a folder with --dir)", dir.display()))?;
    let mut conn = connect::database(settings).await?;
    require_migrated(&mut conn).await?;
    note_currency(settings);
    let mut tx = conn.begin().await?;
    let mut changed = Map::new();
    fixtures::load(&mut tx, &fixtures, |loaded| {
        if loaded.changed > 0 {
            changed.insert(loaded.table.to_owned(), loaded.changed.into());
        }
        output::line(&format!(
            "{:20} {:>6} rows, {:>6} changed",
            loaded.table, loaded.rows, loaded.changed
        ));
    })
    .await?;
    let loaded = Act {
        action: "catalogue_loaded",
        object_kind: "catalogue",
        object_id: "fixtures".to_owned(),
        before: None,
        after: Some(json!({ "changed_rows": changed })),
    };
    audit::record(&mut tx, clock, &loaded).await?;
    tx.commit().await?;
    Ok(())
}

/// Prints or writes the OpenAPI document.
pub(crate) fn openapi(output: Option<&Path>) -> anyhow::Result<()> {
    let document = flightdesk_api::openapi_json();
    match output {
        None => output::line(document.trim_end()),
        Some(path) => std::fs::write(path, document)
            .with_context(|| format!("cannot write {}", path.display()))?,
    }
    Ok(())
}

/// Fails with what to do while the database lacks migrations.
pub(crate) async fn require_migrated(conn: &mut PgConnection) -> anyhow::Result<()> {
    let applied = applied(conn).await?;
    if MIGRATOR
        .iter()
        .any(|migration| !applied.contains(&migration.version))
    {
        bail!("the database lacks migrations: run `manage migrate` first");
    }
    Ok(())
}

/// Says so when the fixtures' amounts are in another currency than the shop's.
pub(crate) fn note_currency(settings: &Settings) {
    let sale = settings.sales.sale_currency.code();
    if sale != fixtures::CURRENCY {
        output::problem(&format!(
            "SALE_CURRENCY is {sale}, but every amount in the fixtures and the generated fares is in {}",
            fixtures::CURRENCY
        ));
    }
}
