//! Passwords: another one, by the old one or by a link in a mail.

use flightdesk_core::account::{self, ResetLinks, Resettable};
use flightdesk_core::email::EmailAddress;
use flightdesk_core::error::{Error, Violations};
use poem::Request;
use poem::web::Data;
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::SecretString;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::body::{Checked, Rules};
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;

/// Passwords.
pub struct Passwords;

/// Who has forgotten the password
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RequestPasswordReset {
    /// The address of the account, in any case
    #[oai(validator(min_length = 3, max_length = 254))]
    email: String,
}

/// A new password by the link of a mail
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ConfirmPasswordReset {
    /// What stands in the link after `link=`
    #[oai(validator(min_length = 1, max_length = 500), write_only)]
    token: String,
    /// At least 10 characters, and not easy to guess
    #[oai(validator(min_length = 10, max_length = 200), write_only)]
    password: String,
}

/// A new password by the old one
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ChangePassword {
    /// The old one
    #[oai(validator(min_length = 1, max_length = 200), write_only)]
    current_password: String,
    /// At least 10 characters, and not easy to guess
    #[oai(validator(min_length = 10, max_length = 200), write_only)]
    new_password: String,
}

/// Taken, whoever the address belongs to
#[derive(ApiResponse)]
pub enum ResetRequested {
    /// If an account has this address, a mail with a link is on its way
    #[oai(status = 202)]
    Accepted,
}

/// The answer to a change
#[derive(ApiResponse)]
pub enum PasswordChanged {
    /// The account has the new password, and all its sessions have ended
    #[oai(status = 204)]
    NoContent,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl Passwords {
    /// Ask for a new password
    ///
    /// Mails a link to the account that has this address; it works once, for 30 minutes. The answer is the same when there
    /// is none, so that nobody learns who has an account. Counts as a sign-up for the rate limit.
    #[oai(
        path = "/password-resets",
        method = "post",
        operation_id = "request_password_reset"
    )]
    async fn request(
        &self,
        Data(app): Data<&App>,
        body: Checked<RequestPasswordReset>,
    ) -> Result<ResetRequested, ApiError> {
        let email = body.into_inner().address()?;
        let mut tx = app.db.begin().await?;
        account::request_password_reset(&mut tx, &app.clock, &email).await?;
        tx.commit().await?;
        Ok(ResetRequested::Accepted)
    }

    /// Set a new password by a link
    ///
    /// Ends every session of the account, and verifies its address: only whoever reads its mails has the link. API keys
    /// stay.
    #[oai(
        path = "/password-resets/confirm",
        method = "post",
        operation_id = "confirm_password_reset"
    )]
    async fn confirm(
        &self,
        Data(app): Data<&App>,
        body: Checked<ConfirmPasswordReset>,
    ) -> Result<PasswordChanged, ApiError> {
        let ConfirmPasswordReset { token, password } = body.into_inner();
        let Some(whose) = look_up(app, &token).await? else {
            return Err(used_up().into());
        };
        set_password(app, &whose, "password", password).await?;
        Ok(PasswordChanged::NoContent)
    }

    /// Change the password
    ///
    /// Ends every session of the account, also the one that the request is made in: log in again with the new password.
    /// API keys stay.
    #[oai(
        path = "/account/password",
        method = "put",
        operation_id = "change_password"
    )]
    async fn change(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        request: &Request,
        body: Checked<ChangePassword>,
    ) -> Result<PasswordChanged, ApiError> {
        let principal = access.look_up(app).await?;
        let body = body.into_inner();
        let account_id = principal.account_id;
        let who = account_id.to_string();
        app.limits.charge_password(request, &who).await?;
        let mut conn = app.db.acquire().await?;
        let whose = account::find_resettable(&mut conn, account_id).await?;
        let whose = whose.ok_or(Error::NotFound("account"))?;
        let stored = account::own_password(&mut conn, account_id).await?;
        // Nobody holds a connection while a password is hashed.
        drop(conn);
        let new = whose.check("new_password", body.new_password)?;
        let shown = SecretString::from(body.current_password);
        let known = stored.compare(shown).await.map_err(wrong_password)?;
        let hash = new.hash().await?;
        let mut tx = app.db.begin().await?;
        account::change_password(&mut tx, &app.clock, &known, &hash)
            .await
            .map_err(wrong_password)?;
        tx.commit().await?;
        Ok(PasswordChanged::NoContent)
    }
}

/// Whose password the token of a link replaces; `None` when it does nothing any more.
pub async fn look_up(app: &App, token: &str) -> Result<Option<Resettable>, Error> {
    let Some(link) = ResetLinks::new(&app.settings).open(token) else {
        return Ok(None);
    };
    let mut conn = app.db.acquire().await?;
    account::look_up_reset(&mut conn, &app.clock, &link).await
}

/// Sets the password of whoever came by a link. Errors: 422 naming `field` when it is too weak, or the link, when it was
/// used meanwhile.
pub async fn set_password(
    app: &App,
    whose: &Resettable,
    field: &str,
    password: String,
) -> Result<(), Error> {
    let hash = whose.check(field, password)?.hash().await?;
    let mut tx = app.db.begin().await?;
    account::reset_password(&mut tx, &app.clock, whose, &hash)
        .await
        .map_err(|error| match error {
            Error::WrongCredentials => used_up(),
            error => error,
        })?;
    Ok(tx.commit().await?)
}

fn used_up() -> Error {
    let message = "ask for a new mail: this link was used, has expired, or is incomplete";
    wrong("token", "link_expired", message)
}

fn wrong_password(error: Error) -> Error {
    match error {
        Error::WrongCredentials => wrong(
            "current_password",
            "wrong_password",
            "is not the password of this account",
        ),
        error => error,
    }
}

fn wrong(field: &str, code: &'static str, message: &str) -> Error {
    let mut wrong = Violations::new();
    wrong.add(field, code, message);
    wrong.into_error()
}

impl RequestPasswordReset {
    fn address(&self) -> Result<EmailAddress, Error> {
        EmailAddress::parse(&self.email).map_err(|message| wrong("email", "email", &message))
    }
}

impl FromRaw for RequestPasswordReset {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            email: raw.text("email"),
        }
    }
}

impl Rules for RequestPasswordReset {
    fn rules(self, _app: &App) -> Result<(), Error> {
        self.address().map(drop)
    }
}

impl FromRaw for ConfirmPasswordReset {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            token: raw.text("token"),
            password: raw.text("password"),
        }
    }
}

impl Rules for ConfirmPasswordReset {}

impl FromRaw for ChangePassword {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            current_password: raw.text("current_password"),
            new_password: raw.text("new_password"),
        }
    }
}

impl Rules for ChangePassword {}
