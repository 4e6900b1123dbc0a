//! The cookies of a browser's session: no script can read them, and no other site sends them with a change.
//!
//! **Cookies, because a page's own requests are not all of its making.** Event streams and downloads carry no header, and a
//! token in the memory of a page is read by any script that gets into it. `__Host-` and `__Secure-` make browsers refuse
//! cookies that a neighbouring host has set. The access cookie is `Lax`, so that a traveller who comes back from the
//! checkout is logged in; the refresh cookie is `Strict` and goes to `/v1/sessions` alone.

use poem::http::HeaderValue;
use poem::http::header::{COOKIE, SET_COOKIE};
use poem::{IntoResponse, Request, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaResponses, Registry};

/// Has the access token.
pub const ACCESS: &str = "__Host-fd_access";
/// Has the refresh token.
pub const REFRESH: &str = "__Secure-fd_refresh";

/// The value of a cookie of a request.
pub fn find<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let all = request.headers().get_all(COOKIE).iter();
    let pairs = all
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(given, value)| (given == name).then_some(value))
}

/// What sets both cookies, for so many seconds each.
pub fn set(access: (&str, i64), refresh: (&str, i64)) -> [HeaderValue; 2] {
    let access = format!(
        "{ACCESS}={}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Lax",
        access.0, access.1
    );
    let refresh = format!(
        "{REFRESH}={}; Path=/v1/sessions; Max-Age={}; Secure; HttpOnly; SameSite=Strict",
        refresh.0, refresh.1
    );
    // Tokens are letters, digits, dots and dashes.
    [access, refresh]
        .map(|text| HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("")))
}

/// What makes a browser forget both.
pub fn clear() -> [HeaderValue; 2] {
    set(("", 0), ("", 0))
}

/// An answer that sets cookies, or none.
pub struct WithCookies<R> {
    answer: R,
    cookies: Option<[HeaderValue; 2]>,
}

impl<R> WithCookies<R> {
    /// An answer with these cookies.
    pub fn new(answer: R, cookies: Option<[HeaderValue; 2]>) -> Self {
        Self { answer, cookies }
    }
}

impl<R: IntoResponse> IntoResponse for WithCookies<R> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        for cookie in self.cookies.into_iter().flatten() {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

impl<R: ApiResponse> ApiResponse for WithCookies<R> {
    fn meta() -> MetaResponses {
        R::meta()
    }

    fn register(registry: &mut Registry) {
        R::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_by_its_whole_name() {
        let request = Request::builder()
            .header(COOKIE, "theme=dark; __Host-fd_access=a.b.c")
            .header(
                COOKIE,
                "x__Secure-fd_refresh=no;__Secure-fd_refresh=fd_refresh_x",
            )
            .finish();
        assert_eq!(find(&request, ACCESS), Some("a.b.c"));
        assert_eq!(find(&request, REFRESH), Some("fd_refresh_x"));
        assert_eq!(find(&request, "fd_access"), None);
    }
}
