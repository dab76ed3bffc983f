//! The provider components as the worker sees them.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use image2model_host::config::FalSettings;
use image2model_host::edge::{CallError, Edge, providers as component};
use image2model_host::worker::{Price, Provider, ProviderDescription, ProviderError, ProviderFile, Providers, Role};

/// Every provider of the application by the id it gives itself.
///
/// # Errors
/// When the default provider is not among them.
pub async fn providers(edge: &Edge, settings: &FalSettings) -> anyhow::Result<Providers> {
    let mut all = Providers::default();
    for provider in edge.providers()? {
        let id = match provider.describe().await {
            Ok(description) => description.id,
            Err(error) => {
                tracing::error!(component = provider.component(), %error, "a provider does not describe itself and is left out");
                continue;
            }
        };
        let endpoint = settings.model_endpoint.clone().filter(|_| id == settings.default_model);
        all = all.with(id, Arc::new(ComponentProvider { provider, endpoint }));
    }
    all.get(&settings.default_model).context("DEFAULT_MODEL names a provider that the application does not have")?;
    Ok(all)
}

struct ComponentProvider {
    provider: component::Provider,
    /// `FAL_MODEL_ENDPOINT`, in place of its own.
    endpoint: Option<String>,
}

#[async_trait]
impl Provider for ComponentProvider {
    async fn describe(&self) -> Result<ProviderDescription, ProviderError> {
        let said = self.provider.describe().await.map_err(broken)?;
        let options_schema = serde_json::from_str(&said.options_schema);
        Ok(ProviderDescription {
            id: said.id,
            name: said.name,
            endpoint: self.endpoint.clone().unwrap_or(said.endpoint),
            options_schema: options_schema.map_err(|e| ProviderError::Broken(format!("its schema is no JSON: {e}")))?,
            formats: said.formats,
            prices: said.prices.into_iter().map(|p| Price { label: p.label, cents: p.cents }).collect(),
            typical_seconds: said.typical_seconds,
        })
    }

    async fn request(&self, options: &str, image_url: &str) -> Result<String, ProviderError> {
        self.provider.request(options, image_url).await.map_err(broken)?.map_err(refused)
    }

    async fn result(&self, options: &str, output: &str) -> Result<Vec<ProviderFile>, ProviderError> {
        let files = self.provider.result(options, output).await.map_err(broken)?.map_err(refused)?;
        Ok(files.into_iter().map(file).collect())
    }
}

fn file(file: component::File) -> ProviderFile {
    ProviderFile {
        role: match file.role {
            component::Role::Model => Role::Model,
            component::Role::Preview => Role::Preview,
            component::Role::Extra => Role::Extra,
        },
        url: file.url,
        format: file.format,
        content_type: file.content_type,
        file_name: file.file_name,
        size: file.size,
    }
}

fn broken(error: CallError) -> ProviderError {
    ProviderError::Broken(error.to_string())
}

fn refused(refusal: component::Refusal) -> ProviderError {
    ProviderError::Refused { code: refusal.code, message: refusal.message }
}
