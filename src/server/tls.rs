//! Owns speaking TLS: reading a certificate with its key, taking a renewed one without a restart, and connections that are
//! ready for HTTP. Must not know what is served.

mod listener;
mod validity;

pub use listener::TlsListener;

use super::key_file::{self, KeyFileError};
use super::{clock, observability};
use chrono::{DateTime, Utc};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at; whoever cannot wait sends SIGHUP.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Where a certificate and its key stand, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's own certificate first, then those that lead to one that clients know.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Why TLS cannot be spoken with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the file {} cannot be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the file {} holds no {what} in PEM form", path.display())]
    NotPem {
        path: PathBuf,
        what: &'static str,
        #[source]
        source: pem::Error,
    },
    #[error("the certificate in {} and the key in {} do not belong together, or cannot be used", certificate.display(), key.display())]
    Unusable {
        certificate: PathBuf,
        key: PathBuf,
        #[source]
        source: rustls::Error,
    },
    #[error(transparent)]
    Exposed(KeyFileError),
    #[error("the certificate in {} ended on {at}: get a new one", path.display())]
    Expired { path: PathBuf, at: DateTime<Utc> },
}

/// What the files held when they were last read.
#[derive(PartialEq, Eq)]
struct Read {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// A certificate that is renewed in place.
pub struct Certificate {
    files: TlsFiles,
    in_use: RwLock<Arc<CertifiedKey>>,
}

// Its key is nobody's to read.
impl std::fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.in_use.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn read(files: &TlsFiles) -> Result<Arc<Certificate>, TlsError> {
        let key = certified(files, &contents(files)?, clock::now())?;
        Ok(Arc::new(Certificate { files: files.clone(), in_use: RwLock::new(Arc::new(key)) }))
    }

    /// How connections are spoken with: TLS 1.2 and 1.3, HTTP/2 where the client can.
    ///
    /// # Errors
    /// Where the versions are none of the provider's, which ring's are.
    pub fn server_config(self: &Arc<Certificate>) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Takes what the files hold into use whenever that has changed, until told to stop. Files that cannot be used, as while
    /// only one of the two is written, leave the certificate as it is.
    pub async fn renew(self: Arc<Certificate>, stop: CancellationToken) {
        let mut seen = contents(&self.files).ok();
        let mut asked = Hangup::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = asked.recv() => {}
            }
            let read = match contents(&self.files) {
                Ok(read) => read,
                Err(error) => {
                    observability::log_error("the certificate cannot be read again; the one in use stays", &error);
                    continue;
                }
            };
            if seen.as_ref() == Some(&read) {
                continue;
            }
            match certified(&self.files, &read, clock::now()) {
                Ok(key) => {
                    *self.in_use.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                    tracing::info!("a renewed certificate is in use");
                }
                Err(error) => {
                    observability::log_error("the new certificate cannot be used; the one in use stays", &error);
                }
            }
            seen = Some(read);
        }
    }
}

fn contents(files: &TlsFiles) -> Result<Read, TlsError> {
    let unreadable = |path: &Path, source| TlsError::Unreadable { path: path.to_owned(), source };
    let certificate = std::fs::read(&files.certificate).map_err(|source| unreadable(&files.certificate, source))?;
    let key = match key_file::read(&files.key, true) {
        Ok(Some(key)) => key.into_bytes(),
        Ok(None) => return Err(unreadable(&files.key, std::io::ErrorKind::NotFound.into())),
        Err(KeyFileError::File { path, source }) => return Err(unreadable(&path, source)),
        Err(exposed @ KeyFileError::Exposed(_)) => return Err(TlsError::Exposed(exposed)),
    };
    Ok(Read { certificate, key })
}

fn certified(files: &TlsFiles, read: &Read, now: DateTime<Utc>) -> Result<CertifiedKey, TlsError> {
    let not_pem = |path: &Path, what, source| TlsError::NotPem { path: path.to_owned(), what, source };
    let chain = CertificateDer::pem_slice_iter(&read.certificate)
        .collect::<Result<Vec<_>, _>>()
        .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(|source| not_pem(&files.certificate, "certificate", source))?;
    let key = PrivateKeyDer::from_pem_slice(&read.key).map_err(|source| not_pem(&files.key, "private key", source))?;
    let ends = validity::ends(&chain[0]);
    let certified = CertifiedKey::from_der(chain, key, &default_provider()).map_err(|source| TlsError::Unusable {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    })?;
    match ends {
        Some(at) if at < now => Err(TlsError::Expired { path: files.certificate.clone(), at }),
        _ => Ok(certified),
    }
}

/// The signal that asks for the files to be read at once; where there is none, it never comes.
struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangup {
    fn new() -> Hangup {
        Hangup {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    async fn recv(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}
