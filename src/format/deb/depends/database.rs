//! dpkg's knowledge about installed libraries: `*.symbols` and `*.shlibs`.
//!
//! Format: deb-symbols(5), deb-shlibs(5).

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::super::version::compare;
use crate::package::program::Symbol;

/// The libraries that dpkg knows on the build host, read on first use.
pub struct Database {
    dir: Option<PathBuf>,
    index: OnceCell<Index>,
}

/// Which file describes a library.
#[derive(Default)]
struct Index {
    symbols: BTreeMap<String, Vec<PathBuf>>,
    shlibs: BTreeMap<(String, String), Vec<(PathBuf, String)>>,
}

impl Database {
    /// The database of this host, if it is Debian or one of its children.
    pub fn host() -> Self {
        Self::at("/var/lib/dpkg/info")
    }

    /// The files of a directory.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: Some(dir.into()), index: OnceCell::new() }
    }

    /// No knowledge at all.
    pub fn none() -> Self {
        Self { dir: None, index: OnceCell::new() }
    }

    /// Relations of a library, as in `Depends`, for the symbols that a program needs. Files for
    /// `debarch` are preferred; those of another architecture name the same packages.
    pub(super) fn lookup(
        &self,
        soname: &str,
        debarch: &str,
        needed: &BTreeSet<Symbol>,
    ) -> Option<Vec<String>> {
        let index = self.index.get_or_init(|| Index::of(self.dir.as_deref()));
        if let Some(files) = index.symbols.get(soname) {
            let best = files.iter().min_by_key(|path| distance(path, debarch))?;
            let text = String::from_utf8_lossy(&fs::read(best).ok()?).into_owned();
            if let Some(found) = Library::of(&text, soname).map(|library| library.relations(needed))
            {
                return Some(found);
            }
        }
        let rows = index.shlibs.get(&split_soname(soname)?)?;
        let (_, relations) = rows.iter().min_by_key(|(path, _)| distance(path, debarch))?;
        Some(split_relations(relations))
    }
}

/// 0 for a file of the architecture, 1 for one of no stated one, 2 for another.
fn distance<'a>(path: &'a Path, debarch: &str) -> (u8, &'a Path) {
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let distance = match name.split_once(':') {
        Some((_, arch)) if arch == debarch => 0,
        None => 1,
        Some(_) => 2,
    };
    (distance, path)
}

impl Index {
    fn of(dir: Option<&Path>) -> Self {
        let mut index = Self::default();
        let Some(listing) = dir.and_then(|dir| fs::read_dir(dir).ok()) else { return index };
        for path in listing.filter_map(|entry| Some(entry.ok()?.path())) {
            let kind = path.extension().and_then(|kind| kind.to_str());
            let (true, Ok(bytes)) = (matches!(kind, Some("symbols" | "shlibs")), fs::read(&path))
            else {
                continue;
            };
            let text = String::from_utf8_lossy(&bytes);
            if kind == Some("symbols") {
                index.add_symbols(&path, &text);
            } else {
                index.add_shlibs(&path, &text);
            }
        }
        index
    }

    fn add_symbols(&mut self, path: &Path, text: &str) {
        for line in text.lines().filter(|line| !line.starts_with([' ', '\t', '|', '*', '#'])) {
            if let Some(soname) = line.split_whitespace().next() {
                self.symbols.entry(soname.to_owned()).or_default().push(path.to_owned());
            }
        }
    }

    fn add_shlibs(&mut self, path: &Path, text: &str) {
        for line in text.lines() {
            let mut words = line.split_whitespace();
            // `udeb:` lines are for the installer.
            let (Some(name), Some(version)) = (words.next(), words.next()) else { continue };
            if name.ends_with(':') || name.starts_with('#') {
                continue;
            }
            let relations = words.collect::<Vec<_>>().join(" ");
            let key = (name.to_owned(), version.to_owned());
            self.shlibs.entry(key).or_default().push((path.to_owned(), relations));
        }
    }
}

/// `libcurl.so.4` → (`libcurl`, `4`), `libdb-5.3.so` → (`libdb`, `5.3`).
fn split_soname(soname: &str) -> Option<(String, String)> {
    let (name, version) = soname
        .split_once(".so.")
        .or_else(|| soname.strip_suffix(".so").and_then(|stem| stem.rsplit_once('-')))?;
    Some((name.to_owned(), version.to_owned()))
}

fn split_relations(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// One library of a symbols file.
struct Library<'a> {
    templates: Vec<&'a str>,
    /// `NAME@VERSION` → (minimum, number of its template).
    symbols: BTreeMap<&'a str, (&'a str, usize)>,
}

impl<'a> Library<'a> {
    fn of(text: &'a str, soname: &str) -> Option<Self> {
        let starts = |line: &&str| line.split_whitespace().next() == Some(soname);
        let mut lines = text.lines().skip_while(|line| line.starts_with(' ') || !starts(line));
        let (_, template) = lines.next()?.split_once(' ')?;
        let mut library = Self { templates: vec![template.trim()], symbols: BTreeMap::new() };
        for line in lines {
            match line.as_bytes().first() {
                Some(b'|') => library.templates.push(line[1..].trim()),
                Some(b'*' | b'#') => {}
                Some(b' ') => library.add(line.trim()),
                _ => break,
            }
        }
        Some(library)
    }

    fn add(&mut self, line: &'a str) {
        let mut words = line.split_whitespace();
        if let (Some(symbol), Some(minimum)) = (words.next(), words.next()) {
            let template = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            self.symbols.insert(symbol, (minimum, template));
        }
    }

    /// Every template in use with the highest minimum of the symbols in use. As dpkg-shlibdeps
    /// does, the first template is in use from the lowest minimum of the library on.
    fn relations(&self, needed: &BTreeSet<Symbol>) -> Vec<String> {
        let lowest = self.symbols.values().map(|(minimum, _)| *minimum);
        let lowest = lowest.reduce(|a, b| if compare(b, a).is_lt() { b } else { a });
        let mut minima = BTreeMap::from([(0, lowest.unwrap_or_default())]);
        for symbol in needed {
            let version = symbol.version.as_deref().unwrap_or("Base");
            let key = format!("{}@{version}", symbol.name);
            let Some((minimum, template)) = self.symbols.get(key.as_str()) else { continue };
            let highest = minima.entry(*template).or_insert(minimum);
            if compare(minimum, highest).is_gt() {
                *highest = minimum;
            }
        }
        let fill = |(number, minimum): (usize, &str)| {
            let template = self.templates.get(number)?;
            let known = if minimum.is_empty() || minimum == "0" {
                String::new()
            } else {
                format!("(>= {minimum})")
            };
            Some(split_relations(&template.replace("#MINVER#", &known)))
        };
        minima.into_iter().filter_map(fill).flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYMBOLS: &str = "\
libdemo.so.1 libdemo1 #MINVER#
| libdemo1 (>> 1.4), libdemo1 (<< 1.5)
* Build-Depends-Package: libdemo-dev
 demo_new@DEMO_1 1.0
 demo_old@Base 0.9
 demo_tied@DEMO_1 1.2 1
libother.so.2 libother2 #MINVER#
 demo_new@DEMO_1 7
";

    fn database(dir: &tempfile::TempDir) -> Database {
        fs::write(dir.path().join("libdemo1:amd64.symbols"), SYMBOLS).unwrap();
        let shlibs = "udeb: libplain 3 libplain-udeb\nlibplain 3 libplain3 (>= 3.1), libbase\n\
                      libdb\t5.3\tlibdb5.3\n";
        fs::write(dir.path().join("libplain3.shlibs"), shlibs).unwrap();
        Database::at(dir.path())
    }

    fn symbol(name: &str, version: Option<&str>) -> Symbol {
        Symbol { name: name.into(), version: version.map(Into::into) }
    }

    fn lookup(soname: &str, needed: &[Symbol]) -> Option<Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        database(&dir).lookup(soname, "amd64", &needed.iter().cloned().collect())
    }

    #[test]
    fn the_highest_minimum_of_the_symbols_in_use_counts() {
        let needed = [symbol("demo_new", Some("DEMO_1")), symbol("malloc", Some("GLIBC_2.2.5"))];
        assert_eq!(lookup("libdemo.so.1", &needed).unwrap(), ["libdemo1 (>= 1.0)"]);
    }

    #[test]
    fn without_a_symbol_the_lowest_minimum_counts() {
        assert_eq!(lookup("libdemo.so.1", &[]).unwrap(), ["libdemo1 (>= 0.9)"]);
    }

    #[test]
    fn a_symbol_may_have_a_template_of_its_own() {
        let found = lookup("libdemo.so.1", &[symbol("demo_tied", Some("DEMO_1"))]).unwrap();
        assert_eq!(found, ["libdemo1 (>= 0.9)", "libdemo1 (>> 1.4)", "libdemo1 (<< 1.5)"]);
    }

    #[test]
    fn shlibs_are_used_where_there_are_no_symbols() {
        assert_eq!(lookup("libplain.so.3", &[]).unwrap(), ["libplain3 (>= 3.1)", "libbase"]);
        assert_eq!(lookup("libdb-5.3.so", &[]).unwrap(), ["libdb5.3"]);
    }

    #[test]
    fn an_unknown_library_is_none() {
        assert_eq!(lookup("libnone.so.1", &[]), None);
        assert_eq!(Database::none().lookup("libdemo.so.1", "amd64", &BTreeSet::new()), None);
        assert_eq!(Database::at("/no/such").lookup("a.so.1", "amd64", &BTreeSet::new()), None);
    }
}
