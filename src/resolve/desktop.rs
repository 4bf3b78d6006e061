//! The menu entry and its icons.

use super::{icon, text, work::Work};
use crate::{
    diagnostic::{Diagnostic, Place},
    manifest::{Decode, Desktop as Written, DesktopTable, Line, Spanned},
    package::{Desktop, Dest, Entry, Os},
    payload::Blob,
    tree::{InstallPath, Kind, PayloadType},
};

pub(super) fn find(work: &mut Work<'_>, entries: &mut Vec<Entry>) -> Option<Desktop> {
    let icon = icons(work, entries);
    let programs: Vec<_> = entries
        .iter()
        .filter(|entry| entry.role == PayloadType::Bin && !matches!(entry.kind, Kind::Dir))
        .filter_map(|entry| match &entry.dest {
            Dest::InType(path) => Some(path.to_string()),
            _ => None,
        })
        .collect();
    match &work.root.desktop {
        Some(Written::On(table)) => entry(work, table, &programs, icon),
        None if icon && !programs.is_empty() => {
            Some(of_program(work, programs[0].clone(), &nothing_written(), icon))
        }
        Some(Written::Off) | None => None,
    }
}

fn nothing_written() -> DesktopTable {
    DesktopTable::absent().expect("no key of [desktop] is required")
}

fn entry(
    work: &mut Work<'_>,
    table: &DesktopTable,
    programs: &[String],
    icon: bool,
) -> Option<Desktop> {
    let place = work.tree.get("desktop").and_then(|node| node.place.clone());
    let Some(exec) = &table.exec else {
        let Some(first) = programs.first() else {
            let message = "the menu entry needs a program, and the package has no `bin`";
            work.error("desktop.exec", message.into(), place.as_ref());
            return None;
        };
        return Some(of_program(work, first.clone(), table, icon));
    };
    let program = exec.split_whitespace().next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or(program);
    if !programs.iter().any(|there| there == name) {
        let message =
            format!("the menu entry starts `{program}`, which is no `bin` of this package");
        let mut error = Diagnostic::usage("desktop.exec", message).at(exec.place.clone());
        error.hint = (!programs.is_empty()).then(|| format!("there is {}", programs.join(", ")));
        work.found.error(error);
        return None;
    }
    let arguments = &exec[program.len()..];
    Some(of_program(work, format!("{name}{arguments}"), table, icon))
}

fn of_program(work: &Work<'_>, exec: String, table: &DesktopTable, icon: bool) -> Desktop {
    fn texts<T: ToString>(list: &[Spanned<T>]) -> Vec<String> {
        list.iter().map(|text| text.value.to_string()).collect()
    }
    let or = |text: &Option<Line>, other: &str| {
        text.as_ref().map_or_else(|| other.to_owned(), ToString::to_string)
    };
    Desktop {
        exec,
        title: or(&table.title, work.title()),
        comment: or(&table.comment, &work.root.package.summary),
        categories: texts(&table.categories),
        keywords: texts(&table.keywords),
        mime_types: texts(&table.mime_types),
        url_schemes: texts(&table.url_schemes),
        terminal: table.terminal,
        icon,
    }
}

/// Adds the icons of the package; whether there are any.
fn icons(work: &mut Work<'_>, entries: &mut Vec<Entry>) -> bool {
    let Some(path) = &work.root.package.icon else { return false };
    let place = path.place.as_ref();
    let Some(blob) = work.file(path, place) else { return false };
    // Bundles and installers derive theirs themselves.
    if work.job.target.os != Os::Linux {
        return false;
    }
    match work
        .sources
        .icons(&blob, || text::bytes(&blob, path).and_then(|png| icon::derive(&png, path)))
    {
        Ok(icons) => {
            if let Some(warning) = &icons.warning {
                work.found.warning(warning.clone().at(place.cloned()));
            }
            let name = work.name().to_owned();
            let new = icons.sizes.iter().map(|(size, png)| hicolor(*size, png, &name, place));
            entries.extend(new);
            true
        }
        Err(error) => {
            work.found.error(error.at(place.cloned()));
            false
        }
    }
}

fn hicolor(size: u32, png: &Blob, name: &str, place: Option<&Place>) -> Entry {
    let path = InstallPath::parse(&format!("{size}x{size}/apps/{name}.png"));
    let path = path.expect("a package's name is a file name");
    let entry = Entry::file(PayloadType::Icon, path, png.clone(), 0o644);
    Entry { place: place.cloned(), ..entry }
}
