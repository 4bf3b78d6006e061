//! One service, rendered for each system's manager.

pub mod launchd;
pub mod systemd;
pub mod windows;
