//! A gpg home of a test's own, and keys made by the real gpg.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{TempDir, ok, root, stdout};

/// A gpg home; its agent ends with it.
pub struct Gpg {
    home: TempDir,
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--kill", "all"])
            .output();
    }
}

impl Gpg {
    /// An empty home. Its path is short: the agent's socket is below it.
    pub fn new() -> Self {
        let home = TempDir::with_prefix_in("g", "/tmp").unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self { home }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn run(&self, args: &[&str]) -> Command {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(self.home()).args([
            "--batch",
            "--quiet",
            "--pinentry-mode",
            "loopback",
        ]);
        command.args(args).stdin(Stdio::null());
        command
    }

    /// Makes a key: `gpg --quick-generate-key`; its fingerprint.
    pub fn key(&self, name: &str, algorithm: &str, usage: &str, more: &[&str]) -> String {
        let mut args = more.to_vec();
        if !args.contains(&"--passphrase") {
            args.extend(["--passphrase", ""]);
        }
        let user = format!("{name} <{name}@example.org>");
        let expires = if more.contains(&"--faked-system-time") { "1y" } else { "never" };
        args.extend(["--quick-generate-key", &user, algorithm, usage, expires]);
        ok(&mut self.run(&args));
        self.fingerprints(name)[0].clone()
    }

    /// Of a key and its subkeys.
    pub fn fingerprints(&self, name: &str) -> Vec<String> {
        let listed = stdout(&mut self.run(&["--with-colons", "--list-keys", name]));
        let lines = listed.lines().filter_map(|line| line.strip_prefix("fpr:"));
        lines.map(|line| line.trim_matches(':').to_owned()).collect()
    }

    pub fn secret(&self, more: &[&str]) -> Vec<u8> {
        let mut args = vec!["--passphrase", "correct horse"];
        args.extend(more);
        ok(&mut self.run(&args)).stdout
    }

    pub fn public(&self, fingerprint: &str) -> Vec<u8> {
        ok(&mut self.run(&["--export", fingerprint])).stdout
    }

    pub fn import(&self, key: &[u8]) {
        let file = self.home().join("import");
        fs::write(&file, key).unwrap();
        ok(&mut self.run(&["--import", file.to_str().unwrap()]));
    }
}

/// One of the keys of `fixtures/keys`: `rsa3072`, `ed25519`.
pub fn secret_key(name: &str) -> PathBuf {
    root().join(format!("fixtures/keys/test-only-{name}.secret.asc"))
}

/// The public half of [`secret_key`].
pub fn public_key(name: &str) -> PathBuf {
    root().join(format!("fixtures/keys/test-only-{name}.asc"))
}
