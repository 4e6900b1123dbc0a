//! Accounts: sign-up, and what an account says of itself.

use flightdesk_core::account::{self, Account, Details, SignUp};
use flightdesk_core::email::EmailAddress;
use flightdesk_core::error::{Error, Violations};
use poem::Request;
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::{Created, Resource};
use crate::http::body::{Checked, Rules};
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::resources::api_keys::NewApiKeyView;
use crate::views::Instant;

/// Accounts.
pub struct Accounts;

/// A sign-up
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CreateAccount {
    /// Not case-sensitive; plain letters before the `@`, an international domain is kept as `xn--…`
    #[oai(validator(min_length = 3, max_length = 254))]
    email: String,
    /// At least 10 characters, and not easy to guess
    #[oai(validator(min_length = 10, max_length = 200), write_only)]
    password: String,
    #[oai(validator(min_length = 1, max_length = 100))]
    first_name: String,
    #[oai(validator(min_length = 1, max_length = 100))]
    last_name: String,
    /// With the country code, `+91 98765-43210`; kept and answered in E.164
    #[oai(validator(max_length = 40))]
    phone: Option<String>,
}

/// An account
#[derive(Debug, Object)]
#[oai(rename = "Account")]
pub struct AccountView {
    id: Uuid,
    email: String,
    first_name: String,
    last_name: String,
    phone: Option<String>,
    /// `traveller`, `agent`, `staff` or `admin`
    role: String,
    created_at: Instant,
    /// When the link that was mailed to `email` was used; `null` until then
    email_verified_at: Option<Instant>,
}

/// Whose address shall be verified
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RequestVerification {
    /// The address of the account, in any case
    #[oai(validator(min_length = 3, max_length = 254))]
    email: String,
}

/// Taken, whoever the address belongs to
#[derive(ApiResponse)]
pub enum VerificationRequested {
    /// If an account has this address and it is not verified yet, a mail with a new link is on its way
    #[oai(status = 202)]
    Accepted,
}

/// A new account with its first API key
#[derive(Debug, Object)]
pub struct NewAccount {
    account: AccountView,
    api_key: NewApiKeyView,
}

impl Resource for NewAccount {
    fn path(_: &Value) -> String {
        "/v1/account".to_owned()
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Accounts")]
impl Accounts {
    /// Sign up
    ///
    /// Answers the account and its first API key, which may search and book. The key is shown this once. Where an account
    /// needs a verified address before it may hold seats, a link that verifies it is mailed to `email`.
    #[oai(path = "/accounts", method = "post", operation_id = "create_account")]
    async fn create(
        &self,
        Data(app): Data<&App>,
        request: &Request,
        body: Checked<CreateAccount>,
    ) -> Result<Created<NewAccount>, ApiError> {
        let network = app.limits.network(request);
        let form = SignUp::parse(body.into_inner().into())?;
        let hash = form.password().hash().await?;
        let mut tx = app.db.begin().await?;
        let (account, key) = account::sign_up(
            &mut tx,
            &app.clock,
            &form,
            &hash,
            app.key_mode(),
            network.as_deref(),
        )
        .await?;
        if app.settings.sales.require_verified_email {
            account::send_verification(&mut tx, &app.clock, account.id).await?;
        }
        tx.commit().await?;
        Ok(Created::new(NewAccount {
            account: account.into(),
            api_key: key.into(),
        }))
    }

    /// Ask for the verification link again
    ///
    /// Mails a new link to the account that has this address, if its address is not verified yet. The answer is the same
    /// when there is none, so that nobody learns who has an account. Counts as a sign-up for the rate limit.
    #[oai(
        path = "/email-verifications",
        method = "post",
        operation_id = "request_email_verification"
    )]
    async fn request_verification(
        &self,
        Data(app): Data<&App>,
        body: Checked<RequestVerification>,
    ) -> Result<VerificationRequested, ApiError> {
        let email = body.into_inner().address()?;
        let mut tx = app.db.begin().await?;
        account::send_verification_again(&mut tx, &app.clock, &email).await?;
        tx.commit().await?;
        Ok(VerificationRequested::Accepted)
    }

    /// The account of the key
    ///
    /// Who it is and what it may do. Needs the scope `bookings`: it is personal data.
    #[oai(path = "/account", method = "get", operation_id = "get_account")]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
    ) -> Result<Json<AccountView>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        Ok(Json(
            account::get(&mut conn, principal.account_id).await?.into(),
        ))
    }
}

impl From<CreateAccount> for Details {
    fn from(body: CreateAccount) -> Self {
        Self {
            email: body.email,
            password: body.password,
            first_name: body.first_name,
            last_name: body.last_name,
            phone: body.phone,
        }
    }
}

impl RequestVerification {
    fn address(&self) -> Result<EmailAddress, Error> {
        EmailAddress::parse(&self.email).map_err(|message| {
            let mut wrong = Violations::new();
            wrong.add("email", "email", message);
            wrong.into_error()
        })
    }
}

impl FromRaw for RequestVerification {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            email: raw.text("email"),
        }
    }
}

impl FromRaw for CreateAccount {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            email: raw.text("email"),
            password: raw.text("password"),
            first_name: raw.text("first_name"),
            last_name: raw.text("last_name"),
            phone: raw.optional_text("phone"),
        }
    }
}

impl Rules for RequestVerification {
    fn rules(self, _app: &App) -> Result<(), Error> {
        self.address().map(drop)
    }
}

impl Rules for CreateAccount {
    fn rules(self, _app: &App) -> Result<(), Error> {
        SignUp::parse(self.into()).map(drop)
    }
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.0,
            email: account.email,
            first_name: account.first_name,
            last_name: account.last_name,
            phone: account.phone,
            role: account.role.as_str().to_owned(),
            created_at: account.created_at.into(),
            email_verified_at: account.email_verified_at.map(Into::into),
        }
    }
}
