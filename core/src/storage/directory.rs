//! Documents in a directory of this machine: development, and a single server with a backup.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::{Error, Result, fault};

#[derive(Clone, Debug)]
pub(super) struct Directory {
    root: PathBuf,
}

impl Directory {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The key must have passed `check_key`.
    pub(super) async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<()> {
        let path = self.root.join(key);
        blocking("stored", move || put(&path, &bytes)).await
    }

    /// The key must have passed `check_key`.
    pub(super) async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let path = self.root.join(key);
        blocking("read", move || match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }
}

/// Whole or not at all, and durable: a crash leaves at most a hidden temporary file.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let temporary = folder.join(format!(".{}.tmp", Uuid::now_v7()));
    let linked = write_durably(&temporary, bytes)
        // Unlike a rename, a link never replaces what is there.
        .inspect(|()| fault::point("object_written"))
        .and_then(|()| match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            result => result,
        });
    fault::point("object_linked");
    // Left behind it would only take space; the outcome is the link's.
    let _ = fs::remove_file(&temporary);
    linked?;
    // The names must survive a power cut too, the folder's own included.
    File::open(folder)?.sync_all()?;
    folder
        .parent()
        .map_or(Ok(()), |root| File::open(root)?.sync_all())
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

async fn blocking<T: Send + 'static>(
    done: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::Storage(format!("a file could not be {done}: {error}")))?
        .map_err(|error| Error::Storage(format!("a file could not be {done}: {error}")))
}
