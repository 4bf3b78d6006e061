//! The verbs in order: resolve, ingest, plan, write, read back, rename.

mod fetched;
mod load;
mod make;
mod parts;
mod pins;
mod prepare;
mod signers;
mod sums;

pub use fetched::Read;
pub use load::{Loaded, load};
pub use make::{Built, Made, expected, make};
pub use pins::check;
pub use prepare::{Planned, Prepared, prepare};
pub use signers::{Signer, Signers, Wish, apply};
