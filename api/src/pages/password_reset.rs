//! The page that sets another password, for whoever has its link from a mail. Opening it changes nothing: programs that
//! scan mails open every link.

use flightdesk_core::Error;
use flightdesk_core::html::escape;
use poem::http::StatusCode;
use poem::web::{Data, Form, Query};
use poem::{Response, handler};
use serde::Deserialize;

use super::html;
use crate::app::App;
use crate::resources::passwords::{look_up, set_password};

/// What our links carry.
#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    link: String,
}

/// What the form sends.
#[derive(Deserialize)]
struct NewPassword {
    password: String,
}

/// The page with the form.
#[handler]
pub async fn show(Data(app): Data<&App>, Query(query): Query<Link>) -> Response {
    match look_up(app, &query.link).await {
        Ok(Some(_)) => form(StatusCode::OK, &query.link, ""),
        Ok(None) => unknown(),
        Err(error) => cannot_show(&error),
    }
}

/// What the form does.
#[handler]
pub async fn set(
    Data(app): Data<&App>,
    Query(query): Query<Link>,
    sent: poem::Result<Form<NewPassword>>,
) -> Response {
    let whose = match look_up(app, &query.link).await {
        Ok(Some(whose)) => whose,
        Ok(None) => return unknown(),
        Err(error) => return cannot_show(&error),
    };
    let Ok(Form(NewPassword { password })) = sent else {
        return form(StatusCode::UNPROCESSABLE_ENTITY, &query.link, "");
    };
    match set_password(app, &whose, "password", password).await {
        Ok(()) => html::page(
            StatusCode::OK,
            false,
            "Your password is changed",
            "<p>Thank you. Everybody who was logged in to your account is logged out: log in with the new password.</p>",
        ),
        Err(Error::Invalid(wrong)) => match wrong.iter().find(|wrong| wrong.field == "password") {
            Some(wrong) => {
                let said = format!("The password {}.", wrong.message);
                form(StatusCode::UNPROCESSABLE_ENTITY, &query.link, &said)
            }
            None => unknown(),
        },
        Err(error) => cannot_show(&error),
    }
}

fn form(status: StatusCode, token: &str, wrong: &str) -> Response {
    let said = if wrong.is_empty() {
        String::new()
    } else {
        format!("<p role=\"alert\"><strong>{}</strong></p>", escape(wrong))
    };
    let body = format!(
        "{said}<form method=\"post\" action=\"/reset-password?link={}\"><p><label>New password, at least 10 characters<br><input type=\"password\" name=\"password\" autocomplete=\"new-password\" minlength=\"10\" maxlength=\"200\" required></label></p><button class=\"button\">Set the password</button></form>",
        escape(token)
    );
    html::page(status, false, "Set a new password", &body)
}

fn unknown() -> Response {
    html::page(
        StatusCode::NOT_FOUND,
        false,
        "This link does not work",
        "<p>The link was used before, has expired, or is incomplete. Copy the whole link from the newest mail, or ask for a new one.</p>",
    )
}

fn cannot_show(error: &Error) -> Response {
    tracing::warn!(%error, "the page that sets a password could not be made");
    html::page(
        StatusCode::SERVICE_UNAVAILABLE,
        false,
        "One moment",
        "<p>Your password cannot be changed at the moment. Please open the link again in a minute.</p>",
    )
}
