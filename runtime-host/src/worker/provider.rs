//! The models at FAL, as the worker sees them: what `wit/provider` says, without the WebAssembly.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

/// How one model is asked and read. Implemented over components by the edge; does no I/O of its own.
#[async_trait]
pub trait Provider: Send + Sync {
    /// What it is.
    async fn describe(&self) -> Result<ProviderDescription, ProviderError>;

    /// FAL's request body, a JSON object, for `options` (a JSON object) and the URL of the uploaded image.
    async fn request(&self, options: &str, image_url: &str) -> Result<String, ProviderError>;

    /// The files named by FAL's output, a JSON object.
    async fn result(&self, options: &str, output: &str) -> Result<Vec<ProviderFile>, ProviderError>;
}

/// What a provider says of itself; serialised as it stands into the hash `providers`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProviderDescription {
    /// What `?model=` names.
    pub id: String,
    /// For people.
    pub name: String,
    /// FAL's endpoint id.
    pub endpoint: String,
    /// The options a client may set: a JSON Schema object.
    pub options_schema: serde_json::Value,
    /// Extensions of the models it returns, the usual one first.
    pub formats: Vec<String>,
    /// What a model costs.
    pub prices: Vec<Price>,
    /// How long one model usually takes.
    pub typical_seconds: u32,
}

/// One line of the price list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Price {
    /// What it is for.
    pub label: String,
    /// US cents a model.
    pub cents: u32,
}

/// What a file of a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The model to hand to the client.
    Model,
    /// A picture of it.
    Preview,
    /// Anything else that came along.
    Extra,
}

/// A file of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFile {
    /// What it is.
    pub role: Role,
    /// Where it is.
    pub url: String,
    /// Extension without the dot.
    pub format: String,
    /// Media type, when known.
    pub content_type: Option<String>,
    /// Name, when known.
    pub file_name: Option<String>,
    /// Bytes, when known.
    pub size: Option<u64>,
}

/// Why a provider has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// It does not accept the options, or does not understand the output.
    #[error("{code}: {message}")]
    Refused {
        /// Stable code.
        code: String,
        /// For the client.
        message: String,
    },
    /// It does not work: the component trapped or cannot be loaded.
    #[error("the provider does not work: {0}")]
    Broken(String),
}

impl ProviderError {
    /// Stable code for the client.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Broken(_) => "PROVIDER_PLUGIN_FAILED",
        }
    }

    /// A sentence for the client.
    #[must_use]
    pub fn client_message(&self) -> String {
        match self {
            Self::Refused { message, .. } => message.clone(),
            Self::Broken(_) => "The chosen model does not work at the moment".to_owned(),
        }
    }

    /// Whether trying again may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Broken(_))
    }

    /// Label for counting: codes of refusals are the providers' own.
    #[must_use]
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Broken(_) => "broken",
        }
    }
}

/// The providers of this worker by id.
#[derive(Clone, Default)]
pub struct Providers(BTreeMap<String, Arc<dyn Provider>>);

impl Providers {
    /// Adds a provider, or replaces the one with that id.
    #[must_use]
    pub fn with(mut self, id: impl Into<String>, provider: Arc<dyn Provider>) -> Self {
        self.0.insert(id.into(), provider);
        self
    }

    /// The provider with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<dyn Provider>> {
        self.0.get(id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<dyn Provider>)> {
        self.0.iter().map(|(id, provider)| (id.as_str(), provider))
    }
}
