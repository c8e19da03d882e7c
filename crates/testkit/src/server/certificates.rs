//! A certificate authority of its own for each server, and what it has signed.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// The PEM files of a server with TLS.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TlsFiles {
    /// The authority that signed both certificates below.
    pub ca: PathBuf,
    /// An authority that signed neither, for tests of what must be refused.
    pub stranger_ca: PathBuf,
    /// The server's certificate, for `localhost` and 127.0.0.1.
    pub server_certificate: PathBuf,
    /// The server's private key.
    pub server_key: PathBuf,
    /// A client's certificate, which the server accepts.
    pub client_certificate: PathBuf,
    /// The client's private key.
    pub client_key: PathBuf,
}

impl TlsFiles {
    pub(super) fn create(dir: &Path) -> Self {
        let (ca, issuer) = authority("Roomkey test authority");
        let (stranger_ca, _) = authority("Roomkey stranger authority");
        let server = certificate(&issuer, &["localhost", "127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth);
        let client = certificate(&issuer, &["roomkey-client"], ExtendedKeyUsagePurpose::ClientAuth);
        let file = |name: &str, pem: String| {
            let path = dir.join(name);
            fs::write(&path, pem).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
            path
        };
        Self {
            ca: file("ca.pem", ca),
            stranger_ca: file("stranger-ca.pem", stranger_ca),
            server_certificate: file("server.pem", server.0),
            server_key: file("server.key", server.1),
            client_certificate: file("client.pem", client.0),
            client_key: file("client.key", client.1),
        }
    }
}

/// A self-signed authority: its certificate as PEM, and what signs with it.
fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = key();
    let certificate = params.self_signed(&key).unwrap_or_else(|e| panic!("cannot sign {name}: {e}"));
    (certificate.pem(), Issuer::new(params, key))
}

/// A certificate and its private key, both as PEM.
fn certificate(
    issuer: &Issuer<'_, KeyPair>,
    names: &[&str],
    usage: ExtendedKeyUsagePurpose,
) -> (String, String) {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap_or_else(|e| panic!("these are no names: {e}"));
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    let key = key();
    let certificate =
        params.signed_by(&key, issuer).unwrap_or_else(|e| panic!("cannot sign a certificate: {e}"));
    (certificate.pem(), key.serialize_pem())
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap_or_else(|e| panic!("cannot generate a key: {e}"))
}
