//! Whether packing pays: a sample of every chunk is packed fast, once, for all codecs.

use zstd_safe::CCtx;

/// Length of the sample from the middle of a chunk, in bytes.
const SAMPLE: usize = 32 << 10;

/// A chunk is worth packing if its sample shrinks to less than this, in per cent. Quantised models
/// stay above 97, machine code below 70.
const WORTH: usize = 95;

/// Samples chunks on one thread.
pub(super) struct Probe {
    context: CCtx<'static>,
    packed: Vec<u8>,
}

impl Default for Probe {
    fn default() -> Self {
        let packed = Vec::with_capacity(zstd_safe::compress_bound(SAMPLE));
        Self { context: CCtx::create(), packed }
    }
}

impl Probe {
    /// Whether packing this chunk would not pay.
    pub(super) fn is_incompressible(&mut self, chunk: &[u8]) -> bool {
        let start = chunk.len().saturating_sub(SAMPLE) / 2;
        let sample = &chunk[start..chunk.len().min(start + SAMPLE)];
        self.packed.clear();
        match self.context.compress(&mut self.packed, sample, 1) {
            Ok(packed) => packed * 100 > sample.len() * WORTH,
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_worth_packing_and_noise_is_not() {
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        });
        let mut probe = Probe::default();
        assert!(!probe.is_incompressible(&b"words and words ".repeat(10_000)));
        assert!(probe.is_incompressible(&noise.take(100_000).collect::<Vec<_>>()));
        assert!(probe.is_incompressible(b"x"));
    }
}
