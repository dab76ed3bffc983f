//! Connections of outbound requests: plain, or by TLS where the URI says `https`, with the certificates that the system
//! trusts and those the operator adds. A handshake is part of connecting, and as bounded.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;
use wasmtime_wasi_http::Error;

use crate::edge::EdgeError;
use crate::outgoing;

/// How long a handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);

tokio::task_local! {
    /// How long the connection for the request that is sent in here may take, where its component says so.
    pub(super) static CONNECT_WITHIN: Duration;
}

/// Who is trusted: whom the system trusts, and whose certificates the operator names. The system's are read when the first
/// request by TLS is made: most applications make none.
pub(crate) struct Trust {
    more: Vec<CertificateDer<'static>>,
    connector: OnceLock<Option<TlsConnector>>,
}

impl Trust {
    /// With the authorities in this file as well.
    pub fn new(more: Option<&Path>) -> Result<Arc<Self>, EdgeError> {
        let more = more.map(authorities).transpose()?.unwrap_or_default();
        Ok(Arc::new(Self { more, connector: OnceLock::new() }))
    }

    fn connector(&self) -> io::Result<&TlsConnector> {
        let made = self.connector.get_or_init(|| {
            let made = outgoing::tls(self.more.iter().cloned()).map(|tls| TlsConnector::from(Arc::new(tls)));
            made.inspect_err(|error| tracing::error!(%error, "components cannot send requests by TLS")).ok()
        });
        made.as_ref().ok_or_else(|| io::Error::other("no TLS"))
    }
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, EdgeError> {
    let wrong = |message: String| EdgeError::Authorities { path: path.into(), message };
    let found = CertificateDer::pem_file_iter(path).and_then(|all| all.collect::<Result<Vec<_>, _>>());
    let found = found.map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() { Err(wrong("there is no certificate in it".to_owned())) } else { Ok(found) }
}

/// What a handshake failed of, as components are told.
pub(super) fn failure(error: &io::Error) -> Option<Error> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Error::TlsCertificateError,
        rustls::Error::AlertReceived(alert) => {
            Error::TlsAlertReceived { alert_id: Some(u8::from(*alert)), alert_message: None }
        }
        _ => Error::TlsProtocolError,
    })
}

/// Connects by `plain`, and goes on by TLS where that is asked for.
#[derive(Clone)]
pub(super) struct Https<R> {
    plain: HttpConnector<R>,
    trust: Arc<Trust>,
}

impl<R> Https<R> {
    pub fn new(mut plain: HttpConnector<R>, trust: Arc<Trust>) -> Self {
        plain.enforce_http(false);
        Self { plain, trust }
    }
}

impl<R> Service<Uri> for Https<R>
where
    HttpConnector<R>: Service<Uri, Response = TokioIo<TcpStream>>,
    <HttpConnector<R> as Service<Uri>>::Error: std::error::Error + Send + Sync + 'static,
    <HttpConnector<R> as Service<Uri>>::Future: Send + 'static,
{
    type Response = Stream;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Stream, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.plain.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let name = (uri.scheme_str() == Some("https")).then(|| server_name(&uri));
        let (connecting, trust) = (self.plain.call(uri), self.trust.clone());
        let connected = async move {
            let stream = connecting.await?;
            let Some(name) = name else { return Ok(Stream::Plain(stream)) };
            let shaking = trust.connector()?.connect(name?, stream.into_inner());
            let stream = in_time(HANDSHAKE_WITHIN, shaking).await?.map_err(broken_off)?;
            Ok(Stream::Encrypted(Box::new(TokioIo::new(stream))))
        };
        // Begun by the request that it is for, even where another is the first to use it.
        match CONNECT_WITHIN.try_with(|within| *within) {
            Ok(within) => Box::pin(async move { in_time(within, connected).await? }),
            Err(_) => Box::pin(connected),
        }
    }
}

/// Who ends the connection in the middle of a handshake speaks no TLS that we know.
fn broken_off(error: io::Error) -> io::Error {
    if failure(&error).is_some() {
        return error;
    }
    io::Error::other(rustls::Error::General("the handshake was broken off".to_owned()))
}

async fn in_time<F: Future>(within: Duration, what: F) -> io::Result<F::Output> {
    tokio::time::timeout(within, what).await.map_err(|_| io::ErrorKind::TimedOut.into())
}

fn server_name(uri: &Uri) -> io::Result<ServerName<'static>> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// A connection of either kind.
pub(super) enum Stream {
    Plain(TokioIo<TcpStream>),
    Encrypted(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Plain(stream) => stream.connected(),
            Self::Encrypted(stream) => stream.inner().get_ref().0.connected(),
        }
    }
}

impl Read for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Encrypted(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Encrypted(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Encrypted(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Encrypted(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Encrypted(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Encrypted(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }
}
