//! Is this really an image? JPEG and PNG, checked as their bytes arrive, in chunks of any size.
//!
//! As a component it imports nothing at all: it can compute and it can answer. It keeps a few hundred bytes of state
//! however large the file is, looks at every byte once and decodes no pixel.
//! What is accepted and refused is written where it is decided: [`jpeg`] and [`png`].

#![cfg_attr(target_family = "wasm", no_std)]

#[cfg(target_family = "wasm")]
extern crate alloc;

mod bytes;
#[cfg(target_family = "wasm")]
mod component;
mod crc;
mod inspection;
mod jpeg;
mod limits;
mod png;
mod refusal;

pub use inspection::{Facts, Format, Inspection};
pub use limits::Limits;
pub use refusal::Refusal;
