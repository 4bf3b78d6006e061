//! Names of models: `[host/][namespace/]model[:tag]`.

use std::fmt;

/// Where a name without a host is.
const HOST: &str = "registry.ollama.ai";
/// Where a name without a namespace is.
const NAMESPACE: &str = "library";
/// What a name without a tag means.
const TAG: &str = "latest";

/// Longest part of a name, and longest host, in bytes.
const MAX_PART: usize = 80;
const MAX_HOST: usize = 350;

/// The name of a model, every part said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Registry.
    pub host: String,
    /// Owner in the registry.
    pub namespace: String,
    /// The model.
    pub model: String,
    /// Which of its builds.
    pub tag: String,
}

/// What a part of a name is: each has its own letters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Namespace,
    Model,
    Tag,
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Namespace => "namespace",
            Self::Model => "model",
            Self::Tag => "tag",
        }
    }

    fn check(self, text: &str) -> Result<(), String> {
        let longest = if self == Self::Host { MAX_HOST } else { MAX_PART };
        let word = self.word();
        if text.is_empty() {
            return Err(format!("the {word} is empty"));
        }
        if text.len() > longest {
            return Err(format!("the {word} has more than {longest} letters"));
        }
        let fits = |(at, c): (usize, char)| match c {
            '-' => at > 0,
            '.' => at > 0 && self != Self::Namespace,
            ':' => at > 0 && self == Self::Host,
            c => c.is_ascii_alphanumeric() || c == '_',
        };
        match text.char_indices().find(|at| !fits(*at)) {
            Some((_, c)) => Err(format!("`{}` cannot be there in the {word}", c.escape_debug())),
            None => Ok(()),
        }
    }
}

impl Name {
    /// Reads a name as users type it; why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
        let slash = bare.rfind('/').map_or(0, |at| at + 1);
        // Before the last slash, a colon is that of a port.
        let (path, tag) = match bare[slash..].split_once(':') {
            Some((_, tag)) if tag.contains(':') => return Err("two tags".into()),
            Some((model, tag)) => (&bare[..slash + model.len()], tag),
            None => (bare, TAG),
        };
        let parts: Vec<_> = path.split('/').collect();
        let (host, namespace, model) = match parts[..] {
            [model] => (HOST, NAMESPACE, model),
            [namespace, model] => (HOST, namespace, model),
            [host, namespace, model] => (host, namespace, model),
            _ => return Err("more parts than host, namespace and model".into()),
        };
        for (part, text) in [
            (Part::Host, host),
            (Part::Namespace, namespace),
            (Part::Model, model),
            (Part::Tag, tag),
        ] {
            part.check(text)?;
        }
        let [host, namespace, model, tag] = [host, namespace, model, tag].map(str::to_owned);
        Ok(Self { host, namespace, model, tag })
    }

    /// Where its manifest is below `manifests/`: host, namespace, model, tag.
    pub fn parts(&self) -> [&str; 4] {
        [&self.host, &self.namespace, &self.model, &self.tag]
    }

    /// Without what a name means anyway: `qwen2.5-coder:3b`.
    pub fn short(&self) -> String {
        let Self { host, namespace, model, tag } = self;
        match (&**host, &**namespace) {
            (HOST, NAMESPACE) => format!("{model}:{tag}"),
            (HOST, namespace) => format!("{namespace}/{model}:{tag}"),
            _ => self.to_string(),
        }
    }

    /// The server looks names up without regard to case.
    pub fn is(&self, other: &Self) -> bool {
        self.parts().iter().zip(other.parts()).all(|(one, other)| one.eq_ignore_ascii_case(other))
    }
}

/// Every part.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, namespace, model, tag } = self;
        write!(f, "{host}/{namespace}/{model}:{tag}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(text: &str) -> String {
        Name::parse(text).unwrap().to_string()
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        assert_eq!(full("qwen2.5-coder"), "registry.ollama.ai/library/qwen2.5-coder:latest");
        assert_eq!(full("team/x:3b"), "registry.ollama.ai/team/x:3b");
        assert_eq!(full("localhost:5000/team/x"), "localhost:5000/team/x:latest");
        assert_eq!(full("https://h.example/team/x:1.0"), "h.example/team/x:1.0");
    }

    #[test]
    fn the_short_form_leaves_defaults_out() {
        for text in ["qwen2.5-coder:3b", "team/x:latest", "localhost:5000/team/x:y"] {
            assert_eq!(Name::parse(text).unwrap().short(), text);
        }
    }

    #[test]
    fn what_is_no_name_says_why() {
        for (text, why) in [
            ("Qwen:3b:x", "two tags"),
            ("", "the model is empty"),
            ("x:", "the tag is empty"),
            ("a/b/c/d", "more parts than host, namespace and model"),
            ("te.am/x", "`.` cannot be there in the namespace"),
            ("-x", "`-` cannot be there in the model"),
            ("../../etc", "`.` cannot be there in the host"),
            ("x y", "` ` cannot be there in the model"),
            ("x@sha256", "`@` cannot be there in the model"),
        ] {
            assert_eq!(Name::parse(text).unwrap_err(), why, "{text}");
        }
        assert!(Name::parse(&"x".repeat(81)).is_err());
    }

    #[test]
    fn case_does_not_tell_names_apart() {
        assert!(Name::parse("Qwen:3B").unwrap().is(&Name::parse("qwen:3b").unwrap()));
    }
}
