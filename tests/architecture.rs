//! The picture of who may use whom stays true: docs/architecture.md, "Who may use whom".

#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Modules from the top down. A module may name those on the lines below its own.
const LINES: &[&[&str]] = &[
    &["cli"],
    &["build"],
    &["inspect", "publish", "import", "trial"],
    &["format", "resolve"],
    &["layout", "service", "sign", "template", "manifest", "fetch"],
    &["package"],
    &["container"],
    &["tree"],
    &["splice"],
    &["payload"],
    &["codec"],
    &["digest", "bytes", "diagnostic", "memory"],
];

/// Named in the picture, made by later formats and publishers.
const LATER: &[&str] = &[];

fn line_of(module: &str) -> Option<usize> {
    LINES.iter().position(|line| line.contains(&module))
}

/// Every `.rs` file below `src/` that is shipped, with its text free of comments and of tests.
fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let text = without_comments(&fs::read_to_string(&path).unwrap());
                let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                if !path.to_string_lossy().ends_with("tests.rs") {
                    files.push((path, shipped.to_owned()));
                }
            }
        }
    }
    files.sort();
    files
}

fn without_comments(text: &str) -> String {
    text.lines()
        .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
        .map(|line| line.split(" // ").next().unwrap_or(""))
        .fold(String::new(), |all, line| all + line + "\n")
}

/// `src/format/deb/mod.rs` is in `format`.
fn module_of(path: &Path) -> String {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    below.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The first names after each `crate::`, those of `crate::{a, b::c}` included.
fn used(text: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut names = Vec::new();
    for after in text.split("crate::").skip(1) {
        let Some(group) = after.strip_prefix('{') else {
            names.push(name(after));
            continue;
        };
        let mut depth = 0;
        let mut at_start = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => at_start = true,
                c if at_start && !c.is_whitespace() => {
                    names.push(name(&group[at..]));
                    at_start = false;
                }
                _ => {}
            }
        }
    }
    names
}

/// Lines of all sources that contain one of the words, as `src/x.rs:12: the line`.
fn lines_with(words: &[&str], allowed: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !allowed(path)) {
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn modules_use_only_the_lines_below_their_own() {
    let mut wrong = Vec::new();
    // A test may look at its module from above.
    let shipped =
        sources().into_iter().filter(|(path, _)| !path.to_string_lossy().ends_with("tests.rs"));
    for (path, text) in shipped {
        let module = module_of(&path);
        let Some(line) = line_of(&module) else { continue };
        for name in used(&text).into_iter().filter(|name| *name != module) {
            if line_of(&name).is_some_and(|used| used <= line) {
                wrong.push(format!("{} (in `{module}`) names `{name}`", path.display()));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "arrows go down only:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_line() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let modules: Vec<_> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod ")))
        .filter_map(|line| line.strip_suffix(';'))
        .collect();
    for module in &modules {
        assert!(line_of(module).is_some(), "`{module}` is on no line");
    }
    for module in LINES.iter().copied().flatten().filter(|name| !LATER.contains(name)) {
        assert!(modules.contains(module), "`{module}` is on a line, but not in lib.rs");
    }
}

#[test]
fn only_the_terminal_code_prints() {
    let prints = ["print!(", "println!(", "eprint!(", "eprintln!(", "dbg!("];
    let found = lines_with(&prints, |path| path.ends_with("cli/ui.rs"));
    assert!(found.is_empty(), "prints outside cli/ui.rs:\n{}", found.join("\n"));
}

#[test]
fn only_the_command_line_reads_the_environment_or_exits() {
    let words = ["env::var", "env::args", "env::current_dir", "process::exit(", "SystemTime::now"];
    let found = lines_with(&words, |path| {
        let outermost = matches!(&*module_of(path), "cli" | "main" | "cargo_pkggen");
        // what is kept between runs has an age; no artifact depends on it
        let kept = path.ends_with("payload/store.rs") || path.ends_with("payload/index.rs");
        outermost || kept
    });
    assert!(found.is_empty(), "the outside world below cli:\n{}", found.join("\n"));
}

#[test]
fn nothing_is_left_for_later() {
    let words = ["todo!(", "unimplemented!(", "not implemented", "not yet implemented"];
    let found = lines_with(&words, |_| false);
    assert!(found.is_empty(), "unfinished:\n{}", found.join("\n"));
}
