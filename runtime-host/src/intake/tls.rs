//! TLS for the public port: a certificate and its key from files, read anew when they change, so that a renewed certificate
//! needs no restart. HTTP/2 is offered before HTTP/1.1.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::Protocol;

const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";
/// How soon a renewed certificate is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Where the certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the certificate, then those between it and a root.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or holds no PEM of its kind.
    #[error("cannot read {}: {problem}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: pem::Error,
    },
    /// The two do not belong together, or are of a kind that is not understood.
    #[error("the certificate in {} and its key cannot be used: {problem}", .path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong.
        problem: rustls::Error,
    },
}

impl TlsError {
    /// A short name of the kind of error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "TLS_FILE_UNREADABLE",
            Self::Unusable { .. } => "TLS_CERTIFICATE_UNUSABLE",
        }
    }

    /// Label for counting.
    #[must_use]
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::Unusable { .. } => "unusable",
        }
    }
}

/// Agrees with clients on encryption. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
}

impl Tls {
    /// With the certificate in these files.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let unusable = |problem| TlsError::Unusable { path: files.certificate.clone(), problem };
        let provider = Arc::new(ring::default_provider());
        let certificate = Arc::new(Certificate::read(files.clone(), provider.clone())?);
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = config.map_err(unusable)?.with_no_client_auth().with_cert_resolver(certificate.clone());
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
    }

    /// Looks for renewed files until `stop`. A pair that cannot be used leaves the former one in its place.
    pub async fn renew(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            let certificate = self.certificate.clone();
            match tokio::task::spawn_blocking(move || certificate.renew()).await {
                Ok(Ok(true)) => tracing::info!("the renewed certificate is in use"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(code = error.code(), kind = error.metric_label(), %error, "the renewed certificate cannot be used, the former stays");
                }
                Err(error) => tracing::error!(%error, "the look for a renewed certificate broke down"),
            }
        }
    }

    /// The encrypted connection and what is spoken over it; nothing where the client wants none, which harms only itself.
    pub(super) async fn agree(&self, stream: TcpStream) -> Option<(TlsStream<TcpStream>, Protocol)> {
        match self.acceptor.accept(stream).await {
            Ok(stream) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
                Some((stream, if http2 { Protocol::Http2 } else { Protocol::Http1 }))
            }
            Err(error) => {
                tracing::debug!(%error, "no encryption was agreed on");
                None
            }
        }
    }
}

/// The certificate in use.
#[derive(Debug)]
struct Certificate {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    current: RwLock<Current>,
}

#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    /// When the files were written, as far as that can be told.
    written: Written,
}

type Written = [Option<SystemTime>; 2];

impl Certificate {
    fn read(files: TlsFiles, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        // Before they are read: a change in between is read once more.
        let written = written(&files);
        let key = read(&files, &provider)?;
        Ok(Self { files, provider, current: RwLock::new(Current { key, written }) })
    }

    /// Reads files that were written since; answers whether there were any.
    fn renew(&self) -> Result<bool, TlsError> {
        let written = written(&self.files);
        if self.current.read().written == written {
            return Ok(false);
        }
        let key = read(&self.files, &self.provider)?;
        *self.current.write() = Current { key, written };
        Ok(true)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().key.clone())
    }
}

fn written(files: &TlsFiles) -> Written {
    let of = |path: &Path| -> io::Result<SystemTime> { fs::metadata(path)?.modified() };
    [of(&files.certificate).ok(), of(&files.key).ok()]
}

fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let unreadable = |path: &Path| {
        let path = path.to_path_buf();
        move |problem| TlsError::Unreadable { path, problem }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) });
    let chain = chain.map_err(unreadable(&files.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(unreadable(&files.key))?;
    let certified = CertifiedKey::from_der(chain, key, provider);
    let path = files.certificate.clone();
    certified.map(Arc::new).map_err(|problem| TlsError::Unusable { path, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate for this name, in a folder.
    fn write(folder: &Path, name: &str) -> TlsFiles {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let files = TlsFiles { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
        fs::write(&files.certificate, made.cert.pem()).unwrap();
        fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        files
    }

    fn in_use(tls: &Tls) -> Arc<CertifiedKey> {
        tls.certificate.current.read().key.clone()
    }

    #[test]
    fn a_renewed_certificate_takes_the_former_ones_place_and_a_bad_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = write(folder.path(), "one.example.org");
        let tls = Tls::open(files.clone()).unwrap();
        let first = in_use(&tls);
        assert!(!tls.certificate.renew().unwrap());
        write(folder.path(), "two.example.org");
        assert!(tls.certificate.renew().unwrap());
        let second = in_use(&tls);
        assert_ne!(first.cert, second.cert);
        fs::write(&files.certificate, "half a certifi").unwrap();
        assert_eq!(tls.certificate.renew().unwrap_err().code(), "TLS_FILE_UNREADABLE");
        assert!(Arc::ptr_eq(&second, &in_use(&tls)));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (mut files, others) = (write(folder.path(), "a.example.org"), write(other.path(), "b.example.org"));
        files.key = others.key;
        assert_eq!(Tls::open(files.clone()).err().unwrap().code(), "TLS_CERTIFICATE_UNUSABLE");
        files.key = folder.path().join("none.pem");
        let said = Tls::open(files).err().unwrap().to_string();
        assert!(said.contains("none.pem"), "{said}");
    }
}
