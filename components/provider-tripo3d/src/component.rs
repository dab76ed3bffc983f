//! The component around it: the types of the contract, and nothing else.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use image2model_bare as _;

use bindings::exports::image2model::provider::model as wit;

use crate::{File, Refusal, Role};

#[allow(missing_docs, unsafe_code, clippy::all, clippy::restriction, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({ world: "provider-plug", path: "../../wit/provider" });
    export!(Plug with_types_in self);

    pub(super) struct Plug;
}

impl wit::Guest for bindings::Plug {
    fn describe() -> wit::Description {
        let price = |(label, cents): (&str, u32)| wit::Price { label: label.to_string(), cents };
        wit::Description {
            id: crate::ID.to_string(),
            name: crate::NAME.to_string(),
            endpoint: crate::ENDPOINT.to_string(),
            options_schema: crate::OPTIONS_SCHEMA.to_string(),
            formats: crate::FORMATS.map(ToString::to_string).to_vec(),
            prices: crate::PRICES.map(price).to_vec(),
            typical_seconds: crate::TYPICAL_SECONDS,
        }
    }

    fn request(options: String, image_url: String) -> Result<String, wit::Refusal> {
        crate::request(&options, &image_url).map_err(Into::into)
    }

    fn result(options: String, output: String) -> Result<Vec<wit::File>, wit::Refusal> {
        let files = crate::result(&options, &output).map_err(wit::Refusal::from)?;
        Ok(files.into_iter().map(Into::into).collect())
    }
}

impl From<File> for wit::File {
    fn from(file: File) -> Self {
        let File { role, url, format, content_type, file_name, size } = file;
        let role = match role {
            Role::Model => wit::Role::Model,
            Role::Preview => wit::Role::Preview,
            Role::Extra => wit::Role::Extra,
        };
        Self { role, url, format, content_type, file_name, size }
    }
}

impl From<Refusal> for wit::Refusal {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code().to_string(), message: refusal.to_string() }
    }
}
