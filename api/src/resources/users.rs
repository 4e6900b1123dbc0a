//! Users: admins see accounts and give roles.

use flightdesk_core::account::{self, Role};
use flightdesk_core::ids::AccountId;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::body::{Checked, Rules};
use crate::http::page::{Page, PageRequest};
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::resources::accounts::AccountView;

/// Users.
pub struct Users;

/// A role
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[oai(rename = "AccountRole", rename_all = "snake_case")]
pub enum RoleView {
    /// Books for themselves
    Traveller,
    /// Books for the customers of an agency
    Agent,
    /// Looks after bookings, refunds and the catalogue
    Staff,
    /// May do everything
    Admin,
}

/// What shall be another
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct PatchUser {
    /// What the person may do from now on
    role: RoleView,
}

impl FromRaw for PatchUser {
    fn from_raw(_: Raw<'_>) -> Self {
        // No rule looks at it.
        Self {
            role: RoleView::Traveller,
        }
    }
}

impl Rules for PatchUser {}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Accounts")]
impl Users {
    /// List accounts
    ///
    /// Newest first.
    #[oai(path = "/users", method = "get", operation_id = "list_users")]
    async fn list(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        /// Only the account of this address, in any case
        #[oai(validator(max_length = 254))]
        email: Query<Option<String>>,
        /// Only accounts of this role
        role: Query<Option<RoleView>>,
        /// Entries of a page
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the page before
        cursor: Query<Option<String>>,
    ) -> Result<Json<Page<AccountView>>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let page = PageRequest::parse(limit.0, cursor.0.as_deref())?;
        let accounts = account::list_accounts(
            &mut conn,
            email.0.as_deref(),
            role.0.map(Role::from),
            page.rows(),
            page.after(),
        )
        .await?;
        Ok(Json(page.page(accounts, |account| account.id.0)))
    }

    /// Give an account a role
    ///
    /// Its sessions may do what the role may with their next request; API keys that may do more are revoked. The last
    /// admin stays one.
    #[oai(path = "/users/:id", method = "patch", operation_id = "patch_user")]
    async fn patch(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        id: Path<Uuid>,
        body: Checked<PatchUser>,
    ) -> Result<Json<AccountView>, ApiError> {
        access.look_up(app).await?;
        let role = body.into_inner().role.into();
        let mut tx = app.db.begin().await?;
        let changed = account::set_role(&mut tx, &app.clock, AccountId(id.0), role).await?;
        tx.commit().await?;
        Ok(Json(changed.into()))
    }
}

impl From<RoleView> for Role {
    fn from(view: RoleView) -> Self {
        match view {
            RoleView::Traveller => Self::Traveller,
            RoleView::Agent => Self::Agent,
            RoleView::Staff => Self::Staff,
            RoleView::Admin => Self::Admin,
        }
    }
}
