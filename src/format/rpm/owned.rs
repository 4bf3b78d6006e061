//! Which directories belong to a package. rpm removes only directories that a package owns, and
//! refuses a package that owns one with another mode than its owner: Fedora's `filesystem` has
//! `/usr/bin` as 0555.
//!
//! Source: Fedora Packaging Guidelines, "File and Directory Ownership"; `rpm -ql filesystem`.

use crate::tree::{InstallPath, Kind, Node};

/// Directories of the system and of packages that others put files into.
#[rustfmt::skip]
const SHARED: &[&str] = &[
    "bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root",
    "run", "sbin", "srv", "sys", "tmp", "usr", "var",
    "etc/X11", "etc/bash_completion.d", "etc/cron.d", "etc/cron.daily", "etc/cron.hourly",
    "etc/cron.monthly", "etc/cron.weekly", "etc/dbus-1", "etc/dbus-1/system.d", "etc/default",
    "etc/environment.d", "etc/init.d", "etc/ld.so.conf.d", "etc/logrotate.d", "etc/modprobe.d",
    "etc/modules-load.d", "etc/opt", "etc/pam.d", "etc/pki", "etc/pki/rpm-gpg", "etc/polkit-1",
    "etc/polkit-1/rules.d", "etc/profile.d", "etc/rc.d", "etc/rc.d/init.d", "etc/rsyslog.d",
    "etc/security", "etc/security/limits.d", "etc/skel", "etc/ssh", "etc/ssl", "etc/ssl/certs",
    "etc/sudoers.d", "etc/sysconfig", "etc/sysctl.d", "etc/systemd", "etc/systemd/system",
    "etc/systemd/user", "etc/sysusers.d", "etc/tmpfiles.d", "etc/udev", "etc/udev/rules.d",
    "etc/xdg", "etc/xdg/autostart", "etc/yum.repos.d",
    "usr/bin", "usr/games", "usr/include", "usr/lib", "usr/lib64", "usr/libexec", "usr/local",
    "usr/sbin", "usr/share", "usr/src",
    "usr/lib/binfmt.d", "usr/lib/debug", "usr/lib/environment.d", "usr/lib/firewalld",
    "usr/lib/firmware", "usr/lib/locale", "usr/lib/modprobe.d", "usr/lib/modules",
    "usr/lib/modules-load.d", "usr/lib/pkgconfig", "usr/lib/sysctl.d", "usr/lib/systemd",
    "usr/lib/systemd/system", "usr/lib/systemd/system-preset", "usr/lib/systemd/user",
    "usr/lib/systemd/user-preset", "usr/lib/sysusers.d", "usr/lib/tmpfiles.d", "usr/lib/udev",
    "usr/lib/udev/hwdb.d", "usr/lib/udev/rules.d", "usr/lib64/pkgconfig",
    "usr/local/bin", "usr/local/etc", "usr/local/games", "usr/local/include", "usr/local/lib",
    "usr/local/lib64", "usr/local/libexec", "usr/local/sbin", "usr/local/share", "usr/local/src",
    "usr/share/appdata", "usr/share/applications", "usr/share/backgrounds", "usr/share/dict",
    "usr/share/doc", "usr/share/fonts", "usr/share/games", "usr/share/glib-2.0",
    "usr/share/glib-2.0/schemas", "usr/share/gtk-doc", "usr/share/gtk-doc/html", "usr/share/java",
    "usr/share/licenses", "usr/share/metainfo", "usr/share/misc", "usr/share/omf",
    "usr/share/pixmaps", "usr/share/pkgconfig", "usr/share/sounds", "usr/share/themes",
    "usr/share/thumbnailers", "usr/share/wayland-sessions", "usr/share/xml", "usr/share/xsessions",
    "var/cache", "var/crash", "var/db", "var/lib", "var/local", "var/lock", "var/log", "var/mail",
    "var/opt", "var/run", "var/spool", "var/spool/cron", "var/tmp", "var/www",
];

/// Directories that belong to others together with everything in them.
const SHARED_TREES: &[&str] = &[
    "usr/share/bash-completion",
    "usr/share/dbus-1",
    "usr/share/fish",
    "usr/share/help",
    "usr/share/icons",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/mime",
    "usr/share/polkit-1",
    "usr/share/zsh",
];

/// Whether a node is one of the package's: everything but directories that nobody asked for and
/// that belong to others.
pub(super) fn is_owned(path: &InstallPath, node: &Node) -> bool {
    let shared = || {
        SHARED.contains(&path.as_str()) || SHARED_TREES.iter().any(|tree| path.starts_with(tree))
    };
    !(node.implied && node.kind == Kind::Dir && shared())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Mode;

    fn owned(path: &str, node: &Node) -> bool {
        is_owned(&InstallPath::parse(path).unwrap(), node)
    }

    #[test]
    fn a_package_owns_its_own_directories_only() {
        for (path, want) in [
            ("usr/bin", false),
            ("usr/share/icons/hicolor/48x48/apps", false),
            ("usr/share/sample", true),
            ("usr/share/doc/sample", true),
            ("etc/sample", true),
            ("usr/lib/systemd/system/sample.service.d", true),
            ("srv/sample", true),
        ] {
            assert_eq!(owned(path, &Node::implied_dir()), want, "{path}");
        }
    }

    #[test]
    fn what_was_asked_for_is_owned_wherever_it_is() {
        assert!(owned("usr/share/icons/mine", &Node::dir(Mode(0o755))));
        assert!(owned("usr/share/man/man1/x.1", &Node::symlink("y.1")));
    }
}
