//! Reading a Debian package back, byte by byte.
//!
//! Problems are what dpkg would refuse, would read differently, or what no writer of Debian packages
//! does; notes are what is unusual, but allowed. A changed byte must end in a problem or an error:
//! docs/formats/deb.md, "What `verify` can notice".

mod control;
mod packing;
mod rules;

use super::signature;
use std::{collections::BTreeMap, io::Read};

use crate::{
    container::{
        ReadError, Tap,
        ar::{self, Member},
        tar::{self, Dialect, Entry, EntryType},
        unpack::{Facts, Unpack},
    },
    digest::Want,
    format::{
        ReadSeek,
        listing::{Contents, Listing, Problems, content},
        report::{self, MetaFile, Report, clean},
    },
    sign::openpgp,
};

/// Largest metadata file that is read, in bytes: `md5sums` of a package with many files.
const MAX_METADATA: u64 = 64 << 20;

/// Longest path component, in bytes: dpkg unpacks to `NAME.dpkg-new`.
const MAX_COMPONENT: usize = 246;

/// Reads a package. Without MD5, `md5sums` is not compared with the files.
pub fn read(file: &mut dyn ReadSeek, want: Want) -> Result<Report, ReadError> {
    file.rewind()?;
    let mut archive = ar::Reader::new(Tap::new(file))?;
    let mut deb = Deb::default();
    let mut contents = Contents::new(want);
    while let Some(member) = archive.next_member()? {
        deb.member(&member, &mut archive, &mut contents)?;
    }
    let problems = std::mem::take(&mut archive.problems);
    deb.problems.extend("ar", problems);
    let (len, sha256) = archive.into_inner().finish()?;
    Ok(Report { len, sha256: Some(sha256), ..deb.finish() })
}

/// A package while it is being read.
#[derive(Default)]
struct Deb {
    members: Vec<Member>,
    stage: Stage,
    metadata: BTreeMap<String, MetaFile>,
    data: Listing,
    packing: packing::Packing,
    problems: Problems,
    signatures: Vec<String>,
    notes: Vec<String>,
}

/// Which member must come next.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Version,
    Control,
    Data,
    Done,
}

impl Deb {
    fn member(
        &mut self,
        member: &Member,
        body: &mut dyn Read,
        contents: &mut Contents,
    ) -> Result<(), ReadError> {
        self.check_header(member);
        let name = member.name.as_str();
        self.members.push(member.clone());
        match self.stage {
            Stage::Version if name == "debian-binary" => {
                self.stage = Stage::Control;
                self.version(body)
            }
            Stage::Version => {
                let why = format!("its first member is `{name}`, not `debian-binary`");
                Err(ReadError::malformed("ar archive", ar::MAGIC.len() as u64, why))
            }
            _ if name == signature::NAME => {
                let bytes = content(body, "`_gpgorigin`", signature::MAX)?;
                match openpgp::claim(&bytes) {
                    Some(claim) => self.signatures.push(claim),
                    None => self.problems.push("`_gpgorigin` is no OpenPGP signature"),
                }
                Ok(())
            }
            // dpkg passes over members that start with `_`, wherever they are.
            _ if name.starts_with('_') => {
                self.notes.push(format!("member `{name}` is ignored by dpkg"));
                Ok(())
            }
            Stage::Control => {
                self.stage = Stage::Data;
                self.control(name, body, contents)
            }
            Stage::Data => {
                self.stage = Stage::Done;
                self.data(name, body, contents)
            }
            Stage::Done => {
                self.problems.push(format!("member `{name}` follows the data"));
                Ok(())
            }
        }
    }

    /// dpkg-deb gives all members one time, and every writer root and 100644.
    fn check_header(&mut self, member: &Member) {
        let Member { name, mtime, uid, gid, mode, .. } = member;
        let first = self.members.first().map_or(*mtime, |first| first.mtime);
        if *mtime != first {
            self.problems
                .push(format!("member `{name}` has the time {mtime}, the first one {first}"));
        }
        if (*uid, *gid, *mode) != (0, 0, 0o100_644) {
            self.problems.push(format!(
                "member `{name}` belongs to {uid}:{gid} with mode {mode:o}, not to 0:0 with 100644"
            ));
        }
        if name.is_empty() || name.contains('/') || !name.bytes().all(|b| b.is_ascii_graphic()) {
            self.problems.push(format!("`{}` is an odd name", name.escape_debug()));
        }
    }

    fn version(&mut self, body: &mut dyn Read) -> Result<(), ReadError> {
        let version = content(body, "`debian-binary`", 1 << 10)?;
        if version != b"2.0\n" {
            let version = version.escape_ascii();
            self.problems.push(format!("`debian-binary` says `{version}`, not `2.0\\n`"));
        }
        Ok(())
    }

    fn control(
        &mut self,
        name: &str,
        body: &mut dyn Read,
        contents: &mut Contents,
    ) -> Result<(), ReadError> {
        let mut tar = open(name, "control.tar", body)?;
        let mut listing = Listing::default();
        while let Some(entry) = tar.next_entry()? {
            self.check_entry(name, &entry, &listing);
            let path = clean(&entry.name);
            let content = content(&mut tar, &format!("`{path}`"), MAX_METADATA)?;
            listing.tar(&entry, contents.file(&mut content.as_slice())?)?;
            if (entry.uid, entry.gid) != (0, 0) {
                self.problems.push(format!("{name}: `{path}` does not belong to root"));
            }
            match entry.kind {
                EntryType::File => {
                    let total: u64 = self.metadata.values().map(|f| f.content.len() as u64).sum();
                    ReadError::limit("all metadata files (bytes)", total, MAX_METADATA)?;
                    self.metadata.insert(path, MetaFile { mode: entry.mode, content });
                }
                EntryType::Dir if path == "." => {}
                _ => self.problems.push(format!("{name}: `{path}` is no file")),
            }
        }
        self.problems.extend(name, listing.problems.finish());
        self.close(name, tar)
    }

    fn data(
        &mut self,
        name: &str,
        body: &mut dyn Read,
        contents: &mut Contents,
    ) -> Result<(), ReadError> {
        let mut tar = open(name, "data.tar", body)?;
        let mut listing = Listing::default();
        while let Some(entry) = tar.next_entry()? {
            self.check_entry(name, &entry, &listing);
            let content = contents.file(&mut tar)?;
            listing.tar(&entry, content)?;
        }
        self.problems.extend(name, std::mem::take(&mut listing.problems).finish());
        if listing.entries.first().is_none_or(|entry| entry.path != ".") {
            self.notes.push(format!("{name} does not start with `./`"));
        }
        self.data = listing;
        self.close(name, tar)
    }

    /// What the tar and the packed stream said by themselves.
    fn close<R: Read>(
        &mut self,
        name: &str,
        mut tar: tar::Reader<Unpack<R>>,
    ) -> Result<(), ReadError> {
        self.problems.extend(name, std::mem::take(&mut tar.problems));
        let facts: Facts = tar.into_inner().finish()?;
        self.packing.check(name, &facts, &mut self.problems, &mut self.notes);
        Ok(())
    }

    /// What dpkg's tar reader and unpacker insist on.
    fn check_entry(&mut self, name: &str, entry: &Entry, before: &Listing) {
        let path = clean(&entry.name);
        if entry.pax {
            self.problems.push(format!("{name}: `{path}` has a PAX header, which dpkg refuses"));
        }
        if entry.dialect == Dialect::V7 {
            self.problems.push(format!("{name}: the header of `{path}` is neither GNU nor ustar"));
        }
        if let Some((parent, _)) = path.rsplit_once('/')
            && !matches!(before.kind(parent.as_bytes()), Some(report::ReadKind::Dir))
        {
            self.problems.push(format!("{name}: `{path}` comes before its directory"));
        }
        let longest = entry.name.split(|&byte| byte == b'/').map(<[u8]>::len).max().unwrap_or(0);
        if longest > MAX_COMPONENT {
            self.problems.push(format!(
                "{name}: a component of `{path}` has {longest} bytes, and dpkg can unpack at most \
                 {MAX_COMPONENT}"
            ));
        }
    }

    fn finish(mut self) -> Report {
        match self.stage {
            Stage::Version => self.problems.push("the archive is empty"),
            Stage::Control => self.problems.push("there is no control.tar"),
            Stage::Data => self.problems.push("there is no data.tar"),
            Stage::Done => {}
        }
        let mut fields = Vec::new();
        match self.metadata.get("control") {
            Some(control) => fields = control::parse(&control.content, &mut self.problems),
            None => self.problems.push("there is no control file"),
        }
        rules::check(&mut self, &fields);
        let members = self.members.into_iter();
        Report {
            format: "deb".into(),
            fields,
            metadata: self.metadata,
            entries: self.data.entries,
            members: members.map(|Member { name, len, .. }| report::Member { name, len }).collect(),
            signatures: self.signatures,
            problems: self.problems.finish(),
            notes: self.notes,
            ..Report::default()
        }
    }
}

/// The entries of a member `STEM` or `STEM.SUFFIX`.
fn open<'a>(
    name: &str,
    stem: &str,
    body: &'a mut dyn Read,
) -> Result<tar::Reader<Unpack<&'a mut dyn Read>>, ReadError> {
    let codec = packing::codec(name, stem)?;
    Ok(tar::Reader::new(Unpack::new(body, codec)?))
}

#[cfg(test)]
mod tests;
