//! `[sign]` and `[release]`.

use super::{Fingerprint, Line, Path, Repo, Url};
use crate::{
    diagnostic::Diagnostic,
    manifest::{Decode, Decoder, Node, Shape, Spanned, Value},
    table, words,
};

/// Where a secret comes from. Its value is never in the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// An environment variable.
    Env(String),
    /// A file.
    File(String),
    /// What a command prints.
    Command(Vec<String>),
}

impl Secret {
    /// Whether it can be what it says. Never shows what was written: it may be the secret itself.
    fn check(&self, node: &Node, to: &mut Decoder) -> bool {
        let problem = match self {
            Self::Env(name) if !to.deferred(name) && super::EnvName::check(name).is_err() => {
                "`env` is no name of an environment variable"
            }
            Self::File(path) if !to.deferred(path) && Path::check(path).is_err() => {
                "`file` is no path"
            }
            Self::Command(words) if words.is_empty() => "`command` is empty",
            _ => return true,
        };
        to.note("manifest.value", problem, node.place.as_ref());
        false
    }
}

impl Decode for Secret {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        if !matches!(node.value, Value::Table(_)) {
            let message = format!("`{}` is a secret, and is written in the manifest", to.path());
            let error = Diagnostic::usage("manifest.secret", message)
                .at(node.place.clone())
                .hint("say where it comes from: { env = \"NAME\" }, { file = \"path\" } or { command = [\"…\"] }")
                .secret();
            to.found.error(error);
            return None;
        }
        let keys = ["env", "file", "command"];
        to.unknown_keys(node, &keys.map(str::to_owned));
        let written: Vec<_> = keys.into_iter().filter(|key| node.get(key).is_some()).collect();
        let [key] = written.as_slice() else {
            let message = format!("`{}` needs one of `env`, `file` and `command`", to.path());
            to.note("manifest.value", message, node.place.as_ref());
            return None;
        };
        let value = node.get(key)?;
        to.within(key, |to| match *key {
            "env" => String::decode(value, to).map(Self::Env),
            "file" => String::decode(value, to).map(Self::File),
            _ => Vec::decode(value, to).map(Self::Command),
        })
        .filter(|secret| secret.check(value, to))
    }

    fn shape() -> Shape {
        let one = |name, key, shape| Shape::Record(name, vec![(key, shape, true)]);
        let words = Shape::List(Box::new(Shape::Text("text")));
        Shape::Either(vec![
            one("SecretEnv", "env", Shape::Text("an environment variable")),
            one("SecretFile", "file", Shape::Text("a path")),
            one("SecretCommand", "command", words),
        ])
    }
}

table! {
    /// Where keys come from, and whether there must be any. Secrets are only `{ env = "NAME" }`,
    /// `{ file = "path" }` or `{ command = ["…"] }`.
    pub struct Sign {
        /// Whether artifacts are signed.
        mode: SignMode = SignMode::Auto => "auto",
        /// Apple's signatures.
        macos: Option<SignMacos>,
        /// Authenticode.
        windows: Option<SignWindows>,
        /// OpenPGP: deb, rpm, repositories, checksums.
        gpg: Option<SignGpg>,
    }
}

/// Whether artifacts are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignMode {
    /// When there is an identity.
    Auto,
    /// Always; no identity is an error.
    Required,
    /// Never.
    Off,
}

words! { SignMode {
    Auto = "auto": "a real identity when there is one, else the ad-hoc seal or `-unsigned` in the file name",
    Required = "required": "no identity is an error, as with `--sign`",
    Off = "off": "nothing is signed",
} }

table! {
    /// Apple's signatures and notarization.
    pub struct SignMacos {
        /// Developer ID Application: a .p12, base64.
        certificate: Option<Secret> => "`APPLE_CERTIFICATE`",
        /// Its password.
        password: Option<Secret> => "`APPLE_CERTIFICATE_PASSWORD`",
        /// Developer ID Installer, for .pkg.
        installer_certificate: Option<Secret>,
        /// A plist of entitlements.
        entitlements: Option<Spanned<Path>>,
        /// The App Store Connect key that notarizes.
        notarize: Option<Notarize>,
    }
}

table! {
    /// The App Store Connect key that notarizes.
    pub struct Notarize {
        /// The .p8 file.
        key: Option<Secret> => "the file named by `APPLE_API_KEY_PATH`",
        /// Its id.
        key_id: Option<Secret> => "`APPLE_API_KEY`",
        /// The issuer.
        issuer: Option<Secret> => "`APPLE_API_ISSUER`",
    }
}

table! {
    /// Authenticode: a certificate, or a command that signs a digest.
    pub struct SignWindows {
        /// A .pfx.
        certificate: Option<Secret>,
        /// Its password.
        password: Option<Secret>,
        /// Time stamp server.
        timestamp: Option<Spanned<Url>>,
        /// A program that reads a digest and writes its signature, and arguments.
        command: Vec<String>,
    }
}

table! {
    /// An OpenPGP key, or a command that signs with one.
    #[check(check_gpg)]
    pub struct SignGpg {
        /// The secret key, armored or binary; the variable holds the key itself, not a path.
        key: Option<Secret> => "`GPG_PRIVATE_KEY`",
        /// Its passphrase.
        passphrase: Option<Secret> => "`GPG_PASSPHRASE`",
        /// Fingerprint of the key or subkey that signs.
        fingerprint: Option<Spanned<Fingerprint>> => "the first primary key that can sign, else the newest subkey",
        /// A program that signs instead of `key`, and its arguments: gpg itself, a card, an HSM.
        command: Vec<String>,
        /// What `command` reads.
        command_input: CommandInput = CommandInput::Data => "data",
        /// The same for texts that keep their signature inside, like `InRelease`.
        text_command: Vec<String> => "`command`, with `--textmode` if it is gpg",
        /// The public key of `command`, armored or binary.
        certificate: Option<Spanned<Path>>,
    }
}

/// What a command that signs reads from its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandInput {
    /// What is signed.
    Data,
    /// Its digest.
    Digest,
}

words! { CommandInput {
    Data = "data": "what is signed; it writes an OpenPGP signature: `gpg --batch -abs`",
    Digest = "digest": "the digest alone, binary; it writes the bare signature of its algorithm",
} }

fn check_gpg(gpg: &SignGpg, node: &Node, to: &mut Decoder) {
    let place = |key: &str| node.get(key).and_then(|node| node.place.as_ref());
    if gpg.command.is_empty() {
        for key in ["command-input", "text-command", "certificate"] {
            if place(key).is_some() {
                to.note("sign.command", format!("`{key}` needs a `command`"), place(key));
            }
        }
    } else if node.get("certificate").is_none() {
        let message =
            "`command` needs a `certificate`: the public key that its signatures are checked with";
        to.note("sign.command", message, place("command"));
    }
    if gpg.command_input == CommandInput::Digest && !gpg.text_command.is_empty() {
        let message = "a `command` that reads a digest signs texts as well: no `text-command`";
        to.note("sign.command", message, place("text-command"));
    }
}

table! {
    /// What is published beside the artifacts, and where.
    pub struct Release {
        /// Where the artifacts will be downloaded from.
        base_url: Option<Spanned<Url>>,
        /// Which checksum files are written.
        checksums: Vec<Checksum>,
        /// Which bills of materials are written.
        sbom: Vec<Sbom>,
        /// GitHub releases.
        github: Option<ReleaseGithub>,
        /// An apt repository.
        apt: Option<ReleaseApt>,
        /// A dnf repository.
        dnf: Option<ReleaseDnf>,
        /// A Homebrew tap.
        homebrew: Option<ReleaseHomebrew>,
        /// winget.
        winget: Option<ReleaseWinget>,
        /// Install scripts.
        install_script: Option<ReleaseInstallScript>,
    }
}

/// A kind of checksum file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the words say it
pub enum Checksum {
    Sha256,
    Sha512,
}

words! { Checksum {
    Sha256 = "sha256": "SHA256SUMS",
    Sha512 = "sha512": "SHA512SUMS",
} }

/// A kind of bill of materials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the words say it
pub enum Sbom {
    Spdx,
    Cyclonedx,
}

words! { Sbom {
    Spdx = "spdx": "SPDX 2.3, JSON",
    Cyclonedx = "cyclonedx": "CycloneDX, JSON",
} }

table! {
    /// GitHub releases.
    pub struct ReleaseGithub {
        /// `owner/name`.
        repo: Spanned<Repo>,
    }
}

table! {
    /// An apt repository.
    pub struct ReleaseApt {
        /// Its address.
        url: Spanned<Url>,
        /// The suite's name.
        suite: Option<Line> => "stable",
    }
}

table! {
    /// A dnf repository.
    pub struct ReleaseDnf {
        /// Its address.
        url: Spanned<Url>,
    }
}

table! {
    /// A Homebrew tap.
    pub struct ReleaseHomebrew {
        /// `owner/homebrew-name`.
        tap: Spanned<Repo>,
    }
}

table! {
    /// winget.
    pub struct ReleaseWinget {
        /// `Publisher.Package`.
        id: Spanned<Line>,
    }
}

table! {
    /// Install scripts.
    pub struct ReleaseInstallScript {
        /// File names: `install.sh`, `install.ps1`.
        names: Vec<Spanned<Line>> => "install.sh, install.ps1",
    }
}
