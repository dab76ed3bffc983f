//! What `POST /models/generate-single` and `/models/generate` ask for, once their bodies are understood.

mod original;
mod request;

pub use original::Original;
pub use request::{Asked, Wish};
