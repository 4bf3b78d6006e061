//! Finding a model: every place in order, and why none has it.

use std::path::{Path, PathBuf};

use super::{
    machine::{Machine, Refusal},
    name::Name,
    store::{Blocked, Store},
};
use crate::{diagnostic::similar, resolve::source::Problem};

/// The most names that a hint lists.
const MAX_NAMES: usize = 6;

/// A model that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The store it is in.
    pub store: Store,
    /// As it is spelled there.
    pub name: Name,
    /// Its manifest.
    pub path: PathBuf,
}

/// What was found out on the way.
#[derive(Default)]
struct Search {
    /// One line per place.
    tried: Vec<String>,
    stores: Vec<Store>,
    refusal: Option<Refusal>,
}

impl Machine {
    /// The first store that has the model.
    pub fn locate(&self, name: &Name) -> Result<Located, Box<Problem>> {
        let mut search = Search::default();
        for place in self.candidates() {
            let shown = format!("`{}` ({})", place.dir.display(), place.of);
            let why = match self.look(&place.dir, name, &mut search) {
                Ok(located) => return Ok(located),
                Err(why) => why,
            };
            search.tried.push(format!("{shown} {why}"));
        }
        if let Some(path) = self.app_settings() {
            let path = path.display();
            search.tried.push(format!("`{path}` may name another folder; it is not read"));
        }
        Err(Box::new(self.nowhere(name, search)))
    }

    /// All stores that may be read, in the order they are searched.
    pub fn stores(&self) -> Vec<Store> {
        let places = self.candidates().into_iter();
        places.filter_map(|place| Store::open(&place.dir).ok().flatten()).collect()
    }

    fn look(&self, dir: &Path, name: &Name, search: &mut Search) -> Result<Located, String> {
        let blocked = |blocked: Blocked, search: &mut Search| {
            let Blocked { path, error } = blocked;
            match self.refused(&path, &error) {
                Some(refusal) => {
                    let verb = if refusal.dir { "entered" } else { "read" };
                    let why =
                        format!("is behind `{}`, which may not be {verb}", refusal.path.display());
                    search.refusal.get_or_insert(refusal);
                    why
                }
                None => format!("cannot be looked at: {error}"),
            }
        };
        let store = Store::open(dir).map_err(|why| blocked(why, search))?;
        let Some(store) = store else {
            let there = if dir.exists() { "is no store" } else { "does not exist" };
            return Err(there.into());
        };
        let found = store.find(name).map_err(|why| blocked(why, search))?;
        let Some((name, path)) = found else {
            search.stores.push(store);
            return Err("does not have it".into());
        };
        Ok(Located { store, name, path })
    }

    fn nowhere(&self, name: &Name, search: Search) -> Problem {
        let Search { tried, stores, refusal } = search;
        if let Some(refusal) = refusal {
            let mut problem = Problem::new("ollama.denied", refusal.message());
            problem.hint = Some(refusal.hint());
            problem.causes = tried;
            return problem;
        }
        if let Some(address) = self.server_with(name) {
            let mut problem = elsewhere(name, &address);
            problem.causes = tried;
            return problem;
        }
        if let [store, ..] = &stores[..] {
            let message = format!("the store `{}` has no `{}`", store.dir.display(), name.short());
            let mut problem = Problem::new("ollama.no-tag", message);
            problem.hint = Some(suggestion(name, &stores));
            problem.causes = if tried.len() > 1 { tried } else { Vec::new() };
            return problem;
        }
        let where_to = match &self.only {
            Some(dir) => format!("`{}` is no Ollama store", dir.display()),
            None => "there is no Ollama store on this machine".into(),
        };
        let message = format!("model `{name}` was not found: {where_to}");
        let mut problem = Problem::new("ollama.no-store", message);
        problem.hint = Some(match &self.only {
            Some(_) => {
                "a store is a folder with `manifests/` and `blobs/`: `~/.ollama/models`".into()
            }
            None => format!("`ollama pull {}`, or `--ollama-models DIR`", name.short()),
        });
        problem.causes = tried;
        problem
    }
}

fn elsewhere(name: &Name, address: &str) -> Problem {
    let message = format!(
        "the Ollama server at `{address}` has `{}`, but no store on this machine has it: it runs in a container, WSL or on another host",
        name.short()
    );
    let mut problem = Problem::new("ollama.elsewhere", message);
    let hint = "`docker cp CONTAINER:/root/.ollama/models ./store` and `--ollama-models ./store`";
    problem.hint = Some(hint.into());
    problem
}

/// Tags of the model first, then names that are nearly the same, else what there is.
fn suggestion(name: &Name, stores: &[Store]) -> String {
    let mut names: Vec<_> = stores.iter().flat_map(Store::names).collect();
    names.dedup();
    let tags: Vec<_> = names
        .iter()
        .filter(|there| Name { tag: there.tag.clone(), ..name.clone() }.is(there))
        .map(Name::short)
        .collect();
    if !tags.is_empty() {
        return format!("it has {}", listed(&tags));
    }
    let short: Vec<_> = names.iter().map(Name::short).collect();
    let models: Vec<_> = names.iter().map(|name| name.model.to_lowercase()).collect();
    let wanted = name.short();
    let near =
        similar(&wanted, short.iter().map(String::as_str)).map(str::to_owned).or_else(|| {
            let model = similar(&name.model, models.iter().map(String::as_str))?;
            short.get(models.iter().position(|there| there == model)?).cloned()
        });
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if short.is_empty() => format!("`ollama pull {wanted}`"),
        None => format!("it has {}; `ollama pull {wanted}` adds it", listed(&short)),
    }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(MAX_NAMES).map(|name| format!("`{name}`")).collect();
    let more = names.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    shown.join(", ") + &more
}
