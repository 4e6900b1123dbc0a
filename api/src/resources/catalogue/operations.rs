//! The operations that every noun of the catalogue has, written once.

/// The resource of a noun: list, get, create, delete and, where there is something to change, change.
macro_rules! catalogue_resource {
    (
        $(#[$doc:meta])*
        $resource:ident: $noun:ty, $view:ty, at $path:tt, $member:tt;
        $(#[$list_doc:meta])*
        list $list:tt;
        $(#[$get_doc:meta])*
        get $get:tt;
        $(#[$create_doc:meta])*
        create $create:tt from $new:ty;
        $(#[$delete_doc:meta])*
        delete $delete:tt;
        $(
            $(#[$change_doc:meta])*
            change $change:tt by $patch:ty;
        )?
    ) => {
        $(#[$doc])*
        pub struct $resource;

        #[OpenApi(prefix_path = "/v1/admin", tag = "crate::openapi::tags::Tag::Catalogue")]
        impl $resource {
            $(#[$list_doc])*
            #[oai(path = $path, method = "get", operation_id = $list)]
            async fn list(
                &self,
                poem::web::Data(app): poem::web::Data<&App>,
                access: crate::auth::Access<crate::auth::need::Catalogue>,
                /// Entries of a page, 1 to 100
                limit: poem_openapi::param::Query<Option<u32>>,
                /// `next_cursor` of the page before
                cursor: poem_openapi::param::Query<Option<String>>,
            ) -> Result<poem_openapi::payload::Json<crate::http::page::Page<$view>>, crate::error::ApiError> {
                let mut conn = app.db.acquire().await?;
                access.principal(&mut conn, app).await?;
                let page = crate::http::page::KeyPage::parse(limit.0, cursor.0.as_deref())?;
                let mut rows: Vec<$noun> =
                    flightdesk_core::catalogue::list(&mut conn, page.after(), page.rows()).await?;
                let next_cursor = page.cut(&mut rows, flightdesk_core::catalogue::Noun::key);
                let data = super::views(&mut conn, &rows).await?;
                Ok(poem_openapi::payload::Json(crate::http::page::Page { data, next_cursor }))
            }

            $(#[$get_doc])*
            #[oai(path = $member, method = "get", operation_id = $get)]
            async fn get(
                &self,
                poem::web::Data(app): poem::web::Data<&App>,
                access: crate::auth::Access<crate::auth::need::Catalogue>,
                /// Its `id`
                key: poem_openapi::param::Path<String>,
            ) -> Result<crate::http::etag::Tagged<$view, 200>, crate::error::ApiError> {
                let mut conn = app.db.acquire().await?;
                access.principal(&mut conn, app).await?;
                let row = flightdesk_core::catalogue::get::<$noun>(&mut conn, &key.0).await?;
                let (view, version) = super::tagged(&mut conn, row).await?;
                Ok(crate::http::etag::Tagged::<$view, 200>::new(view, version))
            }

            $(#[$create_doc])*
            #[oai(path = $path, method = "post", operation_id = $create)]
            async fn create(
                &self,
                poem::web::Data(app): poem::web::Data<&App>,
                access: crate::auth::Access<crate::auth::need::Catalogue>,
                body: crate::http::body::Checked<$new>,
            ) -> Result<crate::http::etag::Tagged<$view, 201>, crate::error::ApiError> {
                let mut tx = app.db.begin().await?;
                access.principal(&mut tx, app).await?;
                let new: $noun = super::row_of(&body.into_inner())?;
                let row = flightdesk_core::catalogue::create(&mut tx, &app.clock, &new).await?;
                let key = flightdesk_core::catalogue::Noun::key(&row);
                let (view, version) = super::tagged(&mut tx, row).await?;
                tx.commit().await?;
                let path = format!("/v1/admin{}/{key}", $path);
                Ok(crate::http::etag::Tagged::<$view, 201>::created(view, version, path))
            }

            $(#[$delete_doc])*
            #[oai(path = $member, method = "delete", operation_id = $delete)]
            async fn delete(
                &self,
                poem::web::Data(app): poem::web::Data<&App>,
                access: crate::auth::Access<crate::auth::need::Catalogue>,
                /// Its `id`
                key: poem_openapi::param::Path<String>,
                #[oai(name = "If-Match")] if_match: crate::http::etag::IfMatch,
            ) -> Result<super::Deleted, crate::error::ApiError> {
                let mut tx = app.db.begin().await?;
                access.principal(&mut tx, app).await?;
                let expected = if_match.expected()?;
                flightdesk_core::catalogue::delete::<$noun>(&mut tx, &app.clock, &key.0, &expected)
                    .await?;
                tx.commit().await?;
                Ok(super::Deleted::NoContent)
            }

            $(
                $(#[$change_doc])*
                #[oai(path = $member, method = "patch", operation_id = $change)]
                async fn change(
                    &self,
                    poem::web::Data(app): poem::web::Data<&App>,
                    access: crate::auth::Access<crate::auth::need::Catalogue>,
                    /// Its `id`
                    key: poem_openapi::param::Path<String>,
                    #[oai(name = "If-Match")] if_match: crate::http::etag::IfMatch,
                    body: crate::http::body::Checked<$patch>,
                ) -> Result<crate::http::etag::Tagged<$view, 200>, crate::error::ApiError> {
                    let mut tx = app.db.begin().await?;
                    access.principal(&mut tx, app).await?;
                    let expected = if_match.expected()?;
                    let nulls = body.nulls().to_vec();
                    let patch = super::patch_of(&body.into_inner(), &nulls);
                    let row = flightdesk_core::catalogue::change::<$noun>(
                        &mut tx, &app.clock, &key.0, &expected, patch,
                    )
                    .await?;
                    let (view, version) = super::tagged(&mut tx, row).await?;
                    tx.commit().await?;
                    Ok(crate::http::etag::Tagged::<$view, 200>::new(view, version))
                }
            )?
        }
    };
}

pub(super) use catalogue_resource;
