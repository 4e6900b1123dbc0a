//! Mail into a folder, for machines that send none.

use std::path::Path;

use tokio::fs;
use tokio::io::AsyncWriteExt;

use super::MailError;

/// Writes a whole file or none; a file of that name is replaced.
pub(super) async fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), MailError> {
    let away = |error: std::io::Error| MailError::Away(format!("MAIL_DIR: {error}"));
    fs::create_dir_all(folder).await.map_err(away)?;
    let unfinished = folder.join(format!(".{name}.{:08x}", rand::random::<u32>()));
    let written = async {
        let mut file = fs::File::create(&unfinished).await?;
        file.write_all(bytes).await?;
        file.sync_all().await?;
        fs::rename(&unfinished, folder.join(name)).await
    };
    if let Err(error) = written.await {
        // The half-written file is in nobody's way, but a full disk is.
        let _ = fs::remove_file(&unfinished).await;
        return Err(away(error));
    }
    Ok(())
}
