//! Tripo3D v2.5 at FAL.AI (`tripo3d/tripo/v2.5/image-to-3d`): what it can be asked for, how, and how its answer is read.
//!
//! No I/O and no state; the worker owns requests, retries and money. As a component it imports nothing. The schema that
//! clients see (`options.schema.json`) and the checks in [`options`] say the same; a test holds them together.

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

#[cfg(target_family = "wasm")]
mod component;
mod options;
mod output;
mod refusal;

pub use options::request;
pub use output::{File, Role, result};
pub use refusal::Refusal;

/// What `?model=` and the form field `model` name.
pub const ID: &str = "tripo3d";

/// Its name for people.
pub const NAME: &str = "Tripo3D v2.5";

/// FAL's endpoint id.
pub const ENDPOINT: &str = "tripo3d/tripo/v2.5/image-to-3d";

/// The options a client may set, as a JSON Schema. FAL's `quad` is left out on purpose: it turns the answer into FBX,
/// which browsers cannot show.
pub const OPTIONS_SCHEMA: &str = include_str!("options.schema.json");

/// File name extensions of the models it returns.
pub const FORMATS: [&str; 1] = ["glb"];

/// FAL's price list, in US cents a model.
pub const PRICES: [(&str, u32); 3] = [("without texture", 20), ("standard texture", 30), ("HD texture", 40)];

/// How long one model usually takes, without the time it waits in FAL's queue.
pub const TYPICAL_SECONDS: u32 = 60;
