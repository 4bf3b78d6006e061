//! Symbolic links as Debian policy 10.5 wants them: relative within a top-level directory, absolute
//! across. In an image that can be moved, `{{ dir.X }}` is a path from its root: links to such paths
//! become relative.

use crate::tree::{InstallPath, PathError};

/// The target of a link at `path`, rewritten.
pub(super) fn by_policy(path: &InstallPath, target: &str) -> Result<String, PathError> {
    let Some(absolute) = resolve(path, target)? else {
        return Ok("/".to_owned());
    };
    let top = |path: &InstallPath| path.as_str().split('/').next().map(str::to_owned);
    if top(path) == top(&absolute) {
        Ok(relative(path, &absolute))
    } else {
        Ok(format!("/{absolute}"))
    }
}

/// The target of a link at `path` in an image that can be moved. What is there from the directory
/// of the link stays; what is there from the root of the image is rewritten; the rest is the user's.
pub(super) fn in_image(
    path: &InstallPath,
    target: &str,
    exists: impl Fn(&InstallPath) -> bool,
) -> String {
    let there = |target: &str| resolve(path, target).ok().flatten().filter(|path| exists(path));
    if target.starts_with('/') || there(target).is_some() {
        return target.to_owned();
    }
    match there(&format!("/{target}")) {
        Some(from_root) => relative(path, &from_root),
        None => target.to_owned(),
    }
}

/// What the link means from the root; `None` is the root itself.
fn resolve(path: &InstallPath, target: &str) -> Result<Option<InstallPath>, PathError> {
    let mut parts: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => {
            path.as_str().split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect()
        }
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| PathError::Escapes { path: target.to_owned() })?;
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() { Ok(None) } else { InstallPath::parse(&parts.join("/")).map(Some) }
}

/// From the directory of `path` to `target`; both are below one root.
fn relative(path: &InstallPath, target: &InstallPath) -> String {
    let from: Vec<_> = path.as_str().split('/').collect();
    let to: Vec<_> = target.as_str().split('/').collect();
    let above = &from[..from.len() - 1];
    let common = above.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", above.len() - common);
    let parts: Vec<_> = up.chain(to[common..].iter().copied()).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(path: &str, target: &str) -> String {
        by_policy(&InstallPath::parse(path).unwrap(), target).unwrap()
    }

    #[test]
    fn a_link_within_a_top_level_directory_is_relative() {
        assert_eq!(link("usr/bin/a", "b"), "b");
        assert_eq!(link("usr/bin/a", "/usr/libexec/x/a"), "../libexec/x/a");
        assert_eq!(link("usr/lib/x", "/usr/lib"), ".");
        assert_eq!(link("usr/lib/x/a", "./sub/../b"), "b");
    }

    #[test]
    fn a_link_across_top_level_directories_is_absolute() {
        assert_eq!(link("usr/bin/a", "/opt/x/bin/a"), "/opt/x/bin/a");
        assert_eq!(link("usr/share/x/conf", "../../../etc/x"), "/etc/x");
    }

    #[test]
    fn a_link_in_an_image_to_a_path_from_its_root_is_relative() {
        let tree = ["bin/b", "libexec/a"].map(|path| InstallPath::parse(path).unwrap());
        let link = |path: &str, target: &str| {
            in_image(&InstallPath::parse(path).unwrap(), target, |path| tree.contains(path))
        };
        assert_eq!(link("bin/a", "libexec/a"), "../libexec/a");
        assert_eq!(link("bin/a", "b"), "b");
        assert_eq!(link("bin/a", "../libexec/a"), "../libexec/a");
        assert_eq!(link("bin/a", "elsewhere"), "elsewhere");
        assert_eq!(link("bin/a", "/usr/bin/perl"), "/usr/bin/perl");
    }

    #[test]
    fn a_link_above_the_root_is_refused() {
        let path = InstallPath::parse("usr/a").unwrap();
        assert!(matches!(by_policy(&path, "../../b"), Err(PathError::Escapes { .. })));
    }
}
