//! From where a request acts, and that no act of staff goes without its entry in the audit log.

use std::sync::Arc;

use flightdesk_core::audit;
use poem::http::Method;
use poem::{Endpoint, Request, Response};

use super::Shared;
use crate::error::ApiError;

/// Where operations are acts: those of staff, and those on API keys.
const ACTS: [&str; 2] = ["/v1/admin/", "/v1/api-keys"];

/// Runs a request from its address. One that succeeded as an act and has neither recorded it nor said that nothing was
/// done is a mistake of ours: the log says so, and in a debug build the answer is 500, so that any test that calls the
/// operation fails.
pub async fn acts(
    shared: Arc<Shared>,
    next: Arc<impl Endpoint<Output = Response>>,
    request: Request,
) -> poem::Result<Response> {
    let address = shared.app.limits.address(&request);
    audit::within(address, judged(next, request)).await
}

async fn judged(
    next: Arc<impl Endpoint<Output = Response>>,
    request: Request,
) -> poem::Result<Response> {
    let is_act = is_act(request.method(), request.uri().path());
    let response = next.call(request).await?;
    let is_replay = response.headers().contains_key("idempotent-replayed");
    let is_owed = is_act && response.status().is_success() && !is_replay;
    if is_owed && !audit::is_accounted_for() {
        tracing::error!("an act left no entry in the audit log");
        if cfg!(debug_assertions) {
            return Err(ApiError::internal("an act left no entry in the audit log").into());
        }
    }
    Ok(response)
}

fn is_act(method: &Method, path: &str) -> bool {
    let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    !is_safe && ACTS.iter().any(|acts| path.starts_with(acts))
}

#[cfg(test)]
mod tests {
    use flightdesk_core::audit;
    use poem::http::{Method, StatusCode};
    use poem::{Endpoint, EndpointExt, Request, Response, handler};

    use super::judged;

    #[handler]
    fn forgets() -> &'static str {
        "done"
    }

    #[handler]
    fn does_nothing() -> &'static str {
        audit::nothing_done();
        "done before"
    }

    async fn answer(
        endpoint: impl Endpoint<Output = Response> + 'static,
        call: (Method, &'static str),
    ) -> StatusCode {
        let guarded = endpoint.around(judged);
        let (method, path) = call;
        let request = Request::builder().method(method).uri_str(path).finish();
        audit::within(None, guarded.get_response(request))
            .await
            .status()
    }

    #[tokio::test]
    async fn an_act_that_leaves_no_entry_fails_where_tests_call_it() {
        let retry = (Method::POST, "/v1/admin/jobs/1/retry");
        let failed = answer(forgets, retry.clone()).await;
        assert_eq!(failed, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer(does_nothing, retry).await, StatusCode::OK);
        for other in [
            (Method::GET, "/v1/admin/jobs"),
            (Method::POST, "/v1/bookings"),
        ] {
            assert_eq!(answer(forgets, other).await, StatusCode::OK);
        }
    }
}
