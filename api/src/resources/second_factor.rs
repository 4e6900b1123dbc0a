//! The second factor of a person's log-ins: an authenticator app, and recovery codes.

use flightdesk_core::account::{self, FactorState, Known, NewFactor};
use flightdesk_core::error::{Error, Violations};
use flightdesk_core::ids::AccountId;
use flightdesk_core::seller;
use poem::Request;
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::{Created, Resource};
use crate::http::body::{Checked, Rules};
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::views::Instant;

/// Second factors.
pub struct SecondFactors;

/// The password again
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct BeginSecondFactor {
    #[oai(validator(min_length = 1, max_length = 200), write_only)]
    password: String,
}

/// That the app works
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ConfirmSecondFactor {
    /// Six digits that the app shows
    #[oai(validator(min_length = 6, max_length = 20), write_only)]
    code: String,
}

/// The password and a code again
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RemoveSecondFactor {
    #[oai(validator(min_length = 1, max_length = 200), write_only)]
    password: String,
    /// Six digits that the app shows, or a recovery code
    #[oai(validator(min_length = 6, max_length = 40), write_only)]
    code: String,
}

/// How an account stands with a second factor
#[derive(Debug, Object)]
pub struct SecondFactor {
    /// Since when log-ins ask for a code; `null` while they do not
    confirmed_at: Option<Instant>,
    /// Recovery codes that are left
    recovery_codes: u32,
}

/// What an authenticator app is set up with, shown this once
#[derive(Debug, Object)]
pub struct NewSecondFactor {
    /// Base32, to be typed into the app
    secret: String,
    /// To be shown as a QR code, made in the page: it is a secret
    uri: String,
}

/// Codes for when the app is lost, shown this once
#[derive(Debug, Object)]
pub struct RecoveryCodes {
    /// Each is good for one log-in
    recovery_codes: Vec<String>,
}

/// The answer to a removal
#[derive(ApiResponse)]
pub enum FactorRemoved {
    /// Log-ins ask for the password alone
    #[oai(status = 204)]
    NoContent,
}

impl Resource for NewSecondFactor {
    fn path(_: &Value) -> String {
        "/v1/second-factor".to_owned()
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl SecondFactors {
    /// Whether log-ins ask for a second factor
    ///
    /// And how many recovery codes are left.
    #[oai(
        path = "/second-factor",
        method = "get",
        operation_id = "get_second_factor"
    )]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Session>,
    ) -> Result<Json<SecondFactor>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let state = account::factor_state(&mut conn, principal.account_id).await?;
        Ok(Json(state.into()))
    }

    /// Set up an authenticator app
    ///
    /// Answers the secret of a new factor (TOTP: SHA-1, six digits, 30 seconds), which log-ins do not ask for before it is
    /// confirmed. Needs the password again. Beginning again makes another secret.
    #[oai(
        path = "/second-factor",
        method = "post",
        operation_id = "begin_second_factor"
    )]
    async fn begin(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Session>,
        request: &Request,
        body: Checked<BeginSecondFactor>,
    ) -> Result<Created<NewSecondFactor>, ApiError> {
        let account_id = access.look_up(app).await?.account_id;
        show_password(app, request, account_id, body.into_inner().password).await?;
        let mut tx = app.db.begin().await?;
        let account = account::get(&mut tx, account_id).await?;
        let seller = seller::get(&mut tx).await?;
        let secret = &app.settings.secret_key;
        let new =
            account::begin_factor(&mut tx, &app.clock, secret, &account, seller.name()).await?;
        tx.commit().await?;
        Ok(Created::new(new.into()))
    }

    /// Confirm the authenticator app
    ///
    /// With a code that the app shows; from then on every log-in needs one. Answers ten recovery codes.
    #[oai(
        path = "/second-factor/confirm",
        method = "post",
        operation_id = "confirm_second_factor"
    )]
    async fn confirm(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Session>,
        request: &Request,
        body: Checked<ConfirmSecondFactor>,
    ) -> Result<Json<RecoveryCodes>, ApiError> {
        let account_id = access.look_up(app).await?.account_id;
        let who = account_id.to_string();
        app.limits.charge_password(request, &who).await?;
        let code = body.into_inner().code;
        let mut tx = app.db.begin().await?;
        let secret = &app.settings.secret_key;
        let codes = account::confirm_factor(&mut tx, &app.clock, secret, account_id, &code)
            .await
            .map_err(wrong_code)?;
        tx.commit().await?;
        let shown = codes.iter().map(|code| code.expose_secret().to_owned());
        Ok(Json(RecoveryCodes {
            recovery_codes: shown.collect(),
        }))
    }

    /// Take the second factor away
    ///
    /// Needs the password and a code. Who works for the seller may be required to have one.
    #[oai(
        path = "/second-factor/removal",
        method = "post",
        operation_id = "remove_second_factor"
    )]
    async fn remove(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Session>,
        request: &Request,
        body: Checked<RemoveSecondFactor>,
    ) -> Result<FactorRemoved, ApiError> {
        let account_id = access.look_up(app).await?.account_id;
        let RemoveSecondFactor { password, code } = body.into_inner();
        show_password(app, request, account_id, password).await?;
        let mut tx = app.db.begin().await?;
        let secret = &app.settings.secret_key;
        account::take_code(&mut tx, &app.clock, secret, account_id, Some(&code))
            .await
            .map_err(wrong_code)?;
        account::remove_factor(&mut tx, account_id).await?;
        tx.commit().await?;
        Ok(FactorRemoved::NoContent)
    }
}

/// Errors: 422 naming `password` when it is not the account's, 429, 503.
async fn show_password(
    app: &App,
    request: &Request,
    account_id: AccountId,
    password: String,
) -> Result<Known, ApiError> {
    let who = account_id.to_string();
    app.limits.charge_password(request, &who).await?;
    let mut conn = app.db.acquire().await?;
    let stored = account::own_password(&mut conn, account_id).await?;
    // Nobody holds a connection while a password is hashed.
    drop(conn);
    let shown = stored.compare(SecretString::from(password)).await;
    Ok(shown.map_err(|error| match error {
        Error::WrongCredentials => wrong(
            "password",
            "wrong_password",
            "is not the password of this account",
        ),
        error => error,
    })?)
}

fn wrong_code(error: Error) -> Error {
    match error {
        Error::WrongCode => wrong("code", "wrong_code", "is wrong, or was used before"),
        error => error,
    }
}

fn wrong(field: &str, code: &'static str, message: &str) -> Error {
    let mut wrong = Violations::new();
    wrong.add(field, code, message);
    wrong.into_error()
}

impl From<FactorState> for SecondFactor {
    fn from(state: FactorState) -> Self {
        Self {
            confirmed_at: state.confirmed_at.map(Into::into),
            recovery_codes: state.recovery_codes,
        }
    }
}

impl From<NewFactor> for NewSecondFactor {
    fn from(new: NewFactor) -> Self {
        Self {
            secret: new.secret.expose_secret().to_owned(),
            uri: new.uri.expose_secret().to_owned(),
        }
    }
}

impl FromRaw for BeginSecondFactor {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            password: raw.text("password"),
        }
    }
}

impl Rules for BeginSecondFactor {}

impl FromRaw for ConfirmSecondFactor {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            code: raw.text("code"),
        }
    }
}

impl Rules for ConfirmSecondFactor {}

impl FromRaw for RemoveSecondFactor {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            password: raw.text("password"),
            code: raw.text("code"),
        }
    }
}

impl Rules for RemoveSecondFactor {}
