//! Which errors say that the database is away, and which that it was asked something wrong.

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// Why no process may use a pooler that gives one client's prepared statement to another.
pub(crate) const MIXED_UP_STATEMENTS: &str = "it is a pooler in transaction mode that mixes up prepared statements; PgBouncer must be \
     1.21 or newer and have max_prepared_statements above 0, or pool_mode = session";

/// Whether the database is away, overloaded, failing over or misconfigured, rather than asked something wrong: the same
/// statement succeeds once that has passed.
///
/// The one place that says so: a request is answered 503, a job waits, a periodic task comes again.
pub fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::WorkerCrashed
        // A balancer or pooler that closes in the middle of a message: an end of file is this error of sqlx.
        | sqlx::Error::Protocol(_)
        // Reading a certificate, a wrong `sslmode`: for operators, never the caller's mistake.
        | sqlx::Error::Configuration(_)
        // A transaction whose beginning was lost with its server connection.
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(error) => is_fatal(error.as_ref()) || error.code().is_some_and(|code| is_away_code(&code)),
        _ => false,
    }
}

/// Errors that end the session: refused passwords and parameters, shutdowns, everything that a pooler has to say.
fn is_fatal(error: &dyn DatabaseError) -> bool {
    error
        .try_downcast_ref::<PgDatabaseError>()
        .is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic))
}

/// What a pooler that keeps no track of prepared statements makes of them.
pub(crate) fn is_of_a_mixed_up_statement(error: &dyn DatabaseError) -> bool {
    error
        .code()
        .is_some_and(|code| matches!(&*code, "26000" | "42P05"))
}

/// By class and code (<https://www.postgresql.org/docs/17/errcodes-appendix.html>).
fn is_away_code(code: &str) -> bool {
    const CLASSES: [&str; 6] = [
        "08",  // connection
        "28",  // authorisation
        "40",  // serialisation failure, deadlock
        "53",  // disk, memory, connections
        "57P", // shutdown, start, dropped database
        "58",  // the server's disk
    ];
    const CODES: [&str; 8] = [
        "25006", // read-only: a standby, or a primary that became one
        "25P03", // idle in transaction for too long
        "25P04", // transaction timeout
        "26000", // a prepared statement that another server connection has
        "3D000", // no such database
        "42P05", // a prepared statement whose name another client behind a pooler has taken
        "55P03", // lock timeout
        "57014", // statement timeout
    ];
    CLASSES.iter().any(|class| code.starts_with(class)) || CODES.contains(&code)
}

/// What is the matter with the database, as a clause for operators: no address, no password.
pub fn explain(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::PoolTimedOut => "no connection was free in time".to_owned(),
        sqlx::Error::Io(error) => certificate(&error.to_string()),
        sqlx::Error::Tls(error) => certificate(&error.to_string()),
        sqlx::Error::Protocol(_) => {
            "the connection was cut in the middle of an answer, or what answers is not PostgreSQL"
                .to_owned()
        }
        sqlx::Error::Configuration(error) => error.to_string(),
        sqlx::Error::Database(error) => {
            let (code, message) = (error.code().unwrap_or_default(), error.message());
            match &*code {
                "25006" => "it is read-only: a standby, or a primary that became one".to_owned(),
                "26000" | "42P05" => MIXED_UP_STATEMENTS.to_owned(),
                "28P01" | "28000" => "it refuses the user or the password".to_owned(),
                "3D000" => "it has no database of that name".to_owned(),
                "53300" => format!("it takes no more connections ({message})"),
                "57P03" => format!("it is starting or stopping ({message})"),
                _ if message.contains("startup parameter")
                    || message.contains("configuration parameter") =>
                {
                    format!("it refuses a start-up parameter ({message})")
                }
                _ => message.to_owned(),
            }
        }
        other => other.to_string(),
    }
}

/// What is wrong with a connection, and the setting that mends it when it is the certificate.
fn certificate(error: &str) -> String {
    let is_of_another = ["UnknownIssuer", "BadSignature"];
    let hint = if is_of_another.iter().any(|why| error.contains(why)) {
        "; DATABASE_CA_FILE names the authority that is trusted"
    } else {
        ""
    };
    format!("{error}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_from_what_was_asked_wrong() {
        for code in [
            "08006", "08P01", "25006", "26000", "28P01", "3D000", "42P05", "40001", "40P01",
            "53300", "57014", "57P01", "57P03", "25P03", "58030",
        ] {
            assert!(is_away_code(code), "{code}");
        }
        for code in [
            "23505", "23514", "42601", "42P01", "22001", "25001", "57000", "0A000",
        ] {
            assert!(!is_away_code(code), "{code}");
        }
        let end_of_file =
            sqlx::Error::Protocol("expected to read 5 bytes, got 0 bytes at EOF".to_owned());
        assert!(is_away(&end_of_file));
        assert!(!is_away(&sqlx::Error::RowNotFound));
    }
}
