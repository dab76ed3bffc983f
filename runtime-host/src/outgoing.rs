//! Requests to others: by TLS, and to public addresses only where a name is somebody else's word. Whom the system trusts is
//! read once in a process, which takes some ten milliseconds; all clients share it. And when others ask to be asked again.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use image2model_domain::webhook::is_public;
use reqwest::{Client, ClientBuilder};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;

static TLS: LazyLock<Option<Arc<ClientConfig>>> = LazyLock::new(|| tls([]).ok().map(Arc::new));

/// A client of others. Expects that the process has installed its TLS provider.
pub fn client() -> ClientBuilder {
    match &*TLS {
        Some(tls) => Client::builder().tls_backend_preconfigured(ClientConfig::clone(tls)),
        // It reads the same, and tells whoever builds it what is wrong.
        None => Client::builder(),
    }
}

/// Reads `Retry-After`: seconds or an HTTP date (RFC 9110 §10.2.3).
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    match value.trim().parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => Some(httpdate::parse_http_date(value.trim()).ok()?.duration_since(now).unwrap_or_default()),
    }
}

/// TLS with whom the system trusts, for all who need no more; nothing where that cannot be read.
pub fn shared_tls() -> Option<Arc<ClientConfig>> {
    TLS.clone()
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

/// A name that leads nowhere public.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
pub struct NotPublic;

impl NotPublic {
    /// Whether this is what went wrong.
    pub fn is(error: &(dyn Error + 'static)) -> bool {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        inner.is_some_and(|inner| inner.is::<Self>())
    }
}

/// Resolves as the system does, and leaves out every address that is not public.
///
/// # Errors
/// `NotPublic` when none is left, as `PermissionDenied`.
pub async fn resolve_public(name: &str, port: u16) -> std::io::Result<std::vec::IntoIter<SocketAddr>> {
    public(tokio::net::lookup_host((name, port)).await?.collect())
}

fn public(found: Vec<SocketAddr>) -> std::io::Result<std::vec::IntoIter<SocketAddr>> {
    let public: Vec<SocketAddr> = found.into_iter().filter(|address| is_public(address.ip())).collect();
    if public.is_empty() {
        return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, NotPublic));
    }
    Ok(public.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_back_in_leads_nowhere() {
        let all = |texts: &[&str]| public(texts.iter().map(|text| text.parse().unwrap()).collect());
        let inside = all(&["127.0.0.1:0", "10.0.0.1:0", "[::1]:0", "[::ffff:192.168.0.1]:0"]);
        assert!(NotPublic::is(&inside.unwrap_err()));
        assert_eq!(all(&["169.254.169.254:0", "93.184.216.34:0"]).unwrap().count(), 1);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(retry_after("3", now), Some(Duration::from_secs(3)));
        assert_eq!(retry_after(" Thu, 01 Jan 1970 00:00:09 GMT", now), Some(Duration::from_secs(9)));
        let past = now + Duration::from_secs(60);
        assert_eq!(retry_after("Thu, 01 Jan 1970 00:00:09 GMT", past), Some(Duration::ZERO));
        assert_eq!((retry_after("-1", now), retry_after("soon", now)), (None, None));
    }
}
