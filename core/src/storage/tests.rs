use super::*;
use chrono::TimeZone;

const KEY: &str = "0199d3a0-0000-7000-8000-000000000001/1.pdf";

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
}

fn directory() -> (Storage, std::path::PathBuf) {
    let root = std::env::temp_dir().join(format!("flightdesk-storage-{}", Uuid::now_v7()));
    let links = Links::new(
        &"a secret of at least 32 characters".into(),
        "http://127.0.0.1:8000/",
    );
    let backend = Backend::Directory(Directory::new(root.clone()), links);
    (Storage(Arc::new(backend)), root)
}

/// The key and the query of a link, as a server reads them.
fn read_link(link: &str) -> (String, LinkQuery) {
    let url = url::Url::parse(link).unwrap();
    let pairs: HashMap<_, _> = url.query_pairs().into_owned().collect();
    let query = LinkQuery {
        name: pairs["name"].clone(),
        content_type: pairs["content_type"].clone(),
        expires: pairs["expires"].parse().unwrap(),
        signature: pairs["signature"].clone(),
    };
    let key = url.path().strip_prefix("/v1/files/").unwrap().to_owned();
    (key, query)
}

#[tokio::test]
async fn what_is_stored_under_a_key_stays() {
    let (on_disk, root) = directory();
    for storage in [on_disk, Storage::memory()] {
        assert_eq!(storage.get(KEY).await.unwrap(), None);
        storage
            .put(KEY, b"first".to_vec(), "application/pdf")
            .await
            .unwrap();
        storage
            .put(KEY, b"second".to_vec(), "application/pdf")
            .await
            .unwrap();
        assert_eq!(storage.get(KEY).await.unwrap().unwrap(), b"first");
    }
    let names: Vec<_> = std::fs::read_dir(root.join(KEY).parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["1.pdf"], "no temporary file stays");
    std::fs::remove_dir_all(root).unwrap();
}

#[tokio::test]
async fn a_key_that_is_not_ours_reaches_no_file() {
    let (storage, _) = directory();
    for key in [
        "",
        "/",
        "../x/1.pdf",
        "a/1.pdf",
        "0199d3a0-0000-7000-8000-000000000001/../1.pdf",
        "0199d3a0-0000-7000-8000-000000000001/.pdf",
        "0199d3a0-0000-7000-8000-000000000001/1.exe",
        "0199D3A0-0000-7000-8000-000000000001/1.pdf",
        "0199d3a000007000800000000000001/1.pdf",
        "/etc/passwd",
        "0199d3a0-0000-7000-8000-000000000001/1234567890.pdf",
    ] {
        assert!(
            matches!(storage.get(key).await, Err(Error::NotFound(_))),
            "{key:?}"
        );
        let put = storage.put(key, Vec::new(), "application/pdf").await;
        assert!(matches!(put, Err(Error::NotFound(_))), "{key:?}");
    }
}

#[tokio::test]
async fn a_link_opens_until_it_expires() {
    let (storage, root) = directory();
    storage
        .put(KEY, b"%PDF".to_vec(), "application/pdf")
        .await
        .unwrap();
    let link = storage
        .link(
            KEY,
            "ticket K7.pdf",
            "application/pdf",
            noon(),
            Duration::hours(1),
        )
        .await
        .unwrap();
    assert!(
        link.starts_with("http://127.0.0.1:8000/v1/files/"),
        "{link}"
    );
    let (key, query) = read_link(&link);
    let last_second = noon() + Duration::seconds(3599);
    let file = storage.open_link(&key, &query, last_second).await.unwrap();
    assert_eq!(
        (file.bytes.as_slice(), file.file_name.as_str()),
        (b"%PDF".as_slice(), "ticket K7.pdf")
    );
    let late = storage
        .open_link(&key, &query, noon() + Duration::hours(1))
        .await;
    assert!(matches!(late, Err(Error::LinkRefused)), "{late:?}");
    std::fs::remove_dir_all(root).unwrap();
}

#[tokio::test]
async fn a_link_that_was_changed_in_any_part_opens_nothing() {
    let (storage, root) = directory();
    let other = "0199d3a0-0000-7000-8000-000000000002/1.pdf";
    for key in [KEY, other] {
        storage
            .put(key, b"%PDF".to_vec(), "application/pdf")
            .await
            .unwrap();
    }
    let link = storage
        .link(KEY, "a.pdf", "application/pdf", noon(), Duration::hours(1))
        .await
        .unwrap();
    let (key, good) = read_link(&link);
    let changed = [
        (other.to_owned(), good.clone()),
        (
            key.clone(),
            LinkQuery {
                name: "b.pdf".to_owned(),
                ..good.clone()
            },
        ),
        (
            key.clone(),
            LinkQuery {
                content_type: "text/html".to_owned(),
                ..good.clone()
            },
        ),
        (
            key.clone(),
            LinkQuery {
                expires: good.expires + 1,
                ..good.clone()
            },
        ),
        (
            key.clone(),
            LinkQuery {
                signature: String::new(),
                ..good.clone()
            },
        ),
        (
            key.clone(),
            LinkQuery {
                signature: good.signature.replace(|_| true, "A"),
                ..good.clone()
            },
        ),
    ];
    for (key, query) in changed {
        let opened = storage.open_link(&key, &query, noon()).await;
        assert!(
            matches!(opened, Err(Error::LinkRefused)),
            "{query:?}: {opened:?}"
        );
    }
    assert!(storage.open_link(&key, &good, noon()).await.is_ok());
    std::fs::remove_dir_all(root).unwrap();
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_a_passing_failure() {
    let blocker = std::env::temp_dir().join(format!("flightdesk-file-{}", Uuid::now_v7()));
    std::fs::write(&blocker, "a file where a folder should be").unwrap();
    let directory = Directory::new(blocker.clone());
    let error = directory.put(KEY, Vec::new()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    std::fs::remove_file(blocker).unwrap();
}
