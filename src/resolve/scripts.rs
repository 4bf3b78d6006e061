//! The user's own scripts.

use std::collections::BTreeMap;

use super::work::Work;
use crate::{
    diagnostic::{Diagnostic, Place},
    manifest::{Node, Path, Spanned},
    package::{Calling, Script, ScriptEvent},
};

/// A format's own names for the events, in its table `maintainer-scripts` or `scriptlets`.
const NATIVE: [(&str, ScriptEvent); 11] = [
    ("pre", ScriptEvent::PreInstall),
    ("post", ScriptEvent::PostInstall),
    ("preun", ScriptEvent::PreRemove),
    ("postun", ScriptEvent::PostRemove),
    ("pretrans", ScriptEvent::PreTransaction),
    ("posttrans", ScriptEvent::PostTransaction),
    ("verify", ScriptEvent::Verify),
    ("preinst", ScriptEvent::PreInstall),
    ("postinst", ScriptEvent::PostInstall),
    ("prerm", ScriptEvent::PreRemove),
    ("postrm", ScriptEvent::PostRemove),
];

pub(super) fn find(work: &mut Work<'_>) -> BTreeMap<ScriptEvent, Script> {
    let mut scripts = neutral(work);
    for (event, script) in native(work) {
        if let Some(other) = scripts.insert(event, script.clone()) {
            let known = ScriptEvent::ALL.iter().find(|(this, _)| *this == event);
            let name = known.map_or("", |(_, name)| name);
            let message = format!("there are two `{name}` scripts for one package");
            let mut error = Diagnostic::usage("script.twice", message).at(script.place);
            error.label = other.place.map(|place| format!("the other one is at {place}"));
            work.found.error(error);
        }
    }
    scripts
}

/// `[scripts.SELECTOR]`: of several that fit the strongest wins.
fn neutral(work: &mut Work<'_>) -> BTreeMap<ScriptEvent, Script> {
    let mut tables: Vec<_> = work
        .root
        .scripts
        .iter()
        .filter_map(|(selector, table)| Some((work.selection.level(selector)?, table)))
        .collect();
    tables.sort_by_key(|(level, _)| *level);
    let mut paths = BTreeMap::new();
    for (_, table) in tables {
        let files =
            [&table.pre_install, &table.post_install, &table.pre_remove, &table.post_remove];
        for ((event, _), path) in ScriptEvent::ALL.into_iter().zip(files) {
            paths.extend(path.as_ref().map(|path| (event, path)));
        }
    }
    let read = |(event, path): (_, &Spanned<Path>)| {
        let script = script(work, path, path.place.as_ref(), Calling::Neutral)?;
        Some((event, script))
    };
    paths.into_iter().filter_map(read).collect()
}

fn native(work: &mut Work<'_>) -> Vec<(ScriptEvent, Script)> {
    let table = work.job.table(work.manifest, work.tree);
    let tables = ["maintainer-scripts", "scriptlets"].map(|name| table?.get(name));
    let mut scripts = Vec::new();
    for (key, node) in tables.into_iter().flatten().flat_map(Node::rows) {
        let event = NATIVE.iter().find(|(name, _)| *name == key.name);
        match (event, node.as_str()) {
            (Some((_, event)), Some(path)) => {
                let script = script(work, path, node.place.as_ref(), Calling::Native);
                scripts.extend(script.map(|script| (*event, script)));
            }
            _ => work.found.error(super::later::later(
                &format!("the `{}` script", key.name),
                key.place.as_ref(),
            )),
        }
    }
    scripts
}

/// The scripts that `triggers` and `file-triggers` of the format's table name.
pub(super) fn of_triggers(work: &mut Work<'_>) -> BTreeMap<String, Script> {
    let table = work.job.table(work.manifest, work.tree);
    let lists = ["triggers", "file-triggers"].map(|name| table?.get(name)?.as_array());
    let mut scripts = BTreeMap::new();
    for item in lists.into_iter().flatten().flatten() {
        let Some(node) = item.get("script") else { continue };
        let Some(path) = node.as_str() else { continue };
        if !scripts.contains_key(path)
            && let Some(script) = script(work, path, node.place.as_ref(), Calling::Native)
        {
            scripts.insert(path.to_owned(), script);
        }
    }
    scripts
}

fn script(
    work: &mut Work<'_>,
    path: &str,
    place: Option<&Place>,
    calling: Calling,
) -> Option<Script> {
    let text = work.text(path, place)?;
    if text.contains('\0') {
        work.error("source.text", format!("the script `{path}` is no text"), place);
        return None;
    }
    let extension = std::path::Path::new(path).extension().and_then(|end| end.to_str());
    let extension = extension.unwrap_or_default().to_owned();
    Some(Script { text, calling, extension, place: place.cloned() })
}
