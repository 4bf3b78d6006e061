use super::*;
use crate::payload::Blob;

fn pin(source: &str, kind: PinKind, content: &str) -> Pin {
    let blob = Blob::from_bytes(content);
    Pin { blob, source: source.into(), kind, sha256: None, place: None }
}

fn lock(text: &str) -> Result<Lock, Diagnostics> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(LOCK_NAME), text).unwrap();
    Lock::read(dir.path())
}

#[test]
fn what_is_seen_first_is_added_sorted_and_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let pins = [
        pin("models/b \"quoted\"\\.gguf", PinKind::File, "b"),
        pin("https://example.org/a", PinKind::Url, "a"),
        pin("https://example.org/a", PinKind::Url, "a"),
    ];
    let mut lock = Lock::read(dir.path()).unwrap();
    let change = lock.compare(&pins, Rule::Add).unwrap();
    assert_eq!((change.added.len(), change.changed.len()), (2, 0));
    lock.write(&change).unwrap();
    let text = fs::read_to_string(dir.path().join(LOCK_NAME)).unwrap();
    let digest = crate::digest::sha256(b"a");
    let first = format!(
        "\n[[pin]]\nsource = \"https://example.org/a\"\nkind = \"url\"\nsha256 = \"{digest}\"\nsize = 1\n"
    );
    assert!(text.starts_with(&format!("{HEAD}{first}")), "{text}");
    let again = Lock::read(dir.path()).unwrap();
    assert!(again.compare(&pins, Rule::Keep).unwrap().is_empty());
    assert_eq!(again.to_string(), text);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
}

#[test]
fn what_changed_is_an_error_until_it_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let mut lock = Lock::read(dir.path()).unwrap();
    let before = lock.compare(&[pin("m", PinKind::File, "old")], Rule::Add).unwrap();
    lock.write(&before).unwrap();
    let mut lock = Lock::read(dir.path()).unwrap();
    let now = [pin("m", PinKind::File, "new!")];
    for rule in [Rule::Keep, Rule::Add] {
        let error = &lock.compare(&now, rule).unwrap_err().errors[0];
        assert_eq!((error.code, error.class as u8), ("lock.changed", 2));
        assert!(error.message.contains("(4 bytes) now; pkggen.lock has"), "{error}");
        assert!(error.label.as_ref().unwrap().contains("pkggen.lock:5:1"), "{error}");
    }
    let change = lock.compare(&now, Rule::Accept).unwrap();
    assert_eq!((change.added.len(), change.changed.len()), (0, 1));
    lock.write(&change).unwrap();
    assert!(Lock::read(dir.path()).unwrap().compare(&now, Rule::Keep).unwrap().is_empty());
}

#[test]
fn a_locked_build_adds_nothing() {
    let lock = lock("version = 1\n").unwrap();
    let error = &lock.compare(&[pin("m", PinKind::File, "x")], Rule::Keep).unwrap_err().errors[0];
    assert_eq!(error.code, "lock.missing");
}

#[test]
fn a_source_that_is_not_what_it_says_is_an_error_of_its_kind() {
    let lock = lock("version = 1\n").unwrap();
    for (kind, code) in [
        (PinKind::OllamaBlob, "ollama.blob-digest"),
        (PinKind::HuggingFace, "hf.digest"),
        (PinKind::Url, "fetch.digest"),
    ] {
        let sha256 = Some(crate::digest::sha256(b"good"));
        let wrong = Pin { sha256, ..pin("m", kind, "bad") };
        assert_eq!(lock.compare(&[wrong], Rule::Accept).unwrap_err().errors[0].code, code);
        let right = Pin { sha256, ..pin("m", kind, "good") };
        assert!(lock.compare(&[right], Rule::Accept).is_ok());
    }
}

#[test]
fn a_lock_with_mistakes_says_where_they_are() {
    let pin = "[[pin]]\nsource = \"a\"\nkind = \"file\"\nsize = 1\nsha256 = ";
    let good = format!("{pin}\"{}\"\n", "0".repeat(64));
    for (text, code) in [
        ("version = 2\n".to_owned(), "lock.version"),
        (format!("version = 1\n{pin}\"12\"\n"), "lock.sha256"),
        (format!("version = 1\n{}", good.replace("\"file\"", "\"tape\"")), "lock.kind"),
        (format!("version = 1\n{good}{good}"), "lock.twice"),
    ] {
        let error = lock(&text).unwrap_err().errors.remove(0);
        assert_eq!(error.code, code, "{error}");
        assert!(code == "lock.version" || error.place.is_some(), "{error}");
    }
    assert!(lock("version = 1\npinn = 2\n").is_err());
    assert!(lock("version = \n").is_err());
}
