//! `Idempotency-Key`: a repeated request is one effect.
//!
//! ```ignore
//! async fn create(&self, Data(app): Data<&App>, access: Access<need::Bookings>, #[oai(name = "Idempotency-Key")] once: Once, body: Checked<CreateHold>) -> Result<Created<HoldView>, ApiError> {
//!     let principal = access.look_up(app).await?;
//!     let (tariff, _) = app.catalogue().await?;
//!     once.run(app, &principal, body.digest(), async |tx| {
//!         let (shop, new) = (app.shop(&tariff), body.into_inner().into());
//!         let hold = hold::create(tx, shop, principal.account_id, &new).await?;
//!         Ok(hold.into())
//!     })
//!     .await
//! }
//! ```
//!
//! **`Once::run` owns the transaction of what must happen once.** Begin, claim, work, store the answer and commit
//! are one order that five handlers must not each get right.

use std::marker::PhantomData;

use flightdesk_core::account::Principal;
use flightdesk_core::error::FieldError;
use flightdesk_core::flight;
use flightdesk_core::idempotency::{self as core, Begun, Key};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::types::ToJSON;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::app::App;
use crate::error::ApiError;
use crate::http::answer::Answer;

const HEADER: &str = "Idempotency-Key";

/// The `Idempotency-Key` of a request, if it has one, and what it asks for apart from the body.
#[derive(Debug)]
pub struct Once {
    key: Option<Key>,
    method_and_path: String,
}

impl Once {
    /// Does the work in a transaction that commits with its answer, or answers what the first request with this key got.
    /// Without a key every request is a first one; work that fails leaves nothing, and may be tried again.
    ///
    /// Errors: 409 `idempotency_key_in_progress`, 422 `idempotency_key_reused`, those of the work.
    pub async fn run<T: ToJSON, const STATUS: u16>(
        self,
        app: &App,
        principal: &Principal,
        body_digest: [u8; 32],
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, ApiError>,
    ) -> Result<Answer<T, STATUS>, ApiError> {
        let mut tx = app.db.begin().await?;
        let mut guard = None;
        if let Some(key) = self.key {
            let hash = Sha256::new()
                .chain_update(self.method_and_path)
                .chain_update([0])
                .chain_update(body_digest)
                .finalize()
                .into();
            match core::begin(&mut tx, &app.clock, principal.account_id, key, hash).await? {
                Begun::Replay(stored) => return Ok(Answer::replay(stored.body)),
                Begun::Fresh(fresh) => guard = Some(fresh),
            }
        }
        let answer = match work(&mut tx).await {
            Ok(view) => Answer::new(view),
            Err(problem) => {
                // Its connection goes back first: nobody has two at once.
                tx.rollback().await?;
                return Err(name_flight(app, problem).await);
            }
        };
        if let Some(guard) = guard {
            guard
                .store(&mut tx, &app.clock, STATUS, answer.body())
                .await?;
        }
        tx.commit().await?;
        Ok(answer)
    }
}

/// Says which flight a problem is about, by the name that travellers know.
async fn name_flight(app: &App, problem: ApiError) -> ApiError {
    let Some(id) = problem.flight() else {
        return problem;
    };
    let name = async {
        let mut conn = app.db.acquire().await?;
        flight::label_of(&mut conn, id).await
    };
    match name.await {
        Ok(name) => problem.name_flight(&name),
        Err(_) => problem,
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
