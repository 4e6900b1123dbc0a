//! Lists: `limit` and an opaque `cursor` in, `{data, next_cursor}` out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flightdesk_core::error::FieldError;
use poem::http::StatusCode;
use poem_openapi::Object;
use poem_openapi::types::{ParseFromJSON, ToJSON, Type};
use uuid::Uuid;

use crate::error::ApiError;
use crate::openapi::raw::Raw;

/// Entries of a page unless the caller says otherwise.
pub const DEFAULT_LIMIT: u32 = 20;
/// Most entries of a page.
pub const MAX_LIMIT: u32 = 100;

/// A page of a list.
#[derive(Debug, Object)]
pub struct Page<T: Type + ParseFromJSON + ToJSON> {
    /// The entries
    pub data: Vec<T>,
    /// Where the next page begins; absent on the last one
    pub next_cursor: Option<String>,
}

/// Which page a caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    limit: u32,
    after: Option<Uuid>,
}

impl PageRequest {
    /// Reads `limit` and `cursor`. Errors: 422 naming the wrong one.
    pub fn parse(limit: Option<u32>, cursor: Option<&str>) -> Result<Self, ApiError> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(wrong("limit", format!("must be 1 to {MAX_LIMIT}")));
        }
        let after = cursor.map(decode).transpose()?;
        Ok(Self { limit, after })
    }

    /// The row after which the page begins.
    pub fn after<Id: From<Uuid>>(self) -> Option<Id> {
        self.after.map(Id::from)
    }

    /// The page of a list that is whole in memory, and the cursor of the next.
    ///
    /// Errors: 410 `cursor_expired` when the entry that the cursor points at is gone.
    pub fn slice<R>(
        self,
        mut rows: Vec<R>,
        id: impl Fn(&R) -> Uuid,
    ) -> Result<(Vec<R>, Option<String>), ApiError> {
        if let Some(after) = self.after {
            let Some(position) = rows.iter().position(|row| id(row) == after) else {
                return Err(ApiError::new(
                    StatusCode::GONE,
                    "cursor_expired",
                    "what the cursor points at is gone: start again with the first page",
                ));
            };
            rows.drain(..=position);
        }
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|last| encode(id(last)));
        Ok((rows, next_cursor))
    }

    /// How many rows to read: one more than the page has, which tells whether another follows.
    pub fn rows(self) -> u32 {
        self.limit + 1
    }

    /// The page of the rows that were read.
    pub fn page<R, T>(self, mut rows: Vec<R>, id: impl Fn(&R) -> Uuid) -> Page<T>
    where
        T: Type + ParseFromJSON + ToJSON + From<R>,
    {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|last| encode(id(last)));
        Page {
            data: rows.into_iter().map(T::from).collect(),
            next_cursor,
        }
    }
}

/// Which page of a list in the order of keys, which are texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPage {
    limit: u32,
    after: Option<String>,
}

impl KeyPage {
    /// Reads `limit` and `cursor`. Errors: 422 naming the wrong one.
    pub fn parse(limit: Option<u32>, cursor: Option<&str>) -> Result<Self, ApiError> {
        let limit = PageRequest::parse(limit, None)?.limit;
        let bytes = cursor.map(|cursor| URL_SAFE_NO_PAD.decode(cursor).ok());
        let key = |bytes| String::from_utf8(bytes).ok().filter(|key| is_key(key));
        let after = match bytes {
            None => None,
            Some(bytes) => Some(bytes.and_then(key).ok_or_else(wrong_cursor)?),
        };
        Ok(Self { limit, after })
    }

    /// The key after which the page begins.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// How many rows to read: one more than the page has, which tells whether another follows.
    pub fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Those of the rows that were read that the page has, and the cursor of the next.
    pub fn cut<R>(&self, rows: &mut Vec<R>, key: impl Fn(&R) -> String) -> Option<String> {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more)?;
        Some(URL_SAFE_NO_PAD.encode(key(last)))
    }
}

/// Keys are short, and nothing in them is invisible.
fn is_key(key: &str) -> bool {
    key.len() <= 200 && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Checks the `limit` and `cursor` of a list of keys. Errors: 422 naming the wrong one.
pub fn check_key_query(query: Raw<'_>) -> Result<(), ApiError> {
    let cursor = query.optional_text("cursor");
    KeyPage::parse(query.integer("limit"), cursor.as_deref()).map(drop)
}

/// Checks the `limit` and `cursor` of a query that does not fit its schema. Errors: 422 naming the wrong one.
pub fn check_query(query: Raw<'_>) -> Result<(), ApiError> {
    let cursor = query.optional_text("cursor");
    PageRequest::parse(query.integer("limit"), cursor.as_deref()).map(drop)
}

fn encode(id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(id.as_bytes())
}

fn decode(cursor: &str) -> Result<Uuid, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| Uuid::from_slice(&bytes).ok())
        .ok_or_else(wrong_cursor)
}

fn wrong_cursor() -> ApiError {
    wrong("cursor", "must be a `next_cursor` of this list".to_owned())
}

fn wrong(field: &str, message: String) -> ApiError {
    ApiError::invalid(vec![FieldError {
        field: field.to_owned(),
        code: "invalid",
        message,
    }])
}
