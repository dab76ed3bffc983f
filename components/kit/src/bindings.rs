//! Generated from `wit/guard`: made once, here, and shared by every endpoint.

#[allow(warnings, clippy::all, unsafe_code, reason = "generated code")]
mod generated {
    wit_bindgen::generate!({ world: "guard-user", path: "../../wit/guard" });
}

pub(crate) use generated::image2model::guard::guard::{Answer, Facts, Pass, Verdict, check};
pub use generated::image2model::guard::guard::{Budget, Level, Role};
