//! Why a file is no usable GGUF model, in words that say what it is instead.

use std::{fmt, io};

use crate::diagnostic::Diagnostic;

/// Why a file is no usable GGUF model.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are no bytes at all.
    #[error("it is empty")]
    Empty,
    /// What git-LFS leaves in place of a file.
    #[error("it is a git-LFS pointer")]
    Lfs {
        /// Length of the file it stands for, in bytes.
        len: Option<u64>,
    },
    /// An error or login page.
    #[error("it is an HTML page")]
    Html,
    /// A model in another format.
    #[error("it is {what}")]
    Other {
        /// Which format.
        what: &'static str,
    },
    /// Anything else.
    #[error("it starts with `{}`, not `GGUF`", hex(start))]
    Magic {
        /// The first bytes, at most four.
        start: Vec<u8>,
    },
    /// Older or newer than what is read.
    #[error("it is GGUF version {version}; llama.cpp reads 2 and 3")]
    Version {
        /// The version it says.
        version: u32,
    },
    /// The file is over before its header is.
    #[error("it ends inside its header, {at}")]
    Ends {
        /// Where in the header.
        at: Where,
    },
    /// A field of the header cannot be.
    #[error("its header is damaged, {at}: {why}")]
    Damaged {
        /// Where in the header.
        at: Where,
        /// What cannot be.
        why: String,
    },
    /// The header is whole, the tensors are not.
    #[error("it is {len} bytes; tensor `{tensor}` ends at {end}")]
    Truncated {
        /// Length of the file, in bytes.
        len: u64,
        /// The last tensor.
        tensor: String,
        /// Where that ends, in bytes.
        end: u64,
    },
    /// It cannot be read.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
}

/// A place in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// Magic, version, counts.
    Start,
    /// A key with its value, counted from 1, of so many.
    Key(u64, u64),
    /// What is said of a tensor, counted from 1, of so many.
    Tensor(u64, u64),
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("at its start"),
            Self::Key(number, count) => write!(f, "at key {number} of {count}"),
            Self::Tensor(number, count) => write!(f, "at tensor {number} of {count}"),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).expect("four bits are a digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl Error {
    /// About a file of that name.
    pub fn about(&self, name: &str) -> Diagnostic {
        let error = Diagnostic::usage(self.code(), self.message(name));
        let error = match self {
            Self::Io(source) => error.caused_by(source),
            _ => error,
        };
        match self.hint() {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// Stable, for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Lfs { .. } => "gguf.lfs",
            Self::Html => "gguf.html",
            Self::Empty | Self::Other { .. } | Self::Magic { .. } => "gguf.magic",
            Self::Version { .. } => "gguf.version",
            Self::Ends { .. } | Self::Damaged { .. } => "gguf.header",
            Self::Truncated { .. } => "gguf.truncated",
            Self::Io(_) => "source.unreadable",
        }
    }

    /// Whether it starts like GGUF all the same.
    pub(crate) fn says_gguf(&self) -> bool {
        use Error::{Damaged, Ends, Truncated, Version};
        matches!(self, Version { .. } | Ends { .. } | Damaged { .. } | Truncated { .. })
    }

    fn message(&self, name: &str) -> String {
        match self {
            Self::Lfs { len: Some(len) } => {
                format!("`{name}` is a git-LFS pointer to {len} bytes, not the model")
            }
            Self::Lfs { len: None } => format!("`{name}` is a git-LFS pointer, not the model"),
            Self::Other { what } => format!("`{name}` is {what}, not GGUF"),
            Self::Io(_) => format!("cannot read `{name}`"),
            other => {
                let text = other.to_string();
                let rest = text.strip_prefix("it ").unwrap_or(&text);
                match other {
                    Self::Damaged { at, why } => {
                        format!("the header of `{name}` is damaged, {at}: {why}")
                    }
                    _ => format!("`{name}` {rest}"),
                }
            }
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Lfs { .. } => Some("git lfs pull"),
            Self::Html => Some("the download link needs a login or has moved"),
            Self::Empty | Self::Truncated { .. } | Self::Ends { .. } | Self::Damaged { .. } => {
                Some("download it again")
            }
            Self::Other { .. } => {
                Some("convert it with llama.cpp's convert_hf_to_gguf.py, or ship it as `data`")
            }
            _ => None,
        }
    }
}
