//! Xz streams, and those of its predecessor without headers and checksums, decoded by liblzma.

use std::io::Read;

use liblzma::stream::{Action, Error, Status, Stream};

use super::{Facts, Input, MAX_MEMORY, ReadError, Step, lzma2::Chunks, unpack_error};

/// What a stream starts with.
pub(super) const MAGIC: &[u8] = b"\xfd7zXZ\0";

/// `LZMA_TELL_UNSUPPORTED_CHECK`: liblzma otherwise decodes without checking.
const TELL_UNSUPPORTED_CHECK: u32 = 0x02;

pub(super) struct Xz {
    stream: Stream,
    /// Once the stream flags are known.
    chunks: Option<Chunks>,
    /// An `.lzma` stream has neither flags nor chunks.
    alone: bool,
}

impl Xz {
    pub(super) fn new() -> Result<Self, ReadError> {
        // One stream per decoder: no LZMA_CONCATENATED.
        let stream = Stream::new_stream_decoder(MAX_MEMORY, TELL_UNSUPPORTED_CHECK)
            .map_err(|error| unpack_error("xz", 0, error))?;
        Ok(Self { stream, chunks: None, alone: false })
    }

    /// For an `.lzma` stream.
    pub(super) fn alone() -> Result<Self, ReadError> {
        let stream =
            Stream::new_lzma_decoder(MAX_MEMORY).map_err(|error| unpack_error("lzma", 0, error))?;
        Ok(Self { stream, chunks: None, alone: true })
    }

    pub(super) fn word(&self) -> &'static str {
        if self.alone { "lzma" } else { "xz" }
    }

    pub(super) fn step<R: Read>(
        &mut self,
        input: &mut Input<R>,
        out: &mut [u8],
        facts: &mut Facts,
    ) -> Result<Step, ReadError> {
        let at = input.at();
        if self.chunks.is_none() && !self.alone {
            // Stream flags: a zero byte, then the kind of check; 0 is none.
            let check = input.peek(8)?.get(7).copied();
            facts.unchecked += u64::from(check == Some(0));
            self.chunks = Some(Chunks::new(check.unwrap_or(0)));
        }
        let seen = input.peek(1)?;
        let action = if seen.is_empty() { Action::Finish } else { Action::Run };
        let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
        let status = self
            .stream
            .process(seen, out, action)
            .map_err(|error| unpack_error(self.word(), at, reason(error)))?;
        let count = |bytes: u64| usize::try_from(bytes).expect("no more than a buffer");
        let taken = count(self.stream.total_in() - before_in);
        if let Some(chunks) = &mut self.chunks {
            chunks.feed(&seen[..taken]);
            facts.resets += std::mem::take(&mut chunks.resets);
        }
        let ended = status == Status::StreamEnd;
        facts.unchecked += u64::from(ended && self.alone);
        Ok(Step { taken, made: count(self.stream.total_out() - before_out), ended })
    }
}

fn reason(error: Error) -> String {
    match error {
        Error::Data => "the data is corrupt".into(),
        Error::Format => "it is no such stream".into(),
        Error::Options => "it uses unknown options".into(),
        Error::MemLimit => format!("it needs more than {} MiB of memory", MAX_MEMORY >> 20),
        Error::UnsupportedCheck => "its kind of check is unknown".into(),
        other => other.to_string(),
    }
}
