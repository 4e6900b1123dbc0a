//! The payment page: plain HTML without scripts, which loads nothing from other sites.

use base64::Engine as _;
use poem::http::{StatusCode, header};
use poem::web::{Data, Form, Path};
use poem::{Response, handler};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

use super::fault::Fault;
use super::object::Session;
use super::pay::{self, Outcome};
use super::{Call, Sandbox, currency};

const STYLE: &str = include_str!("page.css");

/// A click. A button's card goes before the typed number. Neither is logged: no `Debug`.
#[derive(Deserialize)]
struct Click {
    card: Option<String>,
    number: Option<String>,
}

/// Shows the page in the state its session is in.
#[handler]
pub(super) async fn show(Data(sandbox): Data<&Sandbox>, Path(id): Path<String>) -> Response {
    match load(sandbox, &id).await {
        Ok(Some(session)) => session_page(&session, "", StatusCode::OK),
        Ok(None) => not_found(),
        Err(_) => trouble(),
    }
}

/// Tries the card and leads on to the shop when it has paid.
#[handler]
pub(super) async fn submit(
    Data(sandbox): Data<&Sandbox>,
    Path(id): Path<String>,
    click: poem::Result<Form<Click>>,
) -> Response {
    let Ok(Form(click)) = click else {
        return page(
            "Unreadable",
            "<h1>This form cannot be read</h1>",
            None,
            StatusCode::BAD_REQUEST,
        );
    };
    let typed = click.card.or(click.number).unwrap_or_default();
    let card: String = typed
        .chars()
        .filter(|sign| !matches!(sign, ' ' | '-'))
        .collect();
    let tried = attempt(sandbox, &id, &card).await;
    sandbox.wake.notify_one();
    let (outcome, session) = match tried {
        Ok(Some(tried)) => tried,
        Ok(None) => return not_found(),
        Err(_) => return trouble(),
    };
    match outcome {
        Outcome::Paid => Response::builder()
            .status(StatusCode::SEE_OTHER)
            .header(
                header::LOCATION,
                session
                    .success_url
                    .replace("{CHECKOUT_SESSION_ID}", &session.id),
            )
            .header(header::CACHE_CONTROL, "no-store")
            .finish(),
        Outcome::Expired => session_page(&session, "", StatusCode::GONE),
        Outcome::Declined(why) => session_page(&session, &alert(why), StatusCode::PAYMENT_REQUIRED),
        Outcome::Invalid(why) => {
            session_page(&session, &alert(why), StatusCode::UNPROCESSABLE_ENTITY)
        }
        Outcome::Authenticate => page(
            "Confirm the payment",
            &bank_form(&session),
            Some(&session),
            StatusCode::OK,
        ),
    }
}

async fn load(sandbox: &Sandbox, id: &str) -> Result<Option<Session>, Fault> {
    let mut tx = sandbox.db.begin().await?;
    sandbox
        .advance(&mut tx, &Call::of_itself(&sandbox.clock))
        .await?;
    tx.commit().await?;
    let mut conn = sandbox.db.acquire().await?;
    Session::find(&mut conn, id).await
}

async fn attempt(
    sandbox: &Sandbox,
    id: &str,
    card: &str,
) -> Result<Option<(Outcome, Session)>, Fault> {
    let call = Call::of_itself(&sandbox.clock);
    let mut tx = sandbox.db.begin().await?;
    let outcome = pay::attempt(sandbox, &mut tx, &call, id, card).await?;
    tx.commit().await?;
    Ok(outcome.zip(load(sandbox, id).await?))
}

/// The page of a session: a form while it is open, else what became of it.
fn session_page(session: &Session, message: &str, status: StatusCode) -> Response {
    let amount = currency::display(session.amount, &session.currency);
    let (title, body) = match session.status.as_str() {
        "open" => ("Pay", open_form(session, &amount, message)),
        "complete" => {
            let back = session
                .success_url
                .replace("{CHECKOUT_SESSION_ID}", &session.id);
            let body = format!(
                "<h1>Paid</h1><p>You have paid {} for this. Nothing more is to be done here.</p>\
                 <p><a class=\"button\" href=\"{}\">Continue</a></p>",
                escape(&amount),
                escape(&back)
            );
            ("Paid", body)
        }
        _ => (
            "Expired",
            format!(
                "<h1>This page has expired</h1><p>Nothing was charged.</p>{}",
                cancel_link(session)
            ),
        ),
    };
    page(title, &body, Some(session), status)
}

fn open_form(session: &Session, amount: &str, message: &str) -> String {
    let email = session
        .customer_email
        .as_deref()
        .unwrap_or("no e-mail address");
    let minutes = session.expires_at.format("%H:%M UTC");
    format!(
        "<h1><span class=\"amount\">{amount}</span></h1>\
         <p class=\"what\">{what}</p>\
         <dl><dt>For</dt><dd>{email}</dd><dt>Open until</dt><dd>{minutes}</dd></dl>\
         {message}\
         <form method=\"post\">\
         <label for=\"number\">Card number</label>\
         <p class=\"hint\" id=\"hint\">Test cards only. No money moves.</p>\
         <input id=\"number\" name=\"number\" inputmode=\"numeric\" autocomplete=\"off\" maxlength=\"23\" \
         placeholder=\"4242 4242 4242 4242\" aria-describedby=\"hint{described}\"{invalid}>\
         <button class=\"button\">Pay {amount}</button>\
         </form>\
         <form method=\"post\" class=\"quick\"><fieldset><legend>Or choose what happens</legend>\
         <button name=\"card\" value=\"4242424242424242\">Pay</button>\
         <button name=\"card\" value=\"4000000000000002\">Decline</button>\
         <button name=\"card\" value=\"4000000000009995\">Insufficient funds</button>\
         <button name=\"card\" value=\"{asking}\">Ask the bank (3D Secure)</button>\
         <button name=\"card\" value=\"4000000000000259\">Pay and dispute it</button>\
         </fieldset></form>{cancel}",
        amount = escape(amount),
        what = escape(&session.description),
        email = escape(email),
        described = if message.is_empty() { "" } else { " problem" },
        invalid = if message.is_empty() {
            ""
        } else {
            " aria-invalid=\"true\""
        },
        asking = pay::ASKING,
        cancel = cancel_link(session),
    )
}

/// What the traveller's bank would ask.
fn bank_form(session: &Session) -> String {
    format!(
        "<h1>Your bank asks</h1><p>Do you want to pay {}?</p><form method=\"post\" class=\"quick\">\
         <button class=\"button\" name=\"card\" value=\"{}\">Approve</button>\
         <button name=\"card\" value=\"{}\">Refuse</button></form>",
        escape(&currency::display(session.amount, &session.currency)),
        pay::APPROVED,
        pay::REFUSED
    )
}

fn cancel_link(session: &Session) -> String {
    session.cancel_url.as_ref().map_or_else(String::new, |url| {
        format!(
            "<p class=\"back\"><a href=\"{}\">Give up and go back</a></p>",
            escape(url)
        )
    })
}

fn alert(why: &str) -> String {
    format!(
        "<p class=\"alert\" role=\"alert\" id=\"problem\">{}</p>",
        escape(why)
    )
}

fn not_found() -> Response {
    page(
        "Not found",
        "<h1>There is no such payment page</h1>",
        None,
        StatusCode::NOT_FOUND,
    )
}

fn trouble() -> Response {
    let body = "<h1>Something went wrong</h1><p>Nothing was charged. Please try again.</p>";
    page("Trouble", body, None, StatusCode::SERVICE_UNAVAILABLE)
}

/// A whole document. The policy lets in this style and nothing else, and lets the form lead only here and, by the
/// redirect after it, to the shop.
fn page(title: &str, body: &str, session: Option<&Session>, status: StatusCode) -> Response {
    let style = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let shop = session
        .and_then(|session| Url::parse(&session.success_url).ok())
        .map_or_else(String::new, |url| url.origin().ascii_serialization());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self' {shop}; base-uri 'none'; frame-ancestors 'none'"
    );
    let document = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title} · Flightdesk</title><style>{STYLE}</style></head>\
         <body><header><strong>Flightdesk</strong> <span class=\"badge\">Sandbox</span></header>\
         <main>{body}</main></body></html>"
    );
    Response::builder()
        .status(status)
        .content_type("text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, policy)
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::REFERRER_POLICY, "no-referrer")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(document)
}

/// Text as text, in content and in quoted attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn markup_in_texts_stays_text() {
        assert_eq!(
            super::escape("<b a=\"1\">&'"),
            "&lt;b a=&quot;1&quot;&gt;&amp;&#39;"
        );
    }
}
