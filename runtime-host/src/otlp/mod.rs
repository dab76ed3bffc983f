//! What is sent to a collector, as OTLP in protobuf over HTTP (opentelemetry.io/docs/specs/otlp): who sends it, and how.
//! Spans are made elsewhere (`trace`); what is counted is read and sent from here ([`export`]).
//!
//! Nobody waits for the collector. Of its answers 64 KiB are read, and an export takes ten seconds at most.

mod metrics;
mod post;
mod readings;

use std::collections::BTreeMap;

use http::HeaderMap;
use opentelemetry_http::HttpError;
use url::Url;

pub use metrics::{Exporting, Metrics, export};
pub use post::{Post, WITHIN};
pub use readings::{Attributes, Readings, amount, count, number, text};

/// Where a signal (traces, metrics) is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The whole address.
    pub endpoint: Url,
    /// Headers that the collector there wants, perhaps a key: marked as sensitive, so they are never printed.
    pub headers: HeaderMap,
}

/// What spans and metrics are from: attributes of this process, each of them once.
#[derive(Debug, Clone)]
pub struct Resource(BTreeMap<String, String>);

impl Resource {
    /// What the operator says of the process, and what it knows better.
    #[must_use]
    pub fn new(service: &str, instance: &str, said: impl IntoIterator<Item = (String, String)>) -> Self {
        let own = [
            ("service.name", service),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("service.instance.id", instance),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self(said.into_iter().chain(own).collect())
    }

    /// Name and value of each.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_there_once_and_the_process_knows_its_own() {
        let said = [("a", "1"), ("service.version", "0"), ("a", "2")];
        let resource = Resource::new("models", "m-1", said.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let version = ("service.version", env!("CARGO_PKG_VERSION"));
        let wanted = [("a", "2"), ("service.instance.id", "m-1"), ("service.name", "models"), version];
        assert_eq!(resource.attributes().collect::<Vec<_>>(), wanted);
    }
}
