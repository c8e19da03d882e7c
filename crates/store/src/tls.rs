//! TLS: one client configuration for every connection, made anew only when its files have changed.
//!
//! The crypto provider is named here. What the process has installed as its default (nothing, another one, or two that
//! exclude each other) neither matters nor changes: that is the application's to decide. Keeping the configuration also
//! reads the system's certificates once, instead of at every connection of a reconnect storm, and lets sessions resume.

use std::fmt;
use std::fs;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use zeroize::Zeroizing;

use crate::config::{Tls, VerifyMode};
use crate::error::ConnectError;

/// TLS settings whose files are looked at again for every connection: certificates are replaced while a service runs.
pub(crate) struct Reloading {
    settings: Tls,
    latest: Mutex<Loaded>,
}

/// A client configuration, and what the files held that it was made of.
struct Loaded {
    files: Option<Files>,
    client: Arc<ClientConfig>,
}

/// Their contents rather than their times: those can be the same before and after a change.
type Files = Vec<Zeroizing<Vec<u8>>>;

impl Reloading {
    pub(crate) fn new(settings: Tls) -> Self {
        let latest = Mutex::new(Loaded { files: None, client: Arc::clone(&settings.client) });
        Self { settings, latest }
    }

    /// The name to find in the server's certificate, where it is not the host's.
    pub(crate) fn server_name(&self) -> Option<&ServerName<'static>> {
        self.settings.server_name.as_ref()
    }

    /// The configuration for one connection.
    ///
    /// Files that cannot be used change nothing: half of them may not have been written yet.
    pub(crate) async fn client(self: Arc<Self>) -> Arc<ClientConfig> {
        if self.settings.files().next().is_some() {
            let this = Arc::clone(&self);
            // A mounted file may lie on a network, and no other task is to wait for that.
            if let Ok(client) = tokio::task::spawn_blocking(move || this.reload()).await {
                return client;
            }
        }
        Arc::clone(&self.latest.lock().unwrap_or_else(PoisonError::into_inner).client)
    }

    fn reload(&self) -> Arc<ClientConfig> {
        // Held throughout: connections that are opened together read the files one after another, and make one
        // configuration of them. A panic leaves the old one in place.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let read: io::Result<Files> =
            self.settings.files().map(|path| fs::read(path).map(Zeroizing::new)).collect();
        match read {
            Ok(files) if latest.files.as_ref() == Some(&files) => {}
            Ok(files) => {
                match self.settings.reload() {
                    Ok(client) => latest.client = client,
                    Err(error) => tracing::warn!(%error, "{UNUSABLE}"),
                }
                // Whether they could be used or not, they need not be tried again before they change.
                latest.files = Some(files);
            }
            Err(error) => tracing::warn!(%error, "{UNUSABLE}"),
        }
        Arc::clone(&latest.client)
    }
}

const UNUSABLE: &str = "the files of TLS have changed and cannot be used; going on with those from before";

impl fmt::Debug for Reloading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { settings, latest: _ } = self;
        f.debug_tuple("Reloading").field(settings).finish()
    }
}

/// What a client shows and whom it trusts, each with what an error calls the place that it comes from.
#[derive(Default)]
pub(crate) struct Material {
    /// The only authorities to trust, or the system's.
    pub(crate) authorities: Option<(&'static str, Vec<CertificateDer<'static>>)>,
    /// Our chain, and the key of its first certificate.
    pub(crate) identity: Option<(&'static str, Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

/// Puts together what every TLS connection of a store uses.
pub(crate) fn client_config(mode: VerifyMode, material: Material) -> Result<Arc<ClientConfig>, ConnectError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|source| ConnectError::Certificate { name: "TLS", source: source.into() })?;
    let builder = match mode {
        VerifyMode::Required => builder.with_root_certificates(trusted(material.authorities)?),
        VerifyMode::Optional => builder
            .dangerous()
            .with_custom_certificate_verifier(AnyName::new(&provider, Some(trusted(material.authorities)?))),
        VerifyMode::None => {
            builder.dangerous().with_custom_certificate_verifier(AnyName::new(&provider, None))
        }
    };
    let client = match material.identity {
        None => builder.with_no_client_auth(),
        Some((name, chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|source| ConnectError::Certificate { name, source: source.into() })?,
    };
    Ok(Arc::new(client))
}

/// Every certificate of a PEM text, which has to hold at least one.
pub(crate) fn certificates(
    pem: &[u8],
    name: &'static str,
) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let found = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| ConnectError::Certificate { name, source: source.into() })?;
    if found.is_empty() {
        return Err(ConnectError::Invalid { name, expected: "PEM text with at least one certificate" });
    }
    Ok(found)
}

/// The first private key of a PEM text.
pub(crate) fn private_key(pem: &[u8], name: &'static str) -> Result<PrivateKeyDer<'static>, ConnectError> {
    // The parser's error would repeat the section it stumbled over.
    PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_| ConnectError::Invalid { name, expected: "PEM text with an unencrypted private key" })
}

/// With authorities of one's own the system's are not even read, so a machine that has none, or one that cannot be
/// read, is no obstacle.
fn trusted(
    authorities: Option<(&'static str, Vec<CertificateDer<'static>>)>,
) -> Result<RootCertStore, ConnectError> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some((name, authorities)) => {
            for authority in authorities {
                roots
                    .add(authority)
                    .map_err(|source| ConnectError::Certificate { name, source: source.into() })?;
            }
        }
        None => {
            let native = rustls_native_certs::load_native_certs();
            for error in &native.errors {
                tracing::warn!(%error, "a certificate of the system cannot be read");
            }
            roots.add_parsable_certificates(native.certs);
            if roots.is_empty() {
                return Err(ConnectError::Invalid {
                    name: "REDIS_SSL_CA_FILE",
                    expected: "set: this system has no certificate authorities of its own",
                });
            }
        }
    }
    Ok(roots)
}

/// Checks the chain if it has roots to check it against, and the name never.
///
/// The server still has to prove that it holds the key of the certificate it shows.
#[derive(Debug)]
struct AnyName {
    roots: Option<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyName {
    fn new(provider: &CryptoProvider, roots: Option<RootCertStore>) -> Arc<Self> {
        Arc::new(Self { roots, algorithms: provider.signature_verification_algorithms })
    }
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(end_entity)?,
                roots,
                intermediates,
                now,
                self.algorithms.all,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
