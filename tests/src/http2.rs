//! HTTP/2 clients of the product, with TLS or with prior knowledge, and certificates for it: many requests over one
//! connection, as browsers and reverse proxies send them.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A certificate for `localhost` and 127.0.0.1 that signs itself, in files of its own.
pub struct Certificate {
    folder: tempfile::TempDir,
}

impl Certificate {
    /// A new one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new() -> anyhow::Result<Self> {
        let certificate = Self { folder: tempfile::tempdir()? };
        certificate.renew()?;
        Ok(certificate)
    }

    /// Another one in its place.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn renew(&self) -> anyhow::Result<()> {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names)?;
        std::fs::write(self.file(), made.cert.pem())?;
        Ok(std::fs::write(self.key(), made.signing_key.serialize_pem())?)
    }

    /// For `TLS_CERT_FILE`.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// For `TLS_KEY_FILE`.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }
}

/// One connection. Cheap to clone; all clones share it.
#[derive(Clone)]
pub struct Http2 {
    requests: SendRequest<Full<Bytes>>,
    base: String,
}

impl Http2 {
    /// Connects to `http://...` by prior knowledge.
    ///
    /// # Errors
    /// When that cannot be done.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        let address = url.strip_prefix("http://").context("not an http:// URL")?;
        Self::over(TcpStream::connect(address).await?, url).await
    }

    /// Connects to `https://127.0.0.1:...`, trusting this certificate alone.
    ///
    /// # Errors
    /// When that cannot be done, or ALPN chooses something else.
    pub async fn connect_encrypted(url: &str, certificate: &Certificate) -> anyhow::Result<Self> {
        let address = url.strip_prefix("https://").context("not an https:// URL")?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate.file())?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let (name, stream) = (ServerName::try_from("127.0.0.1")?, TcpStream::connect(address).await?);
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        ensure!(stream.get_ref().1.alpn_protocol() == Some(b"h2"), "HTTP/2 was not chosen");
        Self::over(stream, url).await
    }

    async fn over(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, url: &str) -> anyhow::Result<Self> {
        let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let (requests, connection) = builder.handshake(TokioIo::new(io)).await?;
        tokio::spawn(connection);
        Ok(Self { requests, base: url.to_owned() })
    }

    /// Sends a request for a path; its body has not been read.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Response<Incoming>> {
        self.send(Request::get(format!("{}{path}", self.base)).body(Full::default())?).await
    }

    /// The same with a body and its type.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn post(&mut self, path: &str, kind: &str, body: Bytes) -> anyhow::Result<Response<Incoming>> {
        let request = Request::post(format!("{}{path}", self.base)).header("content-type", kind);
        self.send(request.body(Full::new(body))?).await
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Incoming>> {
        Ok(self.requests.send_request(request).await?)
    }
}

/// The whole body as JSON.
///
/// # Errors
/// When it breaks off or is none.
pub async fn json(answer: Response<Incoming>) -> anyhow::Result<serde_json::Value> {
    Ok(serde_json::from_slice(&answer.into_body().collect().await?.to_bytes())?)
}
