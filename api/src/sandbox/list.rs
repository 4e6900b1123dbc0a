//! Lists: newest first, in pages (<https://docs.stripe.com/api/pagination>). `ending_before` is not there.

use serde_json::{Value, json};

use super::fault::Fault;
use super::form::Params;

/// How much of a list is asked for.
pub(super) struct Page {
    pub limit: i64,
    pub starting_after: Option<String>,
}

impl Page {
    /// `limit` from 1 to 100, 10 unless given, and `starting_after`.
    pub fn take(params: &mut Params) -> Result<Self, Fault> {
        let limit = params.integer("limit")?.unwrap_or(10);
        if !(1..=100).contains(&limit) {
            return Err(Fault::invalid(
                "limit",
                "Invalid limit: must be between 1 and 100",
            ));
        }
        Ok(Self {
            limit,
            starting_after: params.take("starting_after"),
        })
    }

    /// Cuts what was read, one more than the limit, to the page, and says whether there is more.
    pub fn cut<T>(&self, mut rows: Vec<T>) -> (Vec<T>, bool) {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        (rows, has_more)
    }
}

/// A range of seconds since 1970, both ends included.
pub(super) struct Created {
    pub from: Option<i64>,
    pub until: Option<i64>,
}

impl Created {
    /// `created` itself or `created[gt|gte|lt|lte]`.
    pub fn take(params: &mut Params) -> Result<Self, Fault> {
        let exact = params.integer("created")?;
        let above = params
            .integer("created[gt]")?
            .map(|at| at.saturating_add(1));
        let below = params
            .integer("created[lt]")?
            .map(|at| at.saturating_sub(1));
        let from = [exact, above, params.integer("created[gte]")?];
        let until = [exact, below, params.integer("created[lte]")?];
        Ok(Self {
            from: from.into_iter().flatten().max(),
            until: until.into_iter().flatten().min(),
        })
    }
}

/// The list object.
pub(super) fn json(url: &str, data: &[Value], has_more: bool) -> Value {
    json!({"object": "list", "url": url, "has_more": has_more, "data": data})
}
