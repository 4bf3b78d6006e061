//! Cargo projects: what is asked of Cargo, and running it.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::args::{Flags, Profile};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    import::cargo::{Project, Settings},
    package::Target,
};

/// The project of a `Cargo.toml`, or of the one that Cargo finds from here.
pub(super) fn open(manifest: Option<&Path>, flags: &Flags) -> Result<Project, Diagnostics> {
    let mut targets = Vec::new();
    for word in &flags.targets {
        let Some((target, triple)) = Settings::target(word) else {
            return Err(super::session::unknown_target(word).into());
        };
        targets.push((target, Some(triple)));
    }
    if targets.is_empty() {
        targets.push((here(), None));
    }
    Project::open(Settings {
        cargo: env::var_os("CARGO").unwrap_or_else(|| "cargo".into()).into(),
        dir: env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        manifest: manifest.map(Path::to_owned),
        package: flags.package.clone(),
        variant: flags.variants.first().cloned(),
        targets,
        profile: flags.profile.map(|profile| {
            match profile {
                Profile::Release => "release",
                Profile::Dev => "dev",
            }
            .to_owned()
        }),
        locked: flags.locked,
        offline: flags.offline,
        strip: true,
    })
}

/// What programs of this machine are for.
fn here() -> Target {
    let name = format!("{}-{}", env::consts::OS, env::consts::ARCH);
    let musl = if cfg!(target_env = "musl") { "-musl" } else { "" };
    Target::parse(&format!("{name}{musl}"))
        .or_else(|| Target::parse(&name))
        .unwrap_or_else(|| Target::parse("linux-x86_64").expect("a target"))
}

/// Runs `cargo build`; what it says goes to stderr, for stdout is the result.
pub(super) fn compile(project: &Project, flags: &Flags) -> Result<(), Diagnostic> {
    let mut command = project.build();
    if flags.quiet {
        command.arg("--quiet");
    }
    let failed = |text: String| Diagnostic::failed("cargo.failed", text);
    let status = stderr()
        .and_then(|stderr| command.stdin(Stdio::null()).stdout(stderr).status())
        .map_err(|error| failed("cannot run `cargo build`".into()).caused_by(&error))?;
    if status.success() { Ok(()) } else { Err(failed(format!("`cargo build` failed ({status})"))) }
}

#[cfg(unix)]
fn stderr() -> io::Result<Stdio> {
    use std::os::fd::AsFd;
    Ok(io::stderr().as_fd().try_clone_to_owned()?.into())
}

#[cfg(not(unix))]
fn stderr() -> io::Result<Stdio> {
    Ok(Stdio::null())
}
