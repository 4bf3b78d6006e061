//! Commands that sign: gpg itself, a smart card, an HSM.
//!
//! A command reads what is signed, or its digest, from its standard input and writes the signature
//! to its standard output. Nothing it writes is used before the certificate has accepted it.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read, Write},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
};

use pgp::{
    crypto::{hash::HashAlgorithm, public_key::PublicKeyAlgorithm},
    packet::{Signature, SignatureType},
    ser::Serialize as _,
    types::{
        Fingerprint, KeyDetails, KeyId, KeyVersion, Mpi, Password, PublicParams, SignatureBytes,
        SigningKey, Timestamp,
    },
};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::{Settings, SignCommand, part::Public};
use crate::diagnostic::Diagnostic;

/// Longest signature that is read, in bytes.
const MAX_SIGNATURE: u64 = 1 << 20;

/// Most lines of what a command complained about that are shown.
const MAX_LINES: usize = 5;

/// A key that only a command can use.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    pub(super) public: Public,
    command: SignCommand,
    surroundings: Surroundings,
}

/// Where the command runs.
#[derive(Clone)]
struct Surroundings {
    env: BTreeMap<String, String>,
    dir: PathBuf,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Surroundings({:?})", self.dir)
    }
}

impl Remote {
    pub(super) fn new(public: Public, command: SignCommand, settings: &Settings) -> Self {
        let surroundings = Surroundings { env: settings.env.clone(), dir: settings.dir.clone() };
        Self { public, command, surroundings }
    }

    /// Whether it wants digests; else what is signed.
    pub(super) fn reads_digests(&self) -> bool {
        self.command.digest
    }

    /// A signature that the command makes of data, read once, and that its certificate accepts.
    pub(super) fn sign_data(
        &self,
        kind: SignatureType,
        data: &mut dyn Read,
        time: u64,
    ) -> Result<Signature, Diagnostic> {
        let is_text = kind == SignatureType::Text;
        let words = if is_text { self.text_words() } else { self.command.words.clone() };
        let vars = [
            ("PKGGEN_SIGNATURE", if is_text { "text" } else { "binary" }.to_owned()),
            ("SOURCE_DATE_EPOCH", time.to_string()),
        ];
        let mut digests = Digests::default();
        let mut failed = None;
        let output = self.run(&words, &vars, &mut |to| digests.feed(data, to, &mut failed))?;
        if let Some(error) = failed {
            let text = "cannot read what is to be signed";
            return Err(Diagnostic::failed("sign.unreadable", text).caused_by(&error));
        }
        self.accepted(&output, kind, digests, &words)
    }

    /// Asks gpg for a signature of text where the words are those for data.
    fn text_words(&self) -> Vec<String> {
        if !self.command.text_words.is_empty() {
            return self.command.text_words.clone();
        }
        let mut words = self.command.words.clone();
        let program = words.first().and_then(|word| word.rsplit('/').next());
        if matches!(program, Some("gpg" | "gpg2")) {
            words.insert(1, "--textmode".into());
        }
        words
    }

    fn accepted(
        &self,
        output: &[u8],
        kind: SignatureType,
        digests: Digests,
        words: &[String],
    ) -> Result<Signature, Diagnostic> {
        let program = program(words);
        let refuse = |text: String| Diagnostic::signing("sign.command", text);
        let signatures = super::certificate::detached(output).map_err(|error| {
            refuse(format!("`{program}` wrote no OpenPGP signature")).caused_by(&error)
        })?;
        let Some(signature) = signatures.iter().find(|sig| self.public.claims(sig)) else {
            let text =
                format!("`{program}` signed with another key than the {}", self.public.title());
            return Err(refuse(text).hint(
                "`certificate` is the public key of `command`; `fingerprint` chooses a subkey",
            ));
        };
        if signature.typ() != Some(kind) {
            let text = format!("`{program}` wrote a signature of another type than was asked for");
            let hint = "texts need type 0x01: [sign.gpg] text-command = [\"gpg\", \"--batch\", \"--textmode\", \"-abs\"]";
            return Err(refuse(text).hint(hint));
        }
        if digests.verify(signature, &self.public) != Some(true) {
            let text = format!("the signature that `{program}` wrote is not one of this data");
            return Err(refuse(text));
        }
        Ok(signature.clone())
    }

    fn run(
        &self,
        words: &[String],
        vars: &[(&str, String)],
        feed: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Vec<u8>, Diagnostic> {
        let program = program(words);
        let failed = |text: String| Diagnostic::signing("sign.command", text);
        let child = Command::new(&program)
            .args(words.iter().skip(1))
            .env_clear()
            .envs(&self.surroundings.env)
            .envs(vars.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.surroundings.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .and_then(|child| talk(child, feed))
            .map_err(|error| failed(format!("cannot run `{program}`")).caused_by(&error))?;
        if child.status.success() {
            return Ok(child.stdout);
        }
        let mut error = failed(format!("`{program}` did not sign"));
        error.causes.push(child.status.to_string());
        error.causes.extend(last_lines(&child.stderr));
        Err(error)
    }

    /// The bare signature of a digest, as the key's algorithm writes it.
    fn sign_digest(
        &self,
        hash: HashAlgorithm,
        digest: &[u8],
    ) -> Result<SignatureBytes, Diagnostic> {
        let words = &self.command.words;
        let vars = [
            ("PKGGEN_HASH", hash.to_string().to_lowercase()),
            ("PKGGEN_KEY", format!("{:X}", self.fingerprint())),
        ];
        let output = self.run(words, &vars, &mut |to| to.write_all(digest))?;
        let program = program(words);
        let refuse = |why: &str| {
            let text = format!("`{program}` wrote {} bytes, {why}", output.len());
            Diagnostic::signing("sign.command", text)
        };
        let signature = match self.algorithm() {
            PublicKeyAlgorithm::RSA | PublicKeyAlgorithm::RSASign => {
                vec![Mpi::from_slice(&output)].into()
            }
            PublicKeyAlgorithm::EdDSALegacy if output.len() == 64 => halves(&output),
            PublicKeyAlgorithm::Ed25519 if output.len() == 64 => {
                SignatureBytes::Native(output.clone().into())
            }
            PublicKeyAlgorithm::ECDSA => der(&output)
                .or_else(|| (output.len() % 2 == 0).then(|| halves(&output)))
                .ok_or_else(|| refuse("which is no ECDSA signature"))?,
            _ => return Err(refuse("which is no signature of the key's algorithm")),
        };
        if self.public.verify_digest(hash, digest, &signature) {
            return Ok(signature);
        }
        Err(refuse("which is no signature of the digest by the key of `certificate`"))
    }
}

fn program(words: &[String]) -> String {
    words.first().cloned().unwrap_or_default()
}

/// Writes and reads at once: neither side may wait for the other.
fn talk(
    mut child: Child,
    feed: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<Output> {
    let mut input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let out = scope.spawn(move || read_all(out));
        let err = scope.spawn(move || read_all(err));
        // One that went away early says why by its status.
        let outcome = match feed(&mut input) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        };
        drop(input);
        let status = child.wait()?;
        let join = |handle: thread::ScopedJoinHandle<'_, io::Result<Vec<u8>>>| {
            handle.join().unwrap_or_else(|_| Ok(Vec::new()))
        };
        let output = Output { status, stdout: join(out)?, stderr: join(err)? };
        outcome.map(|()| output)
    })
}

fn read_all(from: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        from.by_ref().take(MAX_SIGNATURE).read_to_end(&mut bytes)?;
        // The rest is read as well: one that cannot write would never end.
        io::copy(&mut from, &mut io::sink())?;
    }
    Ok(bytes)
}

fn last_lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let clean = |line: &str| line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let lines: Vec<String> =
        text.lines().filter(|line| !line.trim().is_empty()).map(clean).collect();
    lines[lines.len().saturating_sub(MAX_LINES)..].to_vec()
}

fn halves(bytes: &[u8]) -> SignatureBytes {
    let (r, s) = bytes.split_at(bytes.len() / 2);
    vec![Mpi::from_slice(r), Mpi::from_slice(s)].into()
}

/// `SEQUENCE { INTEGER r, INTEGER s }`, as openssl writes it.
fn der(bytes: &[u8]) -> Option<SignatureBytes> {
    let (body, rest) = value(bytes, 0x30)?;
    let (r, after) = value(body, 0x02)?;
    let (s, end) = value(after, 0x02)?;
    let whole = rest.is_empty() && end.is_empty();
    whole.then(|| vec![Mpi::from_slice(r), Mpi::from_slice(s)].into())
}

/// The value of that tag at the front, and what follows; lengths below 256 bytes.
fn value(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (len, rest) = match bytes {
        [found, 0x81, len, rest @ ..] if *found == tag => (*len, rest),
        [found, len, rest @ ..] if *found == tag && *len < 0x80 => (*len, rest),
        _ => return None,
    };
    rest.split_at_checked(len.into())
}

/// What a signature may be of: its own digest is known only when it is there.
#[derive(Default)]
struct Digests {
    sha256: Sha256,
    sha384: Sha384,
    sha512: Sha512,
}

impl Digests {
    /// Hands data on to the command. A reader's own error is kept apart from the pipe's.
    fn feed(
        &mut self,
        data: &mut dyn Read,
        to: &mut dyn Write,
        failed: &mut Option<io::Error>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let len = match data.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    *failed = Some(error);
                    return Ok(());
                }
            };
            let bytes = &buffer[..len];
            self.sha256.update(bytes);
            self.sha384.update(bytes);
            self.sha512.update(bytes);
            to.write_all(bytes)?;
        }
    }

    /// Whether it is a good signature; `None` for digests and versions that are not accepted.
    fn verify(self, signature: &Signature, key: &Public) -> Option<bool> {
        let body = signature.to_bytes().ok()?;
        // version, type, two algorithms, length of the hashed part, the hashed part
        let [4, _, _, _, high, low, ..] = body[..] else { return None };
        let hashed = body.get(..6 + usize::from(u16::from_be_bytes([high, low])))?;
        let mut trailer = vec![4, 0xff];
        trailer.extend(u32::try_from(hashed.len()).ok()?.to_be_bytes());
        let hash = signature.hash_alg()?;
        let digest = match hash {
            HashAlgorithm::Sha256 => {
                self.sha256.chain_update(hashed).chain_update(trailer).finalize().to_vec()
            }
            HashAlgorithm::Sha384 => {
                self.sha384.chain_update(hashed).chain_update(trailer).finalize().to_vec()
            }
            HashAlgorithm::Sha512 => {
                self.sha512.chain_update(hashed).chain_update(trailer).finalize().to_vec()
            }
            _ => return None,
        };
        let starts = signature.signed_hash_value().is_some_and(|start| digest.starts_with(&start));
        Some(starts && key.verify_digest(hash, &digest, signature.signature()?))
    }
}

/// What rPGP asks of a key that is elsewhere.
impl SigningKey for Remote {
    fn sign(
        &self,
        _: &Password,
        hash: HashAlgorithm,
        digest: &[u8],
    ) -> pgp::errors::Result<SignatureBytes> {
        self.sign_digest(hash, digest).map_err(|error| io::Error::other(error.to_string()).into())
    }

    fn hash_alg(&self) -> HashAlgorithm {
        self.public_params().hash_alg()
    }
}

impl KeyDetails for Remote {
    fn version(&self) -> KeyVersion {
        self.public.details().version()
    }

    fn legacy_key_id(&self) -> KeyId {
        self.public.details().legacy_key_id()
    }

    fn fingerprint(&self) -> Fingerprint {
        self.public.details().fingerprint()
    }

    fn algorithm(&self) -> PublicKeyAlgorithm {
        self.public.details().algorithm()
    }

    fn created_at(&self) -> Timestamp {
        self.public.details().created_at()
    }

    fn legacy_v3_expiration_days(&self) -> Option<u16> {
        None
    }

    fn public_params(&self) -> &PublicParams {
        self.public.details().public_params()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ecdsa_signature_may_be_der_as_openssl_writes_it() {
        let wanted: SignatureBytes =
            vec![Mpi::from_slice(&[0x80]), Mpi::from_slice(&[1, 2])].into();
        let bytes = [0x30, 8, 2, 2, 0, 0x80, 2, 2, 1, 2];
        assert_eq!(der(&bytes), Some(wanted.clone()));
        assert_eq!(der(&[&[0x30, 0x81], &bytes[1..]].concat()), Some(wanted));
        for at in 0..bytes.len() {
            assert_eq!(der(&bytes[..at]), None, "{at}");
        }
        assert_eq!(der(&[&bytes[..], &[0]].concat()), None);
    }

    #[test]
    fn the_last_lines_of_a_complaint_are_shown_without_control_characters() {
        let text = b"1\n2\n3\n\n4\n5\n\x1b[31m6\n";
        assert_eq!(last_lines(text), ["2", "3", "4", "5", " [31m6"]);
    }
}
