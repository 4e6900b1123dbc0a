//! The least that an answer from Redis can cost: authentication and one GET of the same bytes.

use clap::Args;
use flightdesk_api::{App, LimitSettings, auth};
use flightdesk_core::Clock;
use flightdesk_core::config::Settings;
use poem::http::{StatusCode, header};
use poem::listener::TcpListener;
use poem::web::{Data, Path};
use poem::{Endpoint, EndpointExt, IntoEndpoint, Request, Response, Route, Server, get, handler};
use redis::AsyncCommands;

/// Where it serves, and with the settings of the api.
#[derive(Args)]
pub struct Baseline {
    #[arg(long, default_value_t = 8_901)]
    port: u16,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    limits: LimitSettings,
}

/// Serves until it is ended.
pub async fn serve(baseline: Baseline) -> anyhow::Result<()> {
    let app = App::new(baseline.settings, baseline.limits, Clock::system())?;
    let server = Server::new(TcpListener::bind(("127.0.0.1", baseline.port)));
    Ok(server.run(routes(app)).await?)
}

fn routes(app: App) -> impl IntoEndpoint<Endpoint = impl Endpoint + 'static> {
    Route::new().at("/kept/:number", get(kept)).data(app)
}

#[handler]
async fn kept(
    request: &Request,
    Data(app): Data<&App>,
    Path(number): Path<u32>,
) -> poem::Result<Response> {
    auth::principal_of(app, request).await?;
    let mut redis = app.redis.clone();
    let bytes: Vec<u8> = redis
        .get(format!("bench:kept:{number}"))
        .await
        .map_err(poem::error::InternalServerError)?;
    let json = "application/json; charset=utf-8";
    let answer = Response::builder().status(StatusCode::OK);
    Ok(answer.header(header::CONTENT_TYPE, json).body(bytes))
}
