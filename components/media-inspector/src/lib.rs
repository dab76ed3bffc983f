//! Is this really an image? JPEG and PNG, checked as their bytes arrive, in chunks of any size.
//!
//! As a component it imports nothing at all: it can compute and it can answer. It looks at every byte once and keeps none:
//! a few hundred bytes of state for a JPEG, about 45 KiB for a PNG, whose pixels are unpacked to count them, however large
//! the file is.
//! What is accepted and refused is written where it is decided: [`jpeg`] and [`png`].

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

mod bytes;
#[cfg(target_family = "wasm")]
mod component;
mod crc;
mod inflate;
mod inspection;
mod jpeg;
mod limits;
mod png;
mod refusal;

pub use inspection::{Facts, Format, Inspection};
pub use limits::Limits;
pub use refusal::Refusal;
