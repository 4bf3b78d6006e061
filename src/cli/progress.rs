//! A progress bar with bytes and time left, and what happens on Ctrl-C.

use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ui::Ui;
use crate::payload::{Progress, Silent};

/// One line on a terminal.
struct Bar(Mutex<Option<ProgressBar>>);

/// A bar on a terminal, nothing elsewhere.
pub(super) fn progress(ui: &Ui) -> Arc<dyn Progress> {
    if ui.shows_progress() { Arc::new(Bar(Mutex::default())) } else { Arc::new(Silent) }
}

impl Bar {
    fn with(&self, work: impl FnOnce(&mut Option<ProgressBar>)) {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Progress for Bar {
    fn start(&self, what: &str, total: u64) {
        let template = "{msg} [{bar:24}] {decimal_bytes}/{decimal_total_bytes} {eta}";
        let style = ProgressStyle::with_template(template).expect("the template is right");
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let bar = ProgressBar::with_draw_target(Some(total), target)
            .with_style(style.progress_chars("=> "))
            .with_message(what.to_owned());
        self.with(|there| *there = Some(bar));
    }

    fn advance(&self, bytes: u64) {
        self.with(|bar| {
            if let Some(bar) = bar {
                bar.inc(bytes);
            }
        });
    }

    fn finish(&self) {
        self.with(|bar| {
            if let Some(bar) = bar.take() {
                bar.finish_and_clear();
            }
        });
    }
}
