//! What happens around every request, from the outside in: [`log`], [`history`], [`headers`], [`compress`], [`hint`],
//! [`limit`], [`problems`], [`deadline`], [`acts`] and [`check`].

mod acts;
mod check;
mod compress;
mod deadline;
mod headers;
mod hint;
mod history;
mod limit;
mod log;
mod problems;

use std::sync::Arc;

use poem::{Endpoint, EndpointExt, Response};

use crate::app::App;
use crate::openapi::query::Operations;
use hint::Hints;
use history::History;

/// What the middleware of one process has in common.
pub struct Shared {
    app: App,
    operations: Operations,
    hints: Hints,
    history: History,
}

/// The routes with everything around them. Call it within a Tokio runtime.
pub fn around(
    routes: impl Endpoint + 'static,
    app: App,
    operations: Operations,
) -> impl Endpoint<Output = Response> {
    let shared = Arc::new(Shared {
        hints: Hints::new(app.background.clone()),
        history: History::new(app.background.clone(), app.clock.clone()),
        app,
        operations,
    });
    // Each step owns a handle of its own.
    let handle = || shared.clone();
    let (checks, times, errors) = (handle(), handle(), handle());
    let (limits, hints, protection) = (handle(), handle(), handle());
    let (origins, histories) = (handle(), handle());
    // Boxed now and then: one type of all steps is too deep for the compiler.
    routes
        .around(move |next, request| check::check(checks.clone(), next, request))
        .boxed()
        .around(move |next, request| acts::acts(origins.clone(), next, request))
        .around(move |next, request| deadline::deadline(times.clone(), next, request))
        .around(move |next, request| problems::problems(errors.clone(), next, request))
        .boxed()
        .around(move |next, request| limit::limit(limits.clone(), next, request))
        .around(move |next, request| hint::hint(hints.clone(), next, request))
        .boxed()
        .around(compress::compress)
        .around(move |next, request| headers::protect(protection.clone(), next, request))
        .around(move |next, request| history::history(histories.clone(), next, request))
        .boxed()
        .around(log::log)
        .boxed()
}
