//! Tripo v2.5 in plain Rust, for tests of the worker alone; the real one is a component.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use image2model_host::worker::{Provider, ProviderDescription, ProviderError, ProviderFile, Role};
use serde_json::{Value, json};

#[derive(Default)]
pub struct Tripo {
    /// The next so many requests break down, as a component that traps.
    pub broken_requests: AtomicU32,
    /// The same of readings of a result.
    pub broken_results: AtomicU32,
}

/// Whether this is one of the calls that break down.
fn breaks(left: &AtomicU32) -> Result<(), ProviderError> {
    let fewer = |n: u32| n.checked_sub(1);
    match left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer) {
        Ok(_) => Err(ProviderError::Broken("it trapped".to_owned())),
        Err(_) => Ok(()),
    }
}

#[async_trait]
impl Provider for Tripo {
    async fn describe(&self) -> Result<ProviderDescription, ProviderError> {
        Ok(ProviderDescription {
            id: "tripo3d".to_owned(),
            name: "Tripo3D v2.5".to_owned(),
            endpoint: "tripo3d/tripo/v2.5/image-to-3d".to_owned(),
            options_schema: json!({ "type": "object" }),
            formats: vec!["glb".to_owned()],
            prices: Vec::new(),
            typical_seconds: 10,
        })
    }

    async fn request(&self, options: &str, image_url: &str) -> Result<String, ProviderError> {
        breaks(&self.broken_requests)?;
        let mut body: Value = serde_json::from_str(options).unwrap();
        body["image_url"] = image_url.into();
        Ok(body.to_string())
    }

    async fn result(&self, _options: &str, output: &str) -> Result<Vec<ProviderFile>, ProviderError> {
        breaks(&self.broken_results)?;
        let output: Value = serde_json::from_str(output).unwrap();
        let named = |role, name: &str, format: &str| {
            let file = output.get(name).filter(|file| !file.is_null())?;
            Some(ProviderFile {
                role,
                url: file["url"].as_str()?.to_owned(),
                format: format.to_owned(),
                content_type: None,
                file_name: None,
                size: file["file_size"].as_u64(),
            })
        };
        let model = named(Role::Model, "model_mesh", "glb")
            .ok_or_else(|| ProviderError::Refused { code: "NO_MODEL".to_owned(), message: "No model".to_owned() })?;
        Ok([Some(model), named(Role::Preview, "rendered_image", "webp")].into_iter().flatten().collect())
    }
}
