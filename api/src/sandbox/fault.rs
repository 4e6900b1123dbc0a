//! What the sandbox answers when it refuses, in Stripe's shape (<https://docs.stripe.com/api/errors>).

use serde_json::{Value, json};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub status: u16,
    pub kind: &'static str,
    pub code: Option<&'static str>,
    pub param: Option<String>,
    pub message: String,
    /// Whether the endpoint had begun its work: then the refusal is what the idempotency key replays.
    pub executed: bool,
}

impl Fault {
    /// A request that Stripe does not take: 400, `invalid_request_error`.
    pub fn invalid(param: impl Into<Option<&'static str>>, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "invalid_request_error",
            code: None,
            param: param.into().map(str::to_owned),
            message: message.into(),
            executed: false,
        }
    }

    /// The same with one of <https://docs.stripe.com/error-codes>.
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The same about a parameter whose name is known only at run time.
    pub fn about(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The same with another status.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same, found out after the work had begun.
    pub fn executed(mut self) -> Self {
        self.executed = true;
        self
    }

    /// An object that does not exist: 404 when the address named it, 400 when a parameter did.
    pub fn missing(object: &str, id: &str, param: &'static str) -> Self {
        Self::invalid(param, format!("No such {object}: '{id}'")).code("resource_missing")
    }

    /// The sandbox's own trouble: 500, `api_error`.
    pub fn internal() -> Self {
        Self {
            status: 500,
            kind: "api_error",
            code: None,
            param: None,
            message: "An unknown error occurred".to_owned(),
            executed: false,
        }
    }

    /// The body.
    pub fn body(&self) -> Value {
        let mut error = json!({"type": self.kind, "message": self.message});
        if let Some(code) = self.code {
            error["code"] = json!(code);
            error["doc_url"] = json!(format!(
                "https://docs.stripe.com/error-codes/{}",
                code.replace('_', "-")
            ));
        }
        if let Some(param) = &self.param {
            error["param"] = json!(param);
        }
        json!({"error": error})
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "the sandbox's database failed");
        Self::internal()
    }
}
