//! Signatures, made and checked against gpg, gpgv and debsig-verify.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{collections::BTreeMap, env, fs, path::Path, process::Command};

use ::pkggen::{
    diagnostic::{Class, Diagnostic},
    sign::{
        Source,
        openpgp::{Certificate, Identity, Refused, Settings, SignCommand},
    },
};
use common::{
    TempDir, build_one, check,
    gpg::{Gpg, public_key, secret_key},
    have, manifest, ok, pkggen, said, stdout,
};

/// 2026-11-21.
const NOW: u64 = 1_795_219_200;
const TIME: u64 = 1_790_000_000;
const TEXT: &str = "Origin: Example\n- dashed\n-----\n  \nblanks at the end \t\nlast line\n";

/// An identity from a key and its passphrase in the environment.
fn settings(key: &[u8], passphrase: Option<&str>, dir: &Path) -> Settings {
    let mut env: BTreeMap<_, _> = env::vars().collect();
    if let Some(passphrase) = passphrase {
        env.insert("GPG_PASSPHRASE".into(), passphrase.into());
    }
    fs::write(dir.join("key"), key).unwrap();
    Settings { key: Source::File("key".into()), ..Settings::new(env, dir.to_owned(), NOW) }
}

fn open(key: &[u8], passphrase: Option<&str>) -> Result<Identity, Diagnostic> {
    let dir = TempDir::new().unwrap();
    Identity::open(&settings(key, passphrase, dir.path())).map(Option::unwrap)
}

fn fixture(name: &str) -> Identity {
    open(&fs::read(secret_key(name)).unwrap(), None).unwrap()
}

fn refused(key: &[u8], passphrase: Option<&str>, code: &str, text: &str) {
    let error = open(key, passphrase).unwrap_err();
    assert_eq!((error.class, error.code), (Class::Signing, code), "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

/// gpgv accepts the detached signatures, binary and armored, and the clear-signed text, by this key
/// alone; it refuses changed data.
fn gpgv_agrees(identity: &Identity) {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("key.gpg"), identity.certificate()).unwrap();
    fs::write(path("data"), TEXT).unwrap();
    fs::write(path("changed"), TEXT.replace("dashed", "fished")).unwrap();
    let gpgv = |files: &[&str]| {
        let mut command = Command::new("gpgv");
        command.arg("--keyring").arg(path("key.gpg")).args(["--status-fd", "1"]);
        let output = command.args(files.iter().map(|file| path(file))).output().unwrap();
        let valid = said(&output).contains(&format!("VALIDSIG {}", identity.fingerprint()));
        assert_eq!(valid, output.status.success(), "{}", said(&output));
        valid
    };
    fs::write(path("data.sig"), identity.sign(&mut TEXT.as_bytes(), TIME).unwrap()).unwrap();
    fs::write(path("data.asc"), identity.sign_armored(&mut TEXT.as_bytes(), TIME).unwrap())
        .unwrap();
    for signature in ["data.sig", "data.asc"] {
        assert!(gpgv(&[signature, "data"]));
        assert!(!gpgv(&[signature, "changed"]));
    }
    let clear = identity.clearsign(TEXT, TIME).unwrap();
    fs::write(path("clear"), &clear).unwrap();
    assert!(gpgv(&["clear"]));
    fs::write(path("clear"), clear.replace("last line", "lost line")).unwrap();
    assert!(!gpgv(&["clear"]));
}

/// Our reader accepts what our writer signed, and refuses what was changed.
fn we_agree(identity: &Identity) {
    let certificate = Certificate::parse(identity.certificate_armored().as_bytes()).unwrap();
    let binary = identity.sign(&mut TEXT.as_bytes(), TIME).unwrap();
    let armored = identity.sign_armored(&mut TEXT.as_bytes(), TIME).unwrap();
    for signature in [&binary[..], armored.as_bytes()] {
        let by = certificate.verify(&mut TEXT.as_bytes(), signature).unwrap();
        assert_eq!(
            (by.fingerprint, by.primary_fingerprint),
            (identity.fingerprint(), identity.primary_fingerprint())
        );
        let changed = certificate.verify(&mut &TEXT.as_bytes()[1..], signature);
        assert!(matches!(changed, Err(Refused::Bad { .. })), "{changed:?}");
    }
    let clear = identity.clearsign(TEXT, TIME).unwrap();
    let (text, _) = certificate.verify_clearsigned(&clear).unwrap();
    let trimmed: Vec<_> = TEXT.lines().map(str::trim_end).collect();
    assert_eq!(text, trimmed.join("\n") + "\n");
    let changed = certificate.verify_clearsigned(&clear.replace("last", "lost"));
    assert!(matches!(changed, Err(Refused::Bad { .. })), "{changed:?}");
}

#[test]
fn gpgv_accepts_what_the_fixture_keys_sign() {
    for name in ["rsa3072", "ed25519"] {
        let identity = fixture(name);
        assert_eq!(identity.algorithm().is_rsa(), name == "rsa3072");
        assert!(identity.warnings().is_empty());
        we_agree(&identity);
        if have("gpgv_accepts_what_the_fixture_keys_sign", &["gpgv:gpgv"]) {
            gpgv_agrees(&identity);
        }
    }
}

/// Sequoia is what apt from 2.9.19 on and rpm 6 check with; it wants a key to be good at the time of
/// its signature.
#[test]
fn sequoia_accepts_what_is_signed_and_refuses_what_was_changed() {
    if !have("sequoia_accepts_what_is_signed", &["sqv:sqv", "sqop:sqop"]) {
        return;
    }
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name);
    for name in ["rsa3072", "ed25519"] {
        let identity = fixture(name);
        for (data, good) in [(TEXT, true), ("changed", false)] {
            fs::write(path("data"), data).unwrap();
            for time in [0, TIME] {
                fs::write(path("sig"), identity.sign(&mut TEXT.as_bytes(), time).unwrap()).unwrap();
                let mut sqv = Command::new("sqv");
                sqv.arg("--keyring").arg(public_key(name)).arg(path("sig")).arg(path("data"));
                assert_eq!(sqv.output().unwrap().status.success(), good, "{sqv:?}");
            }
            let clear = identity.clearsign(TEXT, TIME).unwrap();
            let clear = if good { clear } else { clear.replace("last", "lost") };
            fs::write(path("clear"), clear).unwrap();
            let mut sqop = Command::new("sqop");
            sqop.arg("inline-verify").arg(public_key(name));
            let output = sqop.stdin(fs::File::open(path("clear")).unwrap()).output().unwrap();
            assert_eq!(output.status.success(), good, "{}", said(&output));
        }
    }
}

#[test]
fn the_same_data_has_the_same_signature() {
    for name in ["rsa3072", "ed25519"] {
        let sign = || fixture(name).sign(&mut TEXT.as_bytes(), TIME).unwrap();
        assert_eq!(sign(), sign());
        let clear = || fixture(name).clearsign(TEXT, TIME).unwrap();
        assert_eq!(clear(), clear());
    }
}

#[test]
fn a_signature_is_not_older_than_its_key() {
    let identity = fixture("ed25519");
    let signature = identity.sign(&mut TEXT.as_bytes(), 0).unwrap();
    let certificate = Certificate::parse(&identity.certificate()).unwrap();
    let by = certificate.verify(&mut TEXT.as_bytes(), &signature).unwrap();
    assert_eq!(by.time, 1_577_836_800);
}

#[test]
fn keys_that_gpg_made_sign_and_gpgv_accepts_it() {
    if !have("keys_that_gpg_made_sign", &["gpg:gpg", "gpgv:gpgv"]) {
        return;
    }
    let gpg = Gpg::new();
    for algorithm in ["rsa3072", "ed25519", "nistp256", "nistp384", "nistp521", "dsa2048"] {
        let fingerprint = gpg.key(algorithm, algorithm, "sign", &[]);
        for armor in [&["--armor"][..], &[]] {
            let mut args = armor.to_vec();
            args.extend(["--export-secret-keys", &fingerprint]);
            let identity = open(&gpg.secret(&args), None).unwrap();
            assert_eq!(identity.fingerprint(), fingerprint);
            assert_eq!(
                identity.user_id().unwrap(),
                format!("{algorithm} <{algorithm}@example.org>")
            );
            we_agree(&identity);
            // P-521 is signed with random numbers
            let sign = || identity.sign(&mut TEXT.as_bytes(), TIME).unwrap();
            assert_eq!(sign() == sign(), algorithm != "nistp521");
            gpgv_agrees(&identity);
        }
    }
}

#[test]
fn a_passphrase_opens_a_key_and_a_wrong_one_does_not() {
    if !have("a_passphrase_opens_a_key", &["gpg:gpg", "gpgv:gpgv"]) {
        return;
    }
    let gpg = Gpg::new();
    let fingerprint = gpg.key("locked", "rsa3072", "sign", &["--passphrase", "correct horse"]);
    let key = gpg.secret(&["--armor", "--export-secret-keys", &fingerprint]);
    for passphrase in ["correct horse", "correct horse\n"] {
        let identity = open(&key, Some(passphrase)).unwrap();
        gpgv_agrees(&identity);
        assert!(!format!("{identity:?}").contains("horse"));
    }
    refused(
        &key,
        Some("wrong horse"),
        "sign.passphrase",
        "the passphrase in `GPG_PASSPHRASE` does not open the OpenPGP key",
    );
    refused(&key, None, "sign.passphrase", "needs a passphrase, and `GPG_PASSPHRASE` is not set");
    let error = open(&key, Some("wrong horse")).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("horse"));
}

#[test]
fn a_primary_key_signs_rather_than_its_subkey() {
    if !have("a_primary_key_signs", &["gpg:gpg", "gpgv:gpgv"]) {
        return;
    }
    let gpg = Gpg::new();
    let fingerprint = gpg.key("both", "rsa3072", "cert,sign", &[]);
    ok(&mut gpg.run(&[
        "--passphrase",
        "",
        "--quick-add-key",
        &fingerprint,
        "ed25519",
        "sign",
        "never",
    ]));
    ok(&mut gpg.run(&[
        "--passphrase",
        "",
        "--quick-add-key",
        &fingerprint,
        "cv25519",
        "encr",
        "never",
    ]));
    let key = gpg.secret(&["--export-secret-keys", &fingerprint]);
    let identity = open(&key, None).unwrap();
    assert_eq!(identity.fingerprint(), fingerprint);
    assert!(identity.warnings().is_empty());
    gpgv_agrees(&identity);

    let subkey = &gpg.fingerprints("both")[1];
    let dir = TempDir::new().unwrap();
    let short = subkey[24..].to_lowercase();
    let chosen = Settings { fingerprint: Some(short), ..settings(&key, None, dir.path()) };
    let identity = Identity::open(&chosen).unwrap().unwrap();
    assert_eq!((&identity.fingerprint(), identity.primary_fingerprint()), (subkey, fingerprint));
    assert_eq!(identity.warnings()[0].code, "sign.subkey");
    gpgv_agrees(&identity);
    we_agree(&identity);

    let unknown = Settings { fingerprint: Some("0123456789ABCDEF".into()), ..chosen };
    let error = Identity::open(&unknown).unwrap_err();
    assert_eq!((error.class, error.code), (Class::Signing, "sign.fingerprint"));
}

#[test]
fn a_subkey_signs_where_the_primary_key_is_a_stub_or_only_certifies() {
    if !have("a_subkey_signs", &["gpg:gpg", "gpgv:gpgv"]) {
        return;
    }
    let gpg = Gpg::new();
    for (name, usage, export) in [
        ("stub", "cert,sign", "--export-secret-subkeys"),
        ("certifies", "cert", "--export-secret-keys"),
    ] {
        let fingerprint = gpg.key(name, "ed25519", usage, &["--passphrase", "correct horse"]);
        let add = [
            "--passphrase",
            "correct horse",
            "--quick-add-key",
            &fingerprint,
            "ed25519",
            "sign",
            "never",
        ];
        ok(&mut gpg.run(&add));
        let identity = open(&gpg.secret(&[export, &fingerprint]), Some("correct horse")).unwrap();
        assert_eq!(identity.fingerprint(), gpg.fingerprints(name)[1]);
        assert_eq!(identity.primary_fingerprint(), fingerprint);
        assert_eq!(identity.warnings()[0].code, "sign.subkey");
        gpgv_agrees(&identity);
        we_agree(&identity);
    }
    let alone = gpg.key("alone", "ed25519", "cert,sign", &[]);
    ok(&mut gpg.run(&["--passphrase", "", "--quick-add-key", &alone, "cv25519", "encr", "never"]));
    let key = gpg.secret(&["--export-secret-subkeys", &alone]);
    refused(&key, None, "sign.stub", "its secret half is not there (a stub, as for a smart card)");
}

#[test]
fn keys_that_may_not_sign_are_refused_with_the_reason() {
    if !have("keys_that_may_not_sign", &["gpg:gpg"]) {
        return;
    }
    let gpg = Gpg::new();
    let expired = gpg.key("expired", "ed25519", "sign", &["--faked-system-time", "1500000000"]);
    let key = gpg.secret(&["--export-secret-keys", &expired]);
    refused(&key, None, "sign.expired", "cannot sign: it expired on 2018-07-14");

    let revoked = gpg.key("revoked", "ed25519", "sign", &[]);
    let revocation = gpg.home().join(format!("openpgp-revocs.d/{revoked}.rev"));
    let text = fs::read_to_string(revocation).unwrap().replace(":-----BEGIN", "-----BEGIN");
    gpg.import(text.as_bytes());
    refused(
        &gpg.secret(&["--export-secret-keys", &revoked]),
        None,
        "sign.revoked",
        "cannot sign: it is revoked",
    );

    let public = gpg.public(&revoked);
    refused(
        &public,
        None,
        "sign.public",
        "`key` holds only a public OpenPGP key, which cannot sign",
    );
    refused(b"/home/ana/key.asc", None, "sign.key", "`key` holds no OpenPGP key");
    let mut damaged = gpg.secret(&["--export-secret-keys", &revoked]);
    damaged.truncate(damaged.len() / 2);
    assert_eq!(open(&damaged, None).unwrap_err().class, Class::Signing);
}

#[test]
fn the_first_of_several_keys_signs_with_a_warning() {
    let read = |name: &str| fs::read_to_string(secret_key(name)).unwrap();
    let both = read("ed25519") + &read("rsa3072");
    let identity = open(both.as_bytes(), None).unwrap();
    assert_eq!(identity.fingerprint(), fixture("ed25519").fingerprint());
    assert_eq!(identity.warnings()[0].code, "sign.several");
    let dir = TempDir::new().unwrap();
    let rsa = fixture("rsa3072").fingerprint();
    let chosen =
        Settings { fingerprint: Some(rsa.clone()), ..settings(both.as_bytes(), None, dir.path()) };
    let identity = Identity::open(&chosen).unwrap().unwrap();
    assert_eq!((identity.fingerprint(), identity.warnings().len()), (rsa, 0));
}

#[test]
fn we_accept_what_gpg_signed_and_refuse_what_was_changed() {
    if !have("we_accept_what_gpg_signed", &["gpg:gpg"]) {
        return;
    }
    let gpg = Gpg::new();
    let file = |name: &str| gpg.home().join(name);
    fs::write(file("data"), TEXT).unwrap();
    let other = Certificate::parse(&fixture("rsa3072").certificate()).unwrap();
    for algorithm in ["rsa3072", "ed25519", "nistp256", "dsa2048"] {
        let fingerprint = gpg.key(algorithm, algorithm, "sign", &[]);
        let certificate = Certificate::parse(&gpg.public(&fingerprint)).unwrap();
        let data = file("data");
        let sign = |how: &[&str]| {
            let mut args = vec!["--passphrase", "", "--local-user", &fingerprint, "--output", "-"];
            args.extend(how);
            ok(gpg.run(&args).arg(&data)).stdout
        };
        for how in [
            &["--detach-sign"][..],
            &["--armor", "--detach-sign"],
            &["--textmode", "--armor", "--detach-sign"],
        ] {
            let signature = sign(how);
            let by = certificate.verify(&mut TEXT.as_bytes(), &signature).unwrap();
            assert_eq!(by.fingerprint, fingerprint);
            assert!(matches!(
                certificate.verify(&mut &b"x"[..], &signature),
                Err(Refused::Bad { .. })
            ));
            let unknown = other.verify(&mut TEXT.as_bytes(), &signature);
            assert!(
                matches!(&unknown, Err(Refused::UnknownKey { issuer }) if *issuer == fingerprint),
                "{unknown:?}"
            );
        }
        let clear = String::from_utf8(sign(&["--clearsign"])).unwrap();
        let (text, _) = certificate.verify_clearsigned(&clear).unwrap();
        assert!(
            text.starts_with("Origin: Example\n- dashed\n-----\n\nblanks at the end\n"),
            "{text:?}"
        );
        assert!(certificate.verify_clearsigned(&clear.replace("blanks", "blinks")).is_err());
        assert!(certificate.verify_clearsigned(&format!("{clear}more\n")).is_err());
        assert!(certificate.verify_clearsigned(&format!("more\n{clear}")).is_err());
        assert!(other.verify_clearsigned(&clear).is_err());
        if algorithm == "rsa3072" {
            let signature = sign(&["--digest-algo", "SHA1", "--detach-sign"]);
            let weak = certificate.verify(&mut TEXT.as_bytes(), &signature);
            assert!(matches!(weak, Err(Refused::Weak { .. })), "{weak:?}");
        }
    }
}

#[test]
fn what_is_no_signature_is_said_to_be_none() {
    let certificate = Certificate::parse(&fs::read(public_key("rsa3072")).unwrap()).unwrap();
    for text in ["", "hello", "-----BEGIN PGP SIGNATURE-----\n\n\n-----END PGP SIGNATURE-----\n"] {
        let found = certificate.verify(&mut &b""[..], text.as_bytes());
        assert!(matches!(found, Err(Refused::Malformed { .. })), "{text:?}: {found:?}");
        let found = certificate.verify_clearsigned(text);
        assert!(matches!(found, Err(Refused::Malformed { .. })), "{text:?}: {found:?}");
    }
    assert_eq!(Certificate::parse(b"hello").unwrap_err().class, Class::Signing);
}

/// An identity that is a command, with the public key of a fixture or of gpg.
fn command(words: &[&str], digest: bool, certificate: &[u8], dir: &Path) -> Settings {
    fs::write(dir.join("certificate"), certificate).unwrap();
    let command = SignCommand {
        words: words.iter().map(ToString::to_string).collect(),
        text_words: Vec::new(),
        digest,
        certificate: "certificate".into(),
    };
    Settings { command: Some(command), ..Settings::new(env::vars().collect(), dir.to_owned(), NOW) }
}

#[test]
fn gpg_is_a_command_that_signs() {
    if !have("gpg_is_a_command_that_signs", &["gpg:gpg", "gpgv:gpgv"]) {
        return;
    }
    let (gpg, dir) = (Gpg::new(), TempDir::new().unwrap());
    let fingerprint = gpg.key("command", "rsa3072", "sign", &[]);
    let home = gpg.home().to_str().unwrap();
    let words = ["gpg", "--homedir", home, "--batch", "--local-user", &fingerprint, "-abs"];
    let settings = command(&words, false, &gpg.public(&fingerprint), dir.path());
    let identity = Identity::open(&settings).unwrap().unwrap();
    assert_eq!(identity.fingerprint(), fingerprint);
    gpgv_agrees(&identity);
    we_agree(&identity);

    // what signs only bytes cannot sign texts, and says so
    let hidden = format!("exec {}", words.join(" "));
    let mut settings =
        command(&["sh", "-c", &hidden], false, &gpg.public(&fingerprint), dir.path());
    let identity = Identity::open(&settings).unwrap().unwrap();
    identity.sign(&mut TEXT.as_bytes(), TIME).unwrap();
    let error = identity.clearsign(TEXT, TIME).unwrap_err();
    assert!(error.to_string().contains("text-command"), "{error}");
    let text = hidden.replace("--batch", "--batch --textmode");
    settings.command.as_mut().unwrap().text_words = ["sh", "-c", &text].map(str::to_owned).into();
    let identity = Identity::open(&settings).unwrap().unwrap();
    gpgv_agrees(&identity);
    we_agree(&identity);
}

#[test]
fn what_a_command_wrote_is_not_believed() {
    let dir = TempDir::new().unwrap();
    let public = fs::read(public_key("rsa3072")).unwrap();
    let other = fixture("ed25519").sign_armored(&mut TEXT.as_bytes(), TIME).unwrap();
    let stale = fixture("rsa3072").sign_armored(&mut &b"other data"[..], TIME).unwrap();
    fs::write(dir.path().join("other"), other).unwrap();
    fs::write(dir.path().join("stale"), stale).unwrap();
    let said = |words: &[&str]| {
        let settings = command(words, false, &public, dir.path());
        let identity = Identity::open(&settings).unwrap().unwrap();
        let error = identity.sign(&mut TEXT.as_bytes(), TIME).unwrap_err();
        assert_eq!((error.class, error.code), (Class::Signing, "sign.command"), "{error}");
        error.to_string()
    };
    let fails = said(&["sh", "-c", "cat >/dev/null; echo no card >&2; exit 2"]);
    assert!(fails.contains("`sh` did not sign") && fails.contains("caused by: no card"), "{fails}");
    assert!(said(&["/no/such/program"]).contains("cannot run `/no/such/program`"));
    assert!(said(&["true"]).contains("`true` wrote no OpenPGP signature"));
    assert!(said(&["cat"]).contains("`cat` wrote no OpenPGP signature"));
    assert!(said(&["cat", "other"]).contains("signed with another key than the OpenPGP key"));
    assert!(
        said(&["cat", "stale"]).contains("the signature that `cat` wrote is not one of this data")
    );
    let missing = Settings {
        command: Some(SignCommand { certificate: "none".into(), ..said_command() }),
        ..command(&["cat"], false, &public, dir.path())
    };
    let error = Identity::open(&missing).unwrap_err();
    assert_eq!((error.class, error.code), (Class::Signing, "sign.certificate"), "{error}");
}

fn said_command() -> SignCommand {
    SignCommand {
        words: vec!["cat".into()],
        text_words: Vec::new(),
        digest: false,
        certificate: "certificate".into(),
    }
}

/// RSA as an HSM does it: a digest in, a bare PKCS#1 v1.5 signature out.
const HSM: &str = "
import os, sys
digest = sys.stdin.buffer.read()
assert os.environ['PKGGEN_HASH'] == 'sha512' and len(digest) == 64
d, p, q = (int(text, 16) for text in open('key').read().split())
n = p * q
info = bytes.fromhex('3051300d060960864801650304020305000440') + digest
size = (n.bit_length() + 7) // 8
block = b'\\0\\1' + b'\\xff' * (size - len(info) - 3) + b'\\0' + info
sys.stdout.buffer.write(pow(int.from_bytes(block, 'big'), d, n).to_bytes(size, 'big'))
";

#[test]
fn a_command_that_signs_digests_is_an_hsm() {
    if !have("a_command_that_signs_digests", &["python3:python3", "openssl:openssl", "gpgv:gpgv"]) {
        return;
    }
    let dir = TempDir::new().unwrap();
    let secret = |name: &str| {
        use pgp::composed::Deserializable as _;
        let file = fs::read(secret_key(name)).unwrap();
        let (key, _) = pgp::composed::SignedSecretKey::from_armor_single(&file[..]).unwrap();
        let pgp::types::SecretParams::Plain(params) = key.primary_key.secret_params() else {
            panic!("no passphrase")
        };
        params.clone()
    };
    let hex =
        |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let agree = |words: &[&str], name: &str| {
        let public = fs::read(public_key(name)).unwrap();
        let settings = command(words, true, &public, dir.path());
        let identity = Identity::open(&settings).unwrap().unwrap();
        gpgv_agrees(&identity);
        we_agree(&identity);
        let remote = identity.sign(&mut TEXT.as_bytes(), TIME).unwrap();
        assert_eq!(remote, fixture(name).sign(&mut TEXT.as_bytes(), TIME).unwrap());
    };

    let params = secret("rsa3072");
    let pgp::types::PlainSecretParams::RSA(rsa) = &params else { panic!("RSA") };
    let (d, p, q, _) = rsa.to_bytes();
    fs::write(dir.path().join("key"), [d, p, q].map(|number| hex(&number)).join(" ")).unwrap();
    agree(&["python3", "-c", HSM], "rsa3072");

    let params = secret("ed25519");
    let pgp::types::PlainSecretParams::EdDSALegacy(key) = &params else { panic!("Ed25519") };
    let pgp::crypto::eddsa_legacy::SecretKey::Ed25519(key) = key else { panic!("Ed25519") };
    let mut der = vec![0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 34, 4, 32];
    der.extend(key.as_bytes());
    fs::write(dir.path().join("key.der"), der).unwrap();
    let sign =
        "cat >digest && exec openssl pkeyutl -sign -inkey key.der -keyform DER -rawin -in digest";
    agree(&["sh", "-c", sign], "ed25519");

    let public = fs::read(public_key("ed25519")).unwrap();
    for (words, why) in [
        (["head", "-c63", "/dev/zero"], "no signature of the key's algorithm"),
        (["head", "-c64", "/dev/zero"], "no signature of the digest by the key of `certificate`"),
    ] {
        let settings = command(&words, true, &public, dir.path());
        let error = Identity::open(&settings)
            .unwrap()
            .unwrap()
            .sign(&mut TEXT.as_bytes(), TIME)
            .unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

/// pkggen in a folder with the manifest of a small package, with the RSA key of the fixtures.
struct App {
    dir: TempDir,
}

impl App {
    fn new(more: &str) -> Self {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("payload"), "hello\n").unwrap();
        manifest(dir.path(), "payload", more);
        Self { dir }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn unsigned(&self, line: &str) -> Command {
        let mut command = pkggen(self.dir.path());
        command.env("SOURCE_DATE_EPOCH", TIME.to_string()).current_dir(self.dir.path());
        command.args(line.split(' '));
        command
    }

    fn signed(&self, line: &str) -> Command {
        let mut command = self.unsigned(line);
        command.env("GPG_PRIVATE_KEY", fs::read_to_string(secret_key("rsa3072")).unwrap());
        command
    }
}

fn exits(command: &mut Command, code: i32, text: &str) {
    let output = command.output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{command:?}: {said}");
    assert!(said.contains(text), "{command:?}: {said}");
    assert!(!said.contains("PRIVATE KEY") && !said.contains("lQVYBF4L4QABDADMWXIH"), "{said}");
}

#[test]
fn debsig_verify_accepts_what_is_signed_and_refuses_what_was_changed() {
    let test = "debsig_verify_accepts_what_is_signed";
    if !have(test, &["debsig-verify:debsig-verify", "gpg:gpg", "dpkg-deb:dpkg"]) {
        return;
    }
    let app = App::new("");
    for name in ["rsa3072", "ed25519"] {
        for codec in ["xz", "zstd", "none"] {
            let set = format!("deb --sign --set deb.compression={codec} --out {name}");
            let mut command = app.unsigned(&set);
            command.env("GPG_PRIVATE_KEY", fs::read_to_string(secret_key(name)).unwrap());
            let deb = stdout(&mut command);
            let deb = app.path(deb.trim());
            check("package-signature.sh", &[&deb, public_key(name).to_str().unwrap()]);
            check("deb-structure.sh", &[&deb]);
        }
    }
}

#[test]
fn rpm_accepts_what_is_signed_and_refuses_what_was_changed() {
    if !have("rpm_accepts_what_is_signed", &["rpmkeys:rpm", "rpm:rpm", "gpg:gpg"]) {
        return;
    }
    let app = App::new("");
    for name in ["rsa3072", "ed25519"] {
        let mut command = app.unsigned(&format!("rpm --sign --out {name}"));
        command.env("GPG_PRIVATE_KEY", fs::read_to_string(secret_key(name)).unwrap());
        let rpm = app.path(stdout(&mut command).trim());
        let key = public_key(name).to_str().unwrap().to_owned();
        check("package-signature.sh", &[&rpm, &key]);
        exits(&mut app.unsigned(&format!("verify --key {key} {rpm}")), 0, "signed by");
        let other = public_key(if name == "rsa3072" { "ed25519" } else { "rsa3072" });
        let verify = format!("verify --key {} {rpm}", other.display());
        exits(&mut app.unsigned(&verify), 1, "which is not the given key");
    }
}

#[test]
fn a_command_signs_debs_rpms_and_checksums() {
    if !have("a_command_signs", &["gpg:gpg", "rpmkeys:rpm", "debsig-verify:debsig-verify"]) {
        return;
    }
    let gpg = Gpg::new();
    let fingerprint = gpg.key("command", "rsa3072", "sign", &[]);
    let app = App::new(&format!(
        "[sign.gpg]\ncommand = [\"gpg\", \"--homedir\", \"{}\", \"--batch\", \"-u\", \"{fingerprint}\", \"-abs\"]\n\
         certificate = \"key.gpg\"\n",
        gpg.home().display()
    ));
    fs::write(app.path("key.gpg"), gpg.public(&fingerprint)).unwrap();
    let made = stdout(&mut app.unsigned("build deb rpm zip --sign"));
    assert_eq!(made.lines().count(), 3, "{made}");
    for file in made.lines().filter(|file| !file.contains(".zip")) {
        check("package-signature.sh", &[&app.path(file), &app.path("key.gpg")]);
    }
    exits(&mut app.unsigned("verify --strict --key key.gpg dist"), 0, "signed by");
    fs::remove_file(app.path("key.gpg")).unwrap();
    exits(&mut app.unsigned("build deb"), 4, "the certificate `key.gpg` is not there");
}

#[test]
fn a_signed_fixture_is_installed_by_dpkg() {
    let out = TempDir::new().unwrap();
    let key = format!("sign.gpg.key.file={}", secret_key("rsa3072").display());
    let deb = build_one("service", "deb", &["--sign", "--set", &key], out.path());
    check("deb-install-lifecycle.sh", &[deb.to_str().unwrap()]);
}

#[test]
fn two_builds_have_the_same_signatures() {
    let (one, two) = (App::new(""), App::new(""));
    for app in [&one, &two] {
        ok(&mut app.signed("build --sign -j 1"));
    }
    let files = |app: &App| common::files(&app.dir.path().join("dist"));
    assert_eq!(files(&one), files(&two));
    assert!(files(&one).keys().any(|path| path.ends_with("SHA256SUMS.asc")));
}

#[test]
fn the_checksums_are_signed_and_an_old_signature_goes() {
    let app = App::new("");
    ok(&mut app.signed("build"));
    if have("the_checksums_are_signed", &["gpg:gpg", "gpgv:gpgv"]) {
        let key = ok(Command::new("gpg")
            .arg("--dearmor")
            .stdin(fs::File::open(public_key("rsa3072")).unwrap()))
        .stdout;
        fs::write(app.path("key.gpg"), key).unwrap();
        let mut gpgv = Command::new("gpgv");
        gpgv.args(["--keyring", &app.path("key.gpg"), &app.path("dist/SHA256SUMS.asc")]);
        ok(gpgv.arg(app.path("dist/SHA256SUMS")));
    }
    ok(&mut app.unsigned("deb"));
    assert!(!Path::new(&app.path("dist/SHA256SUMS.asc")).exists());
}

#[test]
fn plan_and_check_say_who_signs_and_show_no_secret() {
    let app = App::new("");
    let fingerprint = fixture("rsa3072").fingerprint();
    let gpg = format!("gpg: {fingerprint}");
    exits(
        &mut app.signed("plan"),
        0,
        &format!("{gpg} (Test Only <test-only-rsa3072@example.org>)\n"),
    );
    exits(&mut app.signed("plan"), 0, "by SHA256SUMS.asc");
    exits(&mut app.signed("check"), 0, &format!("signed by {gpg}"));
    exits(&mut app.signed("plan --no-sign"), 0, "unsigned: `--no-sign`");
    exits(&mut app.unsigned("plan"), 0, "unsigned: `GPG_PRIVATE_KEY` is not set");
    let signers = |mut command: Command| -> Vec<serde_json::Value> {
        let document: serde_json::Value = serde_json::from_str(&stdout(&mut command)).unwrap();
        let rows = document["artifacts"].as_array().unwrap();
        rows.iter().map(|row| row["signer"].clone()).collect()
    };
    assert_eq!(signers(app.signed("plan deb zip --json")), [gpg.into(), serde_json::Value::Null]);
    assert_eq!(signers(app.unsigned("plan deb --json")), [serde_json::Value::Null]);
}

#[test]
fn who_must_sign_and_cannot_is_an_error_before_anything_is_built() {
    let app = App::new("");
    exits(
        &mut app.unsigned("build --sign"),
        4,
        "`--sign` asks for signatures, and there is no OpenPGP key: `GPG_PRIVATE_KEY` is not set",
    );
    exits(
        &mut app.unsigned("build --profile release"),
        4,
        "`--profile release` asks for signatures",
    );
    exits(app.unsigned("build").env("GPG_PRIVATE_KEY", ""), 0, "blob");
    fs::remove_dir_all(app.path("dist")).unwrap();
    let public = fs::read_to_string(public_key("rsa3072")).unwrap();
    exits(app.unsigned("build").env("GPG_PRIVATE_KEY", public), 4, "only a public OpenPGP key");
    exits(
        app.unsigned("build").env("GPG_PRIVATE_KEY", "/home/ana/key.asc"),
        4,
        "the variable holds the key itself, not a path",
    );
    let required =
        App::new("[sign]\nmode = \"required\"\ngpg = { key = { file = \"none.asc\" } }\n");
    exits(
        &mut required.unsigned("build"),
        4,
        "[sign] mode = \"required\" asks for signatures, and there is no OpenPGP key: `none.asc` is not there\n  --> pkggen.toml:14:8",
    );
    exits(&mut required.signed("check"), 4, "`none.asc` is not there");
    assert!(!Path::new(&app.path("dist")).exists() && !Path::new(&required.path("dist")).exists());
    exits(&mut required.unsigned("build --no-sign"), 0, "blob");
    let off = App::new("[sign]\nmode = \"off\"\n");
    exits(&mut off.signed("plan"), 0, "unsigned: [sign] mode = \"off\"");
    exits(&mut off.signed("plan --sign"), 0, "gpg: ");
}

#[test]
fn a_key_of_a_command_with_a_passphrase_of_a_file_signs() {
    if !have("a_key_of_a_command", &["gpg:gpg"]) {
        return;
    }
    let app = App::new(
        "[sign.gpg]\nkey = { command = [\"cat\", \"key\"] }\npassphrase = { file = \"passphrase\" }\n",
    );
    let gpg = Gpg::new();
    let fingerprint = gpg.key("locked", "ed25519", "sign", &["--passphrase", "correct horse"]);
    fs::write(app.path("key"), gpg.secret(&["--export-secret-keys", &fingerprint])).unwrap();
    fs::write(app.path("passphrase"), "correct horse\n").unwrap();
    exits(&mut app.unsigned("deb --sign"), 0, "blob_1.0.0_amd64.deb");
    fs::write(app.path("passphrase"), "wrong horse\n").unwrap();
    let output = app.unsigned("deb --sign -v --json").output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(said(&output).contains("sign.passphrase") && !said(&output).contains("horse"));
}

#[test]
fn verify_with_a_key_says_good_bad_unknown_and_unsigned() {
    let app = App::new("");
    let key = |name: &str| public_key(name).to_str().unwrap().to_owned();
    let (rsa, other) = (key("rsa3072"), key("ed25519"));
    ok(&mut app.signed("build deb zip"));
    let by = format!("signed by {} (Test Only", fixture("rsa3072").fingerprint());
    exits(&mut app.unsigned(&format!("verify --strict --key {rsa} dist")), 0, &by);
    exits(
        &mut app.unsigned(&format!("verify --key {other} dist")),
        1,
        "its signature: it was signed by",
    );
    exits(
        &mut app.unsigned(&format!("verify --key {other} dist")),
        1,
        "the signature of SHA256SUMS: it was signed by",
    );
    exits(&mut app.unsigned("verify --key pkggen.toml dist"), 4, "there is no OpenPGP key");
    let deb = app.path("dist/blob_1.0.0_amd64.deb");
    let good = fs::read(&deb).unwrap();
    let mut bad = good.clone();
    // a byte of the time in the header of control.tar.gz's gzip: nothing but the signature covers it
    let at = bad.windows(2).position(|two| two == [0x1f, 0x8b]).unwrap() + 4;
    bad[at] ^= 1;
    fs::write(&deb, &bad).unwrap();
    exits(
        &mut app.unsigned(&format!("verify --key {rsa} {deb}")),
        1,
        "is wrong: what was signed was changed",
    );
    fs::write(&deb, &good).unwrap();
    let sums = app.path("dist/SHA256SUMS");
    fs::write(&sums, fs::read_to_string(&sums).unwrap() + "\n").unwrap();
    exits(
        &mut app.unsigned(&format!("verify --key {rsa} dist")),
        1,
        "the signature of SHA256SUMS: the signature by",
    );
    ok(&mut app.unsigned("build deb zip"));
    exits(&mut app.unsigned(&format!("verify --key {rsa} {deb}")), 1, "it is not signed");
    exits(
        &mut app.unsigned(&format!("verify --key {rsa} dist")),
        1,
        "holds no signature of its own, and SHA256SUMS is not signed",
    );
    exits(&mut app.unsigned("verify dist"), 0, ": ok");
}

#[test]
fn a_key_for_trying_is_made_once_and_only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let app = App::new("");
    for algorithm in ["rsa3072", "ed25519"] {
        let mut keygen =
            app.unsigned(&format!("keygen dev --out {algorithm} --algorithm {algorithm}"));
        exits(&mut keygen, 0, &format!("rpm --import {algorithm}/dev.asc"));
        let mode = |name: &str| {
            fs::metadata(app.path(&format!("{algorithm}/{name}"))).unwrap().permissions().mode()
                & 0o777
        };
        assert_eq!((mode("dev.secret.asc"), mode("dev.asc")), (0o600, 0o644));
        exits(&mut keygen, 1, "an earlier key is never replaced");
        let identity =
            open(&fs::read(app.path(&format!("{algorithm}/dev.secret.asc"))).unwrap(), None)
                .unwrap();
        assert_eq!(
            (identity.algorithm().is_rsa(), identity.warnings().len()),
            (algorithm == "rsa3072", 0)
        );
        we_agree(&identity);
        let public = app.path(&format!("{algorithm}/dev.asc"));
        if have("a_key_for_trying", &["gpgv:gpgv", "rpmkeys:rpm"]) {
            gpgv_agrees(&identity);
            ok(Command::new("rpmkeys").args(["--dbpath", &app.path("rpm"), "--import", &public]));
        }
        let set = format!(
            "deb --sign --set sign.gpg.key.file={algorithm}/dev.secret.asc --out {algorithm}"
        );
        let deb = stdout(&mut app.unsigned(&set));
        check("package-signature.sh", &[&app.path(deb.trim()), &public]);
    }
}

mod texts {
    use proptest::prelude::*;

    use super::*;

    /// Texts with everything that clear-signing has rules for.
    fn texts() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            "[- \t]{0,4}[a-zA-Z:-]{0,12}[ \t]{0,3}",
            "-----[A-Z ]{0,12}-----",
            "- ?From ö[^\r\n]{0,8}",
            Just(String::new()),
        ];
        let end = prop_oneof![Just("\n"), Just("\r\n")];
        let lines = prop::collection::vec((line, end), 0..8);
        (lines, any::<bool>()).prop_map(|(lines, ended)| {
            let lines: Vec<_> = lines.iter().map(|(line, end)| format!("{line}{end}")).collect();
            let text = lines.concat();
            if ended { text } else { text.trim_end_matches(['\r', '\n']).to_owned() }
        })
    }

    /// What a reader gets back: lines without blanks at their ends, each ended by LF.
    fn plain(text: &str) -> String {
        let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let lines: Vec<_> = lines.map(|line| line.trim_end_matches([' ', '\t', '\r'])).collect();
        lines.join("\n") + "\n"
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_text_survives_clear_signing(text in texts()) {
            let identity = fixture("ed25519");
            let certificate = Certificate::parse(&identity.certificate()).unwrap();
            let clear = identity.clearsign(&text, TIME).unwrap();
            let (read, _) = certificate.verify_clearsigned(&clear).unwrap();
            prop_assert_eq!(read, plain(&text));
        }
    }

    #[test]
    fn gpg_reads_the_same_text() {
        if !have("gpg_reads_the_same_text", &["gpg:gpg"]) {
            return;
        }
        let gpg = Gpg::new();
        gpg.import(&fs::read(public_key("ed25519")).unwrap());
        let identity = fixture("ed25519");
        let file = gpg.home().join("clear");
        for text in [
            "",
            "\n",
            "a",
            "-\n",
            "- -\n-----BEGIN PGP SIGNATURE-----\n\n\n",
            "a \t\r\n\r\nb",
            "Ünï\n",
        ] {
            fs::write(&file, identity.clearsign(text, TIME).unwrap()).unwrap();
            let read = stdout(gpg.run(&["--decrypt"]).arg(&file));
            assert_eq!(plain(&read), plain(text), "{text:?}");
        }
    }
}
