//! What long work tells the terminal.

/// Told of work that takes a while, from any thread.
pub trait Progress: Send + Sync {
    /// Work on `total` bytes begins.
    fn start(&self, what: &str, total: u64);
    /// That many bytes more are done.
    fn advance(&self, bytes: u64);
    /// The work that was started last has ended.
    fn finish(&self);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
}
