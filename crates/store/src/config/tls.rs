//! TLS settings.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use zeroize::Zeroizing;

use super::draft::Said;
use crate::error::ConnectError;
use crate::tls;

/// How much of the server's certificate has to be right.
///
/// The names are those of Python's `ssl` module, which the variable `REDIS_SSL_VERIFY_MODE` inherits. For a client
/// Python treats `CERT_OPTIONAL` like `CERT_REQUIRED`, and redis-py for years left the host name unchecked in both;
/// here the three modes are three different things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyMode {
    /// Nothing: anybody on the way can read and change everything. Every store that connects so logs a warning.
    None,
    /// The chain has to lead to a trusted authority, the host name may be any: for servers that are reached by an
    /// address or through a tunnel. Safe only with an authority of one's own (`REDIS_SSL_CA_FILE`), since a public
    /// one certifies anybody.
    Optional,
    /// The chain has to lead to a trusted authority and the certificate has to be made out to the host.
    #[default]
    Required,
}

/// TLS settings that have been read and found usable.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) verify: VerifyMode,
    /// The name to ask for and to find in the certificate, in place of the host.
    pub(crate) server_name: Option<ServerName<'static>>,
    /// Made of the files as they were when the configuration was built.
    pub(crate) client: Arc<ClientConfig>,
    material: Material,
}

/// Where certificates and keys come from.
#[derive(Clone)]
pub(super) struct Material {
    /// The only authorities to trust, or the system's.
    pub(super) authorities: Option<Said<Pem>>,
    /// Our chain, and the key of its first certificate.
    pub(super) identity: Option<(Said<Pem>, Said<Pem>)>,
}

impl Tls {
    pub(super) fn new(
        verify: VerifyMode,
        server_name: Option<ServerName<'static>>,
        material: Material,
    ) -> Result<Self, ConnectError> {
        Ok(Self { verify, server_name, client: material.client_config(verify)?, material })
    }

    /// The same settings with the files as they are now.
    ///
    /// # Errors
    ///
    /// [`ConnectError::File`], [`Invalid`](ConnectError::Invalid) and [`Certificate`](ConnectError::Certificate).
    pub(crate) fn reload(&self) -> Result<Arc<ClientConfig>, ConnectError> {
        self.material.client_config(self.verify)
    }

    /// The files that the settings are read from.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let Material { authorities, identity } = &self.material;
        let identity = identity.iter().flat_map(|(chain, key)| [chain, key]);
        authorities.iter().chain(identity).filter_map(|said| match &said.value {
            Pem::File(path) => Some(&**path),
            Pem::Text(_) => None,
        })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verify, server_name, client: _, material: _ } = self;
        f.debug_struct("Tls")
            .field("verify", verify)
            .field("server_name", server_name)
            .finish_non_exhaustive()
    }
}

impl Material {
    fn client_config(&self, verify: VerifyMode) -> Result<Arc<ClientConfig>, ConnectError> {
        let mut material = tls::Material::default();
        if let Some(authorities) = &self.authorities {
            let by = authorities.by;
            material.authorities = Some((by, tls::certificates(&Pem::read(authorities)?, by)?));
        }
        if let Some((chain, key)) = &self.identity {
            let certificates = tls::certificates(&Pem::read(chain)?, chain.by)?;
            material.identity = Some((key.by, certificates, tls::private_key(&Pem::read(key)?, key.by)?));
        }
        tls::client_config(verify, material)
    }
}

/// PEM text from one of two places.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Pem {
    File(PathBuf),
    Text(Zeroizing<Vec<u8>>),
}

impl Pem {
    fn read(said: &Said<Self>) -> Result<Zeroizing<Vec<u8>>, ConnectError> {
        match &said.value {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => fs::read(path)
                .map(Zeroizing::new)
                .map_err(|source| ConnectError::File { name: said.by, source }),
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Text(_) => f.write_str("Text(..)"),
        }
    }
}
