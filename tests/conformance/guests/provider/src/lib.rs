//! A provider that returns what it was given, or nothing ever for the options `loop`. It imports nothing.
#![no_std]

extern crate alloc;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bindings::exports::image2model::provider::model::{Description, File, Guest, Refusal, Role};

mod bindings {
    wit_bindgen::generate!({ world: "provider-plug", path: "../../../../wit/provider", generate_all });
    use super::Provider;
    export!(Provider);
}

use image2model_bare as _;

struct Provider;

impl Guest for Provider {
    fn describe() -> Description {
        Description {
            id: "test".to_owned(),
            name: "Test".to_owned(),
            endpoint: "test/endpoint".to_owned(),
            options_schema: "{}".to_owned(),
            formats: Vec::from(["glb".to_owned()]),
            prices: Vec::new(),
            typical_seconds: 1,
        }
    }

    fn request(options: String, image_url: String) -> Result<String, Refusal> {
        if options == "loop" {
            loop {
                core::hint::black_box(0);
            }
        }
        Ok(format!("{{\"options\":{options},\"image\":\"{image_url}\"}}"))
    }

    fn result(_: String, output: String) -> Result<Vec<File>, Refusal> {
        if output.is_empty() {
            return Err(Refusal { code: "NO_MODEL".to_owned(), message: "empty".to_owned() });
        }
        let file = File {
            role: Role::Model,
            url: output,
            format: "glb".to_owned(),
            content_type: None,
            file_name: None,
            size: None,
        };
        Ok(Vec::from([file]))
    }
}
