//! What is sent to a collector, as OTLP in protobuf over HTTP (opentelemetry.io/docs/specs/otlp): who sends it, and how.
//! Spans are made elsewhere (`trace`); what is counted is read and sent from here ([`export`]).
//!
//! Nobody waits for the collector. Of its answers 64 KiB are read, and an export takes ten seconds at most.

mod metrics;
mod post;
mod readings;

use opentelemetry_http::HttpError;
use secrecy::SecretString;

pub use metrics::{Exporting, Metrics, export};
pub use post::{Post, WITHIN};
pub use readings::{Attributes, Readings, amount, count, number, text};

/// A collector, and what it is told of this process.
#[derive(Debug, Clone)]
pub struct Collector {
    /// Headers that it wants, perhaps a key.
    pub headers: Vec<(String, SecretString)>,
    /// `service.name`.
    pub service: String,
    /// `service.instance.id`.
    pub instance: String,
    /// What else is said of the process.
    pub attributes: Vec<(String, String)>,
}

impl Collector {
    /// The attributes of the resource that everything is from. What is said by the operator comes first, and what only
    /// the process knows after it.
    #[must_use]
    pub fn resource(&self) -> Vec<(String, String)> {
        let own = [
            ("service.name", &*self.service),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("service.instance.id", &*self.instance),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.sdk.name", "opentelemetry"),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let said = self.attributes.iter().filter(|(name, _)| own.iter().all(|(known, _)| known != name)).cloned();
        said.chain(own.iter().cloned()).collect()
    }
}

/// Why nothing is sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The client cannot be made.
    #[error("no client for the collector: {0}")]
    Client(#[from] reqwest::Error),
    /// The exporter does not take its settings.
    #[error("the collector cannot be used: {0}")]
    Exporter(String),
    /// A process has one.
    #[error("spans are sent somewhere already")]
    Twice,
}

type Answer = Result<http::Response<bytes::Bytes>, HttpError>;
