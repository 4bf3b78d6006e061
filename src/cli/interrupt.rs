//! Ctrl-C: nothing half-written stays behind, and the exit code says so.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// A signal has come, and the last work is being done.
static COMING_TO_AN_END: AtomicBool = AtomicBool::new(false);

/// Stays here once a signal has come: what is being cleaned up would be taken for a failure.
pub(super) fn wait_for_the_end() {
    while COMING_TO_AN_END.load(Ordering::Relaxed) {
        thread::park();
    }
}

/// From now on, a signal that ends the program removes `scratch` and the drafts in `out` first.
/// Artifacts that have their names already are whole and stay.
pub(super) fn clean_up(scratch: PathBuf, out: PathBuf) {
    then(move || {
        crate::splice::abandon(&out);
        // There is nobody left to tell.
        let _ = std::fs::remove_dir_all(&scratch);
    });
}

/// From now on, a signal that ends the program does this first.
#[cfg(unix)]
pub(super) fn then(last: impl FnOnce() + Send + 'static) {
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
    };
    /// Exit code of a run that was interrupted.
    const INTERRUPTED: i32 = 130;
    // Without the handler the default applies, and the next run sweeps up.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            COMING_TO_AN_END.store(true, Ordering::Relaxed);
            last();
            std::process::exit(INTERRUPTED);
        }
    });
}

/// The default applies, and the next run sweeps up.
#[cfg(not(unix))]
pub(super) fn then(_: impl FnOnce() + Send + 'static) {}
