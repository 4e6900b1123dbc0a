//! Interline agreements: whose flights an airline's tickets may hold beside its own.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::check::{self, Codes};
use super::{Noun, Pick, document};
use crate::Result;
use crate::error::Violations;

/// Tickets of an airline may hold flights of a partner. The other way round is an agreement of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct InterlineAgreement {
    /// Whose tickets.
    pub airline: String,
    /// Whose flights.
    pub partner: String,
}

impl Noun for InterlineAgreement {
    const NAME: &'static str = "interline agreement";
    const KEY: &'static [&'static str] = &["airline", "partner"];

    fn key(&self) -> String {
        format!("{}.{}", self.airline, self.partner)
    }

    fn check(&self, wrong: &mut Violations) {
        check::code(wrong, "airline", &self.airline, 2, true);
        check::code(wrong, "partner", &self.partner, 2, true);
        if self.airline == self.partner {
            wrong.add("partner", "same_as_airline", "must be another airline");
        }
    }

    async fn check_known(&self, conn: &mut PgConnection, wrong: &mut Violations) -> Result<()> {
        let fields = [
            ("airline".to_owned(), self.airline.as_str()),
            ("partner".to_owned(), self.partner.as_str()),
        ];
        check::known(conn, wrong, Codes::Airlines, &fields).await
    }

    async fn read(conn: &mut PgConnection, pick: Pick<'_>) -> Result<Vec<Self>> {
        let (one, after, limit) = pick.arguments();
        let rows = sqlx::query_as!(
            Self,
            r#"
            select airline, partner from interline_agreement, lateral (select airline || '.' || partner as key) as named
            where ($1::text is null or key = $1) and ($2::text is null or key collate "C" > $2)
            order by key collate "C" limit $3
            "#,
            one,
            after,
            limit,
        );
        Ok(rows.fetch_all(conn).await?)
    }

    async fn write(conn: &mut PgConnection, rows: &[Self]) -> Result<u64> {
        let written = sqlx::query!(
            "
            insert into interline_agreement (airline, partner)
            select airline, partner from jsonb_to_recordset($1) as row (airline text, partner text)
            on conflict on constraint interline_agreement_pkey do nothing
            ",
            document(rows)?,
        )
        .execute(conn)
        .await?;
        Ok(written.rows_affected())
    }

    async fn delete(&self, conn: &mut PgConnection) -> Result<()> {
        sqlx::query!(
            "delete from interline_agreement where airline = $1 and partner = $2",
            self.airline,
            self.partner,
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}
