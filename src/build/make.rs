//! Planned artifacts become files: ingest, plan, write, read back, compare, rename.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Planned, Signer,
    parts::{self, Named},
    pins, sums as own_sums,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    digest::{Sha256Digest, Want},
    format::{
        Format, Plan,
        report::{ReadError, Report},
    },
    inspect::{self, sums},
    memory,
    package::Target,
    payload::{self, Bench, Blob},
    resolve::{Change, Lock, Rule},
    splice::{self, Joined},
};

/// A finished artifact: written, read back, compared and named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Where it is.
    pub path: PathBuf,
    /// Its spelling: `deb`, `tar.gz`.
    pub spelling: String,
    /// What it is for.
    pub target: Target,
    /// Length in bytes.
    pub len: u64,
    /// SHA-256 of the file.
    pub sha256: Sha256Digest,
}

/// What came of a build.
#[derive(Debug, Default)]
pub struct Built {
    /// Artifacts that exist and were verified, in the order of the plan.
    pub made: Vec<Made>,
    /// What went wrong with the others.
    pub found: Diagnostics,
    /// What is new in the lock, once everything is made.
    pub change: Change,
}

/// Makes the artifacts in `out`. Earlier files of these names stay until their successor is whole.
/// After a failure the others are made only if told to `keep_going`. `tell` hears of each artifact
/// as soon as it has its name. Content that is not what `known` says it is goes into none.
pub fn make(
    planned: Vec<Planned>,
    known: (&Lock, Rule),
    out: &Path,
    keep_going: bool,
    bench: &Bench,
    tell: &mut dyn FnMut(&Made),
) -> Built {
    let mut built = Built::default();
    let (mut described, sums_signer) = (Vec::new(), SumsSigner::of(&planned));
    let want = wanted(&planned);
    memory::give_back();
    if !keep_going {
        match ingest(&planned, want, bench).map_err(Diagnostics::from) {
            Ok(()) if built.pins(&planned, known, bench) => {}
            Ok(()) => return built,
            Err(found) => {
                built.found = found;
                return built;
            }
        }
    }
    for artifact in planned {
        // What could not be read is told once for each artifact that needs it.
        let alone = std::slice::from_ref(&artifact);
        let read = if keep_going { ingest(alone, want, bench) } else { Ok(()) };
        if keep_going && read.is_ok() && !built.pins(alone, known, bench) {
            continue;
        }
        match read.and_then(|()| describe(&artifact, bench)) {
            // What it was described from is done: the rest needs no memory for it.
            Ok(plan) => described.push((Order::from(artifact), plan)),
            Err(error) => built.found.error(error),
        }
        if !keep_going && !built.found.is_ok() {
            return built;
        }
    }
    if described.is_empty() {
        return built;
    }
    if let Err(error) =
        prepare_folder(out, described.iter().map(|(_, plan)| plan.recipe.len()).sum())
    {
        built.found.error(error);
        return built;
    }
    memory::give_back();
    for (artifact, plan) in described {
        match write(&artifact, plan, out, bench) {
            Ok(made) => {
                made.iter().for_each(&mut *tell);
                built.made.extend(made);
            }
            Err(error) => built.found.error(error),
        }
        if !keep_going && !built.found.is_ok() {
            break;
        }
    }
    if !built.made.is_empty()
        && let Some(Err(error)) = sums_signer.map(|signer| signer.sign(out))
    {
        built.found.error(error);
    }
    built
}

impl Built {
    /// Compares pinned content with what is known of it; whether it may be used.
    fn pins(&mut self, planned: &[Planned], known: (&Lock, Rule), bench: &Bench) -> bool {
        match pins::check(planned, known, bench) {
            Ok(change) => self.change.append(change),
            Err(found) => {
                self.found.append(found);
                return false;
            }
        }
        true
    }
}

/// The checksums are signed once all of them are there, with the time of the newest package.
struct SumsSigner {
    signer: Signer,
    time: u64,
}

impl SumsSigner {
    fn of(planned: &[Planned]) -> Option<Self> {
        let has_key = |artifact: &&Planned| artifact.signer.identity().is_some();
        let signer = planned.iter().find(has_key)?.signer.clone();
        let time = planned.iter().map(|artifact| artifact.package.epoch).max().unwrap_or(0);
        Some(Self { signer, time })
    }

    fn sign(&self, out: &Path) -> Result<(), Diagnostic> {
        let identity = self.signer.identity().expect("it was chosen because it has one");
        own_sums::sign(out, identity, self.time)
    }
}

/// What is left to know of an artifact once it is described.
struct Order {
    format: &'static dyn Format,
    file_name: String,
    spelling: String,
    target: Target,
    /// Most bytes of one file.
    split: Option<u64>,
}

impl From<Planned> for Order {
    fn from(planned: Planned) -> Self {
        let split = planned.format.split(&planned.context());
        let Planned { format, file_name, spelling, target, .. } = planned;
        Self { format, file_name, spelling, target, split }
    }
}

/// Which digests of payloads any of these asks for.
fn wanted(planned: &[Planned]) -> Want {
    let md5 = planned.iter().any(|artifact| artifact.format.digests() == Want::Md5Too);
    if md5 { Want::Md5Too } else { Want::Sha256 }
}

/// One read of every payload of these artifacts, for all packings at once.
fn ingest(planned: &[Planned], want: Want, bench: &Bench) -> Result<(), Diagnostic> {
    let nodes = planned.iter().flat_map(|artifact| artifact.tree.iter());
    // Content in memory is known already.
    let blobs = nodes.filter_map(|(_, node)| node.blob()).filter(|blob| blob.path().is_some());
    let blobs: Vec<Blob> = blobs.cloned().collect();
    let packings = planned.iter().map(|artifact| artifact.packing).collect();
    Ok(payload::ingest(&blobs, &packings, want, bench)?)
}

fn describe(artifact: &Planned, bench: &Bench) -> Result<Plan, Diagnostic> {
    artifact.format.plan(&artifact.package, artifact.tree.clone(), &artifact.context(), bench)
}

/// What an artifact would hold, without writing it.
pub fn expected(artifact: &Planned, bench: &Bench) -> Result<Report, Diagnostic> {
    ingest(std::slice::from_ref(artifact), artifact.format.digests(), bench)?;
    Ok(describe(artifact, bench)?.expected)
}

fn prepare_folder(out: &Path, needed: u64) -> Result<(), Diagnostic> {
    fs::create_dir_all(out).map_err(|error| {
        let text = format!("cannot make the folder `{}`", out.display());
        Diagnostic::failed("write.failed", text).caused_by(&error)
    })?;
    match free_space(out) {
        Some(free) if free < needed => {
            let text = format!(
                "`{}` has {free} bytes left, and the artifacts need {needed}",
                out.display()
            );
            let hint = "`--out DIR` writes them elsewhere";
            Err(Diagnostic::cannot("limit.space", text).hint(hint))
        }
        _ => Ok(()),
    }
}

/// Bytes that an unprivileged user can still write there, when the system says so.
#[cfg(unix)]
fn free_space(dir: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free_space(_: &Path) -> Option<u64> {
    None
}

/// Writes an artifact, reads it back and gives it its name, or its parts theirs.
fn write(artifact: &Order, plan: Plan, out: &Path, bench: &Bench) -> Result<Vec<Made>, Diagnostic> {
    let Order { spelling, target, .. } = artifact;
    let named = match artifact.split {
        Some(size) if plan.recipe.len() > size => write_parts(artifact, plan, size, out, bench)?,
        _ => vec![write_whole(artifact, plan, out, bench)?],
    };
    let sums: Vec<_> = named.iter().map(|(name, _, sha256)| (name.clone(), *sha256)).collect();
    own_sums::merge(out, &sums).map_err(|error| {
        let text = format!("cannot write `{}`", out.join(sums::NAME).display());
        Diagnostic::failed("write.failed", text).caused_by(&error)
    })?;
    let made = |(name, len, sha256): Named| {
        let (path, spelling) = (out.join(name), spelling.clone());
        Made { path, spelling, target: *target, len, sha256 }
    };
    Ok(named.into_iter().map(made).collect())
}

fn write_whole(
    artifact: &Order,
    plan: Plan,
    out: &Path,
    bench: &Bench,
) -> Result<Named, Diagnostic> {
    bench.progress.start(&artifact.file_name, plan.recipe.len());
    let Plan { recipe, expected } = plan;
    let written =
        splice::write_beside(&recipe, out, bench, |file| artifact.format.read(file, Want::Sha256));
    bench.progress.finish();
    drop(recipe);
    let (draft, report) = written?;
    let (len, sha256) = check(artifact, &expected, report)?;
    draft.publish(&out.join(&artifact.file_name))?;
    Ok((artifact.file_name.clone(), len, sha256))
}

/// The parts are read back as the one file that they are.
fn write_parts(
    artifact: &Order,
    plan: Plan,
    size: u64,
    out: &Path,
    bench: &Bench,
) -> Result<Vec<Named>, Diagnostic> {
    let Plan { recipe, expected } = plan;
    let name = &artifact.file_name;
    parts::check(name, recipe.len(), size)?;
    bench.progress.start(name, recipe.len());
    let written = splice::write_parts(&recipe, out, size, bench);
    bench.progress.finish();
    drop(recipe);
    let written = written?;
    let files: io::Result<Vec<_>> =
        written.iter().map(|part| part.draft.file().try_clone()).collect();
    let report = files
        .and_then(Joined::new)
        .map_err(ReadError::Io)
        .and_then(|mut joined| artifact.format.read(&mut joined, Want::Sha256));
    let whole = check(artifact, &expected, report)?;
    parts::publish(out, name, whole, written)
}

/// Compares what a stranger would read with the plan: entries by SHA-256, and the text of `md5sums`,
/// so that MD5 need not be computed again.
fn check(
    artifact: &Order,
    expected: &Report,
    report: Result<Report, ReadError>,
) -> Result<(u64, Sha256Digest), Diagnostic> {
    let name = &artifact.file_name;
    let report = report.map_err(|error| {
        let text = format!("`{name}` cannot be read back");
        Diagnostic::failed("readback.failed", text).caused_by(&error)
    })?;
    let wrong = differences(expected, &report);
    if wrong.is_empty() {
        let sha256 = report.sha256.expect("a reader digests the whole file");
        return Ok((report.len, sha256));
    }
    let mut error =
        Diagnostic::failed("readback.differs", format!("`{name}` does not read back as planned"));
    error.causes = wrong;
    Err(error)
}

fn differences(expected: &Report, found: &Report) -> Vec<String> {
    let differ = inspect::compare(expected, found).into_iter().map(|row| row.to_string());
    found.problems.iter().cloned().chain(differ).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        build::Signer,
        format::{Context, FORMATS},
        manifest::{Node, Table},
        package::{Dest, Entry, Package, sample},
        tree::{InstallPath, Kind, Mode, PayloadType},
    };

    fn format(name: &str) -> &'static dyn Format {
        *FORMATS.iter().find(|there| there.name() == name).unwrap()
    }

    /// The sample package with a program of these bytes on disk, as one format makes it.
    fn planned(name: &str, program: &Path) -> Planned {
        let format = format(name);
        let entry = Entry {
            role: PayloadType::Bin,
            dest: Dest::InType(InstallPath::parse("hi").unwrap()),
            kind: Kind::File(Blob::open(program).unwrap()),
            mode: Mode(0o755),
            owner: "root".into(),
            group: "root".into(),
            capabilities: None,
            component: None,
            place: None,
        };
        let package = Package { entries: vec![entry], ..sample() };
        let manifest = Node::new(Table::default());
        let cx = Context {
            spelling: format.spellings()[0],
            manifest: &manifest,
            target: package.target,
            signer: None,
        };
        Planned {
            format,
            spelling: cx.spelling.to_owned(),
            target: package.target,
            file_name: format.file_name(&package, &cx).unwrap(),
            tree: format.tree(&package, &cx).unwrap(),
            packing: format.packing(&package, &cx).unwrap(),
            package,
            manifest: Node::new(Table::default()),
            pins: Vec::new(),
            signer: Signer::Nobody("no key".into()),
        }
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|item| item.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_artifact_gets_its_name_once_it_was_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let (program, out) = (dir.path().join("hi"), dir.path().join("out"));
        fs::write(&program, "#!/bin/sh\n").unwrap();
        let planned = planned("deb", &program);
        let built = make(
            vec![planned],
            (&Lock::none(), Rule::Add),
            &out,
            false,
            &Bench::for_tests(),
            &mut |_| {},
        );
        assert_eq!(built.found, Diagnostics::default());
        let made = &built.made[0];
        assert_eq!(made.len, fs::metadata(&made.path).unwrap().len());
        let name = made.path.file_name().unwrap().to_str().unwrap();
        assert_eq!(names(&out), [sums::NAME, name]);
    }

    #[test]
    fn md5sums_are_right_beside_formats_that_need_none() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("hi");
        fs::write(&program, "#!/bin/sh\n".repeat(200_000)).unwrap();
        for keep_going in [false, true] {
            let out = dir.path().join(keep_going.to_string());
            let both = vec![planned("rpm", &program), planned("deb", &program)];
            let built = make(
                both,
                (&Lock::none(), Rule::Add),
                &out,
                keep_going,
                &Bench::for_tests(),
                &mut |_| {},
            );
            assert_eq!(built.found, Diagnostics::default());
            let mut deb = fs::File::open(&built.made[1].path).unwrap();
            let report = format("deb").read(&mut deb, Want::Md5Too).unwrap();
            assert_eq!(report.problems, Vec::<String>::new());
            assert!(report.metadata.contains_key("md5sums"));
        }
    }

    #[test]
    fn a_payload_that_changed_leaves_the_folder_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let (program, out) = (dir.path().join("hi"), dir.path().join("out"));
        fs::write(&program, "#!/bin/sh\n").unwrap();
        let planned = planned("deb", &program);
        fs::write(&program, "#!/bin/sh\necho longer\n").unwrap();
        fs::create_dir(&out).unwrap();
        let built = make(
            vec![planned],
            (&Lock::none(), Rule::Add),
            &out,
            true,
            &Bench::for_tests(),
            &mut |_| {},
        );
        assert_eq!(built.found.errors[0].code, "payload.changed");
        assert!(built.made.is_empty() && names(&out).is_empty());
    }
}
