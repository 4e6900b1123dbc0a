//! Searches that were checked a moment ago: the same question is asked again and again, and its codes mean the same.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Duration, Utc};

use super::check::Checked;
use super::input::Search;
use crate::clock::Clock;

/// How long a search counts as checked: a changed catalogue is noticed so much later.
const FRESH: Duration = Duration::seconds(5);
/// Searches that are remembered; with more all are forgotten.
const MOST: usize = 10_000;

/// What [`super::check`] said of a search within the last five seconds. Wrong searches are not remembered.
#[derive(Clone, Debug, Default)]
pub struct CheckedCache(Arc<RwLock<HashMap<Search, Entry>>>);

type Entry = (DateTime<Utc>, Arc<Checked>);

impl CheckedCache {
    /// The checked search, if it is remembered.
    pub fn fresh(&self, clock: &Clock, search: &Search) -> Option<Arc<Checked>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (checked_at, checked) = known.get(search)?;
        let age = clock.now() - *checked_at;
        (Duration::zero()..FRESH)
            .contains(&age)
            .then(|| checked.clone())
    }

    /// Remembers a search that is in order.
    pub fn put(&self, clock: &Clock, search: Search, checked: Checked) -> Arc<Checked> {
        let checked = Arc::new(checked);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(search, (clock.now(), checked.clone()));
        checked
    }
}
