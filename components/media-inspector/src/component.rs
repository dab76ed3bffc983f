//! The component around the inspection: the types of the contract, and nothing else.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::cell::RefCell;

use image2model_bare as _;

use bindings::exports::image2model::media::inspector as wit;

use crate::{Facts, Format, Inspection, Limits, Refusal};

#[allow(missing_docs, unsafe_code, clippy::all, clippy::restriction, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({ world: "inspector-plug", path: "../../wit/media" });
    export!(Plug with_types_in self);

    pub(super) struct Plug;
}

impl wit::Guest for bindings::Plug {
    type Inspection = Shared;
}

/// Resources are shared by reference; calls on one never overlap.
pub(crate) struct Shared(RefCell<Inspection>);

impl wit::GuestInspection for Shared {
    fn new(limits: wit::Limits) -> Self {
        let wit::Limits { max_bytes, min_side, max_side, max_pixels } = limits;
        Self(RefCell::new(Inspection::new(Limits { max_bytes, min_side, max_side, max_pixels })))
    }

    fn push(&self, head: Vec<u8>, words: Vec<u64>, tail: Vec<u8>) -> Result<(), wit::Refusal> {
        let mut inspection = self.0.borrow_mut();
        // The lowest byte of a word is its first here, as the contract has it.
        let pieces = [&*head, bytemuck::cast_slice(&words), &*tail];
        pieces.into_iter().try_for_each(|piece| inspection.push(piece)).map_err(Into::into)
    }

    fn finish(&self) -> Result<wit::Facts, wit::Refusal> {
        self.0.borrow().finish().map(Into::into).map_err(Into::into)
    }
}

impl From<Facts> for wit::Facts {
    fn from(facts: Facts) -> Self {
        let Facts { format, width, height, bytes } = facts;
        let format = match format {
            Format::Jpeg => wit::Format::Jpeg,
            Format::Png => wit::Format::Png,
        };
        Self { format, width, height, bytes }
    }
}

impl From<Refusal> for wit::Refusal {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code().to_string(), message: refusal.to_string() }
    }
}
