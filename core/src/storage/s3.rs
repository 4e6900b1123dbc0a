//! Documents in any S3-compatible store.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::{Builder, tls};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;

use crate::config;
use crate::{Error, Result};

/// A link of S3 lives for a week at most (AWS Signature Version 4).
const LONGEST_LINK: chrono::Duration = chrono::Duration::days(7);

pub(super) struct S3 {
    bucket: String,
    client: Client,
    /// Signs links for the address under which travellers reach the store; it is never called.
    public: Client,
}

/// The clients would tell the access key.
impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3")
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

impl S3 {
    pub(super) fn new(settings: &config::Storage, bucket: &str) -> Result<Self> {
        let (Some(id), Some(secret)) = (&settings.s3_access_key_id, &settings.s3_secret_access_key)
        else {
            return Err(Error::Storage(
                "S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must be set when S3_BUCKET is"
                    .to_owned(),
            ));
        };
        let credentials = Credentials::new(
            id.expose_secret(),
            secret.expose_secret(),
            None,
            None,
            "settings",
        );
        let client = |endpoint: Option<&String>| {
            let mut config = aws_sdk_s3::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .http_client(
                    Builder::new()
                        .tls_provider(tls::Provider::Rustls(
                            tls::rustls_provider::CryptoMode::Ring,
                        ))
                        // None is kept: a kept connection may have fallen silent, and what is sent on it waits for
                        // its timeout. Documents are few; a new connection costs them little.
                        .pool_max_idle_per_host(0)
                        .build_https(),
                )
                .region(Region::new(settings.s3_region.clone()))
                .credentials_provider(credentials.clone())
                // Not every S3-compatible store speaks virtual hosts or the newer checksum headers.
                .force_path_style(true)
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
                // One quick second try; the job that stores a document has the patience.
                .retry_config(RetryConfig::standard().with_max_attempts(2))
                .timeout_config(
                    TimeoutConfig::builder()
                        .connect_timeout(Duration::from_secs(3))
                        .operation_attempt_timeout(Duration::from_secs(15))
                        .operation_timeout(Duration::from_secs(30))
                        .build(),
                );
            if let Some(endpoint) = endpoint {
                config = config.endpoint_url(endpoint);
            }
            Client::from_conf(config.build())
        };
        let endpoint = settings.s3_endpoint.as_ref();
        Ok(Self {
            bucket: bucket.to_owned(),
            client: client(endpoint),
            public: client(settings.s3_public_endpoint.as_ref().or(endpoint)),
        })
    }

    pub(super) async fn put(&self, key: &str, bytes: Vec<u8>, content_type: &str) -> Result<()> {
        let stored = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .if_none_match("*")
            .body(ByteStream::from(bytes))
            .send()
            .await;
        match stored {
            Ok(_) => Ok(()),
            // Something is stored under the key, and it stays.
            Err(SdkError::ServiceError(refusal)) if refusal.raw().status().as_u16() == 412 => {
                Ok(())
            }
            Err(error) => Err(unavailable("stored", &error)),
        }
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let found = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await;
        match found {
            Ok(object) => match object.body.collect().await {
                Ok(bytes) => Ok(Some(bytes.to_vec())),
                Err(_) => Err(Error::Storage(
                    "a file could not be read: the body broke off".to_owned(),
                )),
            },
            Err(SdkError::ServiceError(refusal)) if refusal.err().is_no_such_key() => Ok(None),
            Err(error) => Err(unavailable("read", &error)),
        }
    }

    pub(super) async fn link(
        &self,
        key: &str,
        file_name: &str,
        content_type: &str,
        now: DateTime<Utc>,
        expires_in: chrono::Duration,
    ) -> Result<String> {
        let unsignable = |error: &dyn std::fmt::Display| {
            Error::Storage(format!("a link could not be signed: {error}"))
        };
        let expires_in = expires_in
            .min(LONGEST_LINK)
            .to_std()
            .map_err(|error| unsignable(&error))?;
        let presigning = PresigningConfig::builder()
            .start_time(now.into())
            .expires_in(expires_in)
            .build()
            .map_err(|error| unsignable(&error))?;
        let request = self
            .public
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .response_content_type(content_type)
            .response_content_disposition(format!("attachment; filename=\"{file_name}\""))
            .presigned(presigning)
            .await
            .map_err(|_| unsignable(&"the request was refused"))?;
        Ok(request.uri().to_owned())
    }
}

/// Says what went wrong without the request, whose headers hold credentials.
fn unavailable<E: ProvideErrorMetadata>(done: &str, error: &SdkError<E>) -> Error {
    let why = match error {
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            "no answer in time".to_owned()
        }
        SdkError::DispatchFailure(_) => "the store cannot be reached".to_owned(),
        SdkError::ServiceError(refusal) => format!(
            "status {}, code {}",
            refusal.raw().status().as_u16(),
            refusal.err().code().unwrap_or("unknown")
        ),
        _ => "the answer made no sense".to_owned(),
    };
    Error::Storage(format!("a file could not be {done}: {why}"))
}
