//! The page that verifies an address, for whoever has its link from a mail. Opening it changes nothing: programs that
//! scan mails open every link. Its button verifies.

use flightdesk_core::Error;
use flightdesk_core::account::{self, LinkState, VerificationLinks};
use flightdesk_core::html::escape;
use poem::http::StatusCode;
use poem::web::{Data, Query};
use poem::{Response, handler};
use serde::Deserialize;

use super::html;
use crate::app::App;

/// What our links carry.
#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    link: String,
}

/// The page with the button.
#[handler]
pub async fn show(Data(app): Data<&App>, Query(query): Query<Link>) -> Response {
    let state = look_up(app, &query.link).await;
    state.map_or_else(
        |error| cannot_show(&error),
        |state| page(&state, &query.link),
    )
}

/// What the button does.
#[handler]
pub async fn verify(Data(app): Data<&App>, Query(query): Query<Link>) -> Response {
    let state = use_link(app, &query.link).await;
    state.map_or_else(
        |error| cannot_show(&error),
        |state| page(&state, &query.link),
    )
}

/// Mails a new link to the address of one that has expired.
#[handler]
pub async fn send_again(Data(app): Data<&App>, Query(query): Query<Link>) -> Response {
    match mail_again(app, &query.link).await {
        Ok(LinkState::Expired(account)) => html::page(
            StatusCode::OK,
            false,
            "A new link is on its way",
            &format!(
                "<p>We have sent a new link to {}. It arrives within minutes.</p>",
                escape(&account.email)
            ),
        ),
        Ok(state) => page(&state, &query.link),
        Err(error) => cannot_show(&error),
    }
}

async fn look_up(app: &App, token: &str) -> Result<LinkState, Error> {
    let Some(link) = VerificationLinks::new(&app.settings).open(token) else {
        return Ok(LinkState::Unknown);
    };
    let mut conn = app.db.acquire().await?;
    account::look_up_link(&mut conn, &app.clock, &link).await
}

async fn use_link(app: &App, token: &str) -> Result<LinkState, Error> {
    let Some(link) = VerificationLinks::new(&app.settings).open(token) else {
        return Ok(LinkState::Unknown);
    };
    let mut conn = app.db.acquire().await?;
    account::verify_email(&mut conn, &app.clock, &link).await
}

async fn mail_again(app: &App, token: &str) -> Result<LinkState, Error> {
    let state = look_up(app, token).await?;
    if let LinkState::Expired(account) = &state {
        let mut conn = app.db.acquire().await?;
        account::send_verification(&mut conn, &app.clock, account.id).await?;
    }
    Ok(state)
}

fn page(state: &LinkState, token: &str) -> Response {
    let form = |action: &str, label: &str| {
        format!(
            "<form method=\"post\" action=\"{action}?link={}\"><button class=\"button\">{label}</button></form>",
            escape(token)
        )
    };
    let (status, title, body) = match state {
        LinkState::Valid(account) => (
            StatusCode::OK,
            "Verify your e-mail address",
            format!(
                "<p>Is {} your address? Then verify it with this button.</p>{}",
                escape(&account.email),
                form("/verify-email", "Verify the address")
            ),
        ),
        LinkState::Verified(account) => (
            StatusCode::OK,
            "Your e-mail address is verified",
            format!(
                "<p>Thank you: {} is verified. You can close this page.</p>",
                escape(&account.email)
            ),
        ),
        LinkState::Expired(account) => (
            StatusCode::GONE,
            "This link has expired",
            format!(
                "<p>The link was not used in time. We can send a new one to {}.</p>{}",
                escape(&account.email),
                form("/verify-email/again", "Send a new link")
            ),
        ),
        LinkState::Unknown => (
            StatusCode::NOT_FOUND,
            "This link does not work",
            "<p>The link is incomplete, or it belongs to an account that has another address now. Copy the whole link from the newest mail, or ask for a new one where you opened your account.</p>".to_owned(),
        ),
    };
    html::page(status, false, title, &body)
}

fn cannot_show(error: &Error) -> Response {
    tracing::warn!(%error, "the page that verifies an address could not be made");
    html::page(
        StatusCode::SERVICE_UNAVAILABLE,
        false,
        "One moment",
        "<p>Your address cannot be verified at the moment. Please open the link again in a minute.</p>",
    )
}
