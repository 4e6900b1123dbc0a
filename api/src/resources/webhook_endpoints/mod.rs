//! Webhook endpoints: where an account is told of events, and what became of telling it.

mod forms;
mod views;

use flightdesk_core::ids::{WebhookDeliveryId, WebhookEndpointId};
use flightdesk_core::webhook::{self, Destinations, WebhookSecrets};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::Created;
use crate::http::body::Checked;
use crate::http::optional::Optional;
use crate::http::page::{Page, PageRequest};
use crate::openapi::tags::Tag;
use forms::{CreateWebhookEndpoint, PatchWebhookEndpoint, ReplayWebhooks, RotateWebhookSecret};
use views::{DeliveryStatusView, DeliveryView, EndpointList, EndpointView, RangeReplayView};

/// Webhook endpoints.
pub struct WebhookEndpoints;

/// The answer to an end
#[derive(ApiResponse)]
pub enum Deleted {
    /// Nothing is delivered there any more
    #[oai(status = 204)]
    NoContent,
}

/// What was asked for is on its way
#[derive(ApiResponse)]
pub enum OnItsWay {
    /// It is delivered in a moment, if the endpoint is enabled
    #[oai(status = 202)]
    Accepted(Json<DeliveryView>),
}

fn destinations(app: &App) -> Destinations {
    Destinations::of(&app.settings.webhooks)
}

fn secrets(app: &App) -> WebhookSecrets {
    WebhookSecrets::new(&app.settings.secret_key)
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Webhooks")]
impl WebhookEndpoints {
    /// List webhook endpoints
    ///
    /// All of the account's, oldest first.
    #[oai(
        path = "/webhook-endpoints",
        method = "get",
        operation_id = "list_webhook_endpoints"
    )]
    async fn list(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
    ) -> Result<Json<EndpointList>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let endpoints = webhook::list(&mut conn, &app.clock, principal.account_id).await?;
        let data = endpoints.into_iter().map(EndpointView::from).collect();
        Ok(Json(EndpointList { data }))
    }

    /// Make a webhook endpoint
    ///
    /// What happens to the account's bookings from now on is told there, as `webhooks` of this document shows it, in the
    /// form of Standard Webhooks (<https://www.standardwebhooks.com>): check the header `webhook-signature` with the `secret`,
    /// which is shown this once, and answer 2xx within 10 seconds. What is not answered so comes again for three days; then
    /// the endpoint is disabled, and the account gets a mail. 410 disables it at once. A message may come twice, with the
    /// same `webhook-id`, and messages may overtake each other. An account has at most 10 endpoints.
    #[oai(
        path = "/webhook-endpoints",
        method = "post",
        operation_id = "create_webhook_endpoint"
    )]
    async fn create(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        body: Checked<CreateWebhookEndpoint>,
    ) -> Result<Created<EndpointView>, ApiError> {
        let principal = access.look_up(app).await?;
        let new = body.into_inner().parse(destinations(app))?;
        let mut tx = app.db.begin().await?;
        let (clock, secrets, owner) = (&app.clock, secrets(app), principal.account_id);
        let (endpoint, secret) = webhook::create(&mut tx, clock, &secrets, owner, new).await?;
        tx.commit().await?;
        Ok(Created::new(EndpointView::with_secret(endpoint, &secret)))
    }

    /// Get a webhook endpoint
    ///
    /// Without its secret, which is shown once.
    #[oai(
        path = "/webhook-endpoints/:id",
        method = "get",
        operation_id = "get_webhook_endpoint"
    )]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// The endpoint's id
        id: Path<Uuid>,
    ) -> Result<Json<EndpointView>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let owner = access.principal(&mut conn, app).await?.account_id;
        let endpoint = webhook::get(&mut conn, &app.clock, owner, WebhookEndpointId(id.0)).await?;
        Ok(Json(endpoint.into()))
    }

    /// Change a webhook endpoint
    ///
    /// What the body does not name stays. `status` `disabled` has deliveries wait; `enabled` has them go on, and brings an
    /// endpoint back that was disabled because it failed. What happened while it was disabled comes by
    /// `POST …/replays`.
    #[oai(
        path = "/webhook-endpoints/:id",
        method = "patch",
        operation_id = "patch_webhook_endpoint"
    )]
    async fn patch(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// The endpoint's id
        id: Path<Uuid>,
        body: Checked<PatchWebhookEndpoint>,
    ) -> Result<Json<EndpointView>, ApiError> {
        let owner = access.look_up(app).await?.account_id;
        let change = body.into_inner().parse(destinations(app))?;
        let mut tx = app.db.begin().await?;
        let id = WebhookEndpointId(id.0);
        let endpoint = webhook::update(&mut tx, &app.clock, owner, id, change).await?;
        tx.commit().await?;
        Ok(Json(endpoint.into()))
    }

    /// Delete a webhook endpoint
    ///
    /// Its secrets and its log go with it; what was not delivered yet is not.
    #[oai(
        path = "/webhook-endpoints/:id",
        method = "delete",
        operation_id = "delete_webhook_endpoint"
    )]
    async fn delete(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// The endpoint's id
        id: Path<Uuid>,
    ) -> Result<Deleted, ApiError> {
        let mut tx = app.db.begin().await?;
        let owner = access.principal(&mut tx, app).await?.account_id;
        webhook::delete(&mut tx, owner, WebhookEndpointId(id.0)).await?;
        tx.commit().await?;
        Ok(Deleted::NoContent)
    }

    /// Rotate the secret of a webhook endpoint
    ///
    /// The new `secret` is shown this once. For `overlap_hours` (24 unless the body says otherwise) messages carry two
    /// signatures, the new one first, and either proves them; 0 ends the secret before at once.
    #[oai(
        path = "/webhook-endpoints/:id/secret-rotations",
        method = "post",
        operation_id = "rotate_webhook_secret"
    )]
    async fn rotate(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// The endpoint's id
        id: Path<Uuid>,
        body: Optional<RotateWebhookSecret>,
    ) -> Result<Json<EndpointView>, ApiError> {
        let owner = access.look_up(app).await?.account_id;
        let overlap = body.0.and_then(|body| body.into_inner().overlap_hours);
        let mut tx = app.db.begin().await?;
        let (clock, secrets, id) = (&app.clock, secrets(app), WebhookEndpointId(id.0));
        let (endpoint, secret) =
            webhook::rotate(&mut tx, clock, &secrets, owner, id, overlap).await?;
        tx.commit().await?;
        Ok(Json(EndpointView::with_secret(endpoint, &secret)))
    }

    /// Test a webhook endpoint
    ///
    /// Sends a message of the type `webhook.test`, once. `GET …/deliveries` says what came of it; it counts for nothing else.
    #[oai(
        path = "/webhook-endpoints/:id/tests",
        method = "post",
        operation_id = "test_webhook_endpoint"
    )]
    async fn test(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// The endpoint's id
        id: Path<Uuid>,
    ) -> Result<OnItsWay, ApiError> {
        let owner = access.look_up(app).await?.account_id;
        let mut tx = app.db.begin().await?;
        let id = WebhookEndpointId(id.0);
        let delivery = webhook::test(&mut tx, &app.clock, owner, id).await?;
        tx.commit().await?;
        Ok(OnItsWay::Accepted(Json(delivery.into())))
    }

    /// List what was delivered to a webhook endpoint
    ///
    /// The newest first: what was sent last, what the endpoint answered, and when it is tried again. Kept for 30 days.
    #[oai(
        path = "/webhook-endpoints/:id/deliveries",
        method = "get",
        operation_id = "list_webhook_deliveries"
    )]
    async fn deliveries(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// The endpoint's id
        id: Path<Uuid>,
        /// Only deliveries that stand so
        status: Query<Option<DeliveryStatusView>>,
        /// Entries of a page
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the page before
        cursor: Query<Option<String>>,
    ) -> Result<Json<Page<DeliveryView>>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let owner = access.principal(&mut conn, app).await?.account_id;
        let page = PageRequest::parse(limit.0, cursor.0.as_deref())?;
        let endpoint = webhook::get(&mut conn, &app.clock, owner, WebhookEndpointId(id.0)).await?;
        let (status, rows) = (status.0.map(Into::into), page.rows().into());
        let deliveries =
            webhook::list_deliveries(&mut conn, endpoint.id, status, page.after(), rows).await?;
        Ok(Json(page.page(deliveries, |delivery| delivery.id.0)))
    }

    /// Deliver a message again
    ///
    /// The same message with the same `webhook-id`, at once and with all attempts, whatever became of it before.
    #[oai(
        path = "/webhook-endpoints/:id/deliveries/:delivery_id/replays",
        method = "post",
        operation_id = "replay_webhook_delivery"
    )]
    async fn replay(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// The endpoint's id
        id: Path<Uuid>,
        /// The delivery's id
        delivery_id: Path<Uuid>,
    ) -> Result<OnItsWay, ApiError> {
        let owner = access.look_up(app).await?.account_id;
        let mut tx = app.db.begin().await?;
        let (id, delivery_id) = (WebhookEndpointId(id.0), WebhookDeliveryId(delivery_id.0));
        let delivery = webhook::replay(&mut tx, &app.clock, owner, id, delivery_id).await?;
        tx.commit().await?;
        Ok(OnItsWay::Accepted(Json(delivery.into())))
    }

    /// Deliver the events of a time again
    ///
    /// Every event of the account's bookings from `from` on and before `to` whose type the endpoint wants: again, or for the
    /// first time when the endpoint was not there or disabled. At most 1,000 events; with more, go on at `next_from`.
    #[oai(
        path = "/webhook-endpoints/:id/replays",
        method = "post",
        operation_id = "replay_webhooks"
    )]
    async fn replay_range(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// The endpoint's id
        id: Path<Uuid>,
        body: Checked<ReplayWebhooks>,
    ) -> Result<Json<RangeReplayView>, ApiError> {
        let owner = access.look_up(app).await?.account_id;
        let (from, to) = body.into_inner().range();
        let mut tx = app.db.begin().await?;
        let id = WebhookEndpointId(id.0);
        let replayed = webhook::replay_range(&mut tx, &app.clock, owner, id, from, to).await?;
        tx.commit().await?;
        Ok(Json(replayed.into()))
    }
}
