//! Where documents are kept: a directory, any S3-compatible store, or memory in tests. What is stored under a key
//! stays as it is: a second put of the same key changes nothing.
//!
//! **No connection to S3, SMTP or Stripe is kept.** What is sent on a kept one that has fallen silent waits for its
//! timeout, one kept connection after the other; documents and mails are few, and a new connection costs them
//! little.

mod directory;
mod link;
mod s3;

pub use link::LinkQuery;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use crate::config::Settings;
use crate::{Error, Result};
use directory::Directory;
use link::Links;
use s3::S3;

/// The store of a deployment. Clones share it.
#[derive(Clone, Debug)]
pub struct Storage(Arc<Backend>);

#[derive(Debug)]
enum Backend {
    Directory(Directory, Links),
    S3(S3),
    Memory(Mutex<HashMap<String, Vec<u8>>>, Links),
}

/// A stored file that a signed link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedFile {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The name it is saved under.
    pub file_name: String,
    /// Its media type.
    pub content_type: String,
}

impl Storage {
    /// The store that the settings choose: S3 with a bucket, a directory without.
    ///
    /// Connects to nothing yet; [`Error::Storage`] when S3 is chosen without its keys.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        let backend = match &settings.storage.s3_bucket {
            Some(bucket) => Backend::S3(S3::new(&settings.storage, bucket)?),
            None => Backend::Directory(
                Directory::new(settings.storage.documents_dir.clone()),
                Links::new(&settings.secret_key, &settings.public_url),
            ),
        };
        Ok(Self(Arc::new(backend)))
    }

    /// A store that is gone with the process, for tests.
    pub fn memory() -> Self {
        let links = Links::new(&"only in memory".into(), "http://127.0.0.1");
        Self(Arc::new(Backend::Memory(Mutex::default(), links)))
    }

    /// Stores bytes under a key, unless something is stored there: then that stays, and it is no error.
    ///
    /// When it returns the bytes are durable. [`Error::Storage`] may go away by trying again.
    pub async fn put(&self, key: &str, bytes: Vec<u8>, content_type: &str) -> Result<()> {
        check_key(key)?;
        match &*self.0 {
            Backend::Directory(directory, _) => directory.put(key, bytes).await,
            Backend::S3(s3) => s3.put(key, bytes, content_type).await,
            Backend::Memory(files, _) => {
                let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
                files.entry(key.to_owned()).or_insert(bytes);
                Ok(())
            }
        }
    }

    /// The bytes under a key, or `None`.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        check_key(key)?;
        match &*self.0 {
            Backend::Directory(directory, _) => directory.get(key).await,
            Backend::S3(s3) => s3.get(key).await,
            Backend::Memory(files, _) => {
                let files = files.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(files.get(key).cloned())
            }
        }
    }

    /// An address from which anyone who has it downloads the file under `file_name` until `now + expires_in`.
    ///
    /// S3 serves its own (seven days at most); those of a directory lead to the api and end in
    /// [`Storage::open_link`].
    pub async fn link(
        &self,
        key: &str,
        file_name: &str,
        content_type: &str,
        now: DateTime<Utc>,
        expires_in: Duration,
    ) -> Result<String> {
        check_key(key)?;
        match &*self.0 {
            Backend::Directory(_, links) | Backend::Memory(_, links) => {
                Ok(links.sign(key, file_name, content_type, now + expires_in))
            }
            Backend::S3(s3) => s3.link(key, file_name, content_type, now, expires_in).await,
        }
    }

    /// The file that a link of ours leads to.
    ///
    /// [`Error::LinkRefused`] when the link has expired or was changed in any part.
    pub async fn open_link(
        &self,
        key: &str,
        query: &LinkQuery,
        now: DateTime<Utc>,
    ) -> Result<LinkedFile> {
        match &*self.0 {
            Backend::Directory(_, links) | Backend::Memory(_, links) => {
                links.verify(key, query, now)?;
            }
            Backend::S3(_) => return Err(Error::NotFound("file")),
        }
        let bytes = self.get(key).await?.ok_or(Error::NotFound("file"))?;
        Ok(LinkedFile {
            bytes,
            file_name: query.name.clone(),
            content_type: query.content_type.clone(),
        })
    }
}

/// Keys are `{document}/{revision}.pdf` and nothing else, so that none ever leaves its folder.
fn check_key(key: &str) -> Result<()> {
    let is_ours = || {
        let (document, file) = key.split_once('/')?;
        let id = Uuid::parse_str(document).ok()?;
        let revision = file.strip_suffix(".pdf")?;
        let revision_ok =
            (1..=9).contains(&revision.len()) && revision.bytes().all(|b| b.is_ascii_digit());
        (id.hyphenated().to_string() == document && revision_ok).then_some(())
    };
    is_ours().ok_or(Error::NotFound("file"))
}

#[cfg(test)]
mod tests;
