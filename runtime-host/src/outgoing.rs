//! Requests to others by TLS. Whom the system trusts is read once in a process, which takes some ten milliseconds; all
//! clients share it.

use std::sync::{Arc, LazyLock};

use reqwest::{Client, ClientBuilder};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;

static TLS: LazyLock<Option<ClientConfig>> = LazyLock::new(|| tls([]).ok());

/// A client of others. Expects that the process has installed its TLS provider.
pub fn client() -> ClientBuilder {
    match &*TLS {
        Some(tls) => Client::builder().tls_backend_preconfigured(tls.clone()),
        // It reads the same, and tells whoever builds it what is wrong.
        None => Client::builder(),
    }
}

/// TLS with whom the system trusts, and `more`. Reads the system's certificates.
///
/// # Errors
/// When none can be read, or one of `more` is no certificate.
pub fn tls(more: impl IntoIterator<Item = CertificateDer<'static>>) -> Result<ClientConfig, rustls::Error> {
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()));
    let verifier = Verifier::new_with_extra_roots(more, provider.clone())?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}
