//! `Idempotency-Key`: a repeated POST is one effect.
//!
//! ```ignore
//! async fn create(&self, Data(app): Data<&App>, caller: Caller, #[oai(name = "Idempotency-Key")] once: Once, body: Checked<CreateHold>) -> Result<Created<HoldView>, ApiError> {
//!     caller.require(Scope::Bookings)?;
//!     let mut tx = app.db.begin().await?;
//!     let first = match once.begin(&mut tx, app, &caller, body.digest()).await? {
//!         Begun::Replay(answer) => return Ok(answer),
//!         Begun::First(first) => first,
//!     };
//!     let hold = hold::create(&mut tx, &app.clock, caller.account_id, body.into_inner().try_into()?).await?;
//!     let answer = first.answer(&mut tx, app, HoldView::from(hold)).await?;
//!     tx.commit().await?;
//!     Ok(answer)
//! }
//! ```

use std::marker::PhantomData;

use flightdesk_core::account;
use flightdesk_core::error::FieldError;
use flightdesk_core::idempotency::{self as core, Guard, Key};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::types::ToJSON;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::answer::Answer;
use crate::app::App;
use crate::error::ApiError;

const HEADER: &str = "Idempotency-Key";

/// The `Idempotency-Key` of a request, if it has one, and what it asks for apart from the body.
#[derive(Debug)]
pub struct Once {
    key: Option<Key>,
    method_and_path: String,
}

/// What to do with a request.
#[derive(Debug)]
pub enum Begun<T, const STATUS: u16> {
    /// It came before: answer this.
    Replay(Answer<T, STATUS>),
    /// Do the work, then [`First::answer`].
    First(First),
}

/// The duty to store the answer in the transaction of the effect.
#[derive(Debug)]
#[must_use = "the answer must be stored with the effect"]
pub struct First(Option<Guard>);

impl Once {
    /// Claims the key for this transaction; without a key every request is a first one.
    ///
    /// Errors: 409 `idempotency_key_in_progress`, 422 `idempotency_key_reused`.
    pub async fn begin<T: ToJSON, const STATUS: u16>(
        self,
        conn: &mut PgConnection,
        app: &App,
        caller: &account::Caller,
        body_digest: [u8; 32],
    ) -> Result<Begun<T, STATUS>, ApiError> {
        let Some(key) = self.key else {
            return Ok(Begun::First(First(None)));
        };
        let hash = Sha256::new()
            .chain_update(self.method_and_path)
            .chain_update([0])
            .chain_update(body_digest)
            .finalize()
            .into();
        match core::begin(conn, &app.clock, caller.account_id, key, hash).await? {
            core::Begun::Replay(stored) => Ok(Begun::Replay(Answer::replay(stored.body))),
            core::Begun::Fresh(guard) => Ok(Begun::First(First(Some(guard)))),
        }
    }
}

impl First {
    /// Writes the answer beside the effect and gives it back; the handler commits and returns it.
    pub async fn answer<T: ToJSON, const STATUS: u16>(
        self,
        conn: &mut PgConnection,
        app: &App,
        view: T,
    ) -> Result<Answer<T, STATUS>, ApiError> {
        let answer = Answer::new(view);
        if let Some(guard) = self.0 {
            guard.store(conn, &app.clock, STATUS, answer.body()).await?;
        }
        Ok(answer)
    }
}

impl<'a> ApiExtractor<'a> for Once {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = PhantomData<()>;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some(
                "Makes a repeated request one effect for 24 hours; visible ASCII, a UUID for example",
            ),
            min_length: Some(1),
            max_length: Some(255),
            pattern: Some("^[!-~]+$".to_owned()),
            ..MetaSchema::new("string")
        })))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        let key = match request.headers().get(HEADER) {
            None => None,
            Some(raw) => Some(
                raw.to_str()
                    .ok()
                    .and_then(Key::parse)
                    .ok_or_else(wrong_key)?,
            ),
        };
        let method_and_path = format!("{} {}", request.method(), request.original_uri().path());
        Ok(Self {
            key,
            method_and_path,
        })
    }
}

fn wrong_key() -> ApiError {
    ApiError::invalid(vec![FieldError {
        field: HEADER.to_owned(),
        code: "format",
        message: "must have 1 to 255 visible ASCII characters".to_owned(),
    }])
}
