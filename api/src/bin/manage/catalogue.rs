//! Schema, fixtures and the API's document.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail};
use flightdesk_core::config::Settings;
use flightdesk_core::db::MIGRATOR;
use flightdesk_core::fixtures;
use sqlx::migrate::{Migrate, MigrateError};
use sqlx::{Connection, PgConnection};

use crate::connect;
use crate::output;

/// Applies the migrations that are missing and names them.
pub(crate) async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let mut conn = connect::database(settings).await?;
    let before = applied(&mut conn).await?;
    MIGRATOR.run(&mut conn).await.map_err(explained)?;
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
pub(crate) async fn load(settings: &Settings, dir: &Path) -> anyhow::Result<()> {
    let fixtures = fixtures::read(dir)
        .with_context(|| format!("cannot load {} (choose a folder with --dir)", dir.display()))?;
    let mut conn = connect::database(settings).await?;
    require_migrated(&mut conn).await?;
    note_currency(settings);
    let mut tx = conn.begin().await?;
    fixtures::load(&mut tx, &fixtures, |loaded| {
        output::line(&format!(
            "{:20} {:>6} rows, {:>6} changed",
            loaded.table, loaded.rows, loaded.changed
        ));
    })
    .await?;
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
