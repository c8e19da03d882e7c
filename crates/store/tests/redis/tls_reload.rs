//! Certificates that are replaced while the store runs.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use roomkey_core::{Class, Kind};
use roomkey_store::{RedisConfigBuilder, RedisStore};
use roomkey_testkit::RedisServer;
use roomkey_testkit::server::Restart;

use crate::{comes_back, config, get, key, put};

/// What a client has on its own disk, in the server's folder so that it goes with it.
struct Disk {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Disk {
    fn of(server: &RedisServer) -> Self {
        let file = |name: &str| server.dir().join(name);
        Self { authority: file("our-ca.pem"), certificate: file("our.pem"), key: file("our.key") }
    }

    fn config(&self, server: &RedisServer) -> RedisConfigBuilder {
        config(server).tls(true).ca_file(&self.authority)
    }

    fn trust(&self, authorities: &[&RedisServer]) {
        let read = |server: &&RedisServer| fs::read_to_string(server.tls_ca()).unwrap();
        fs::write(&self.authority, authorities.iter().map(read).collect::<String>()).unwrap();
    }

    fn show_certificate(&self, of: &RedisServer) {
        fs::copy(&of.tls().client_certificate, &self.certificate).unwrap();
    }

    fn show_key(&self, of: &RedisServer) {
        fs::copy(&of.tls().client_key, &self.key).unwrap();
    }
}

/// Gives a server the certificates of another, at runtime where it can take them so, and breaks its connections.
fn take_over(server: &RedisServer, other: &RedisServer) {
    let (old, new) = (server.tls(), other.tls());
    for (old, new) in [
        (&old.ca, &new.ca),
        (&old.server_certificate, &new.server_certificate),
        (&old.server_key, &new.server_key),
    ] {
        fs::copy(new, old).unwrap();
    }
    if server.binary().has_tls() && server.binary().at_least(7, 0) {
        let mut set = vec!["CONFIG".to_owned(), "SET".to_owned()];
        for (directive, file) in [
            ("tls-ca-cert-file", &old.ca),
            ("tls-cert-file", &old.server_certificate),
            ("tls-key-file", &old.server_key),
        ] {
            set.extend([directive.to_owned(), file.display().to_string()]);
        }
        server.command(&set);
        server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    } else {
        server.restart(Restart::KeepData);
    }
}

/// The certificate that the server shows was signed by an authority that nobody knew when the store connected.
#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn the_authority_may_change() {
    let (server, next) = (RedisServer::options().tls().start(), RedisServer::options().tls().start());
    let disk = Disk::of(&server);
    disk.trust(&[&server]);
    let store = RedisStore::connect(disk.config(&server).build().unwrap()).await.unwrap();
    let key = key(Kind::Value, 1, 1);
    put(&store, &key, "here").await.unwrap();

    take_over(&server, &next);
    let refused = loop {
        // The connections from before have ended, or are about to.
        match get(&store, &key).await {
            Err(error) if error.class() == Class::Permanent => break error,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    assert!(crate::shown(&refused).contains("InvalidCertificate"), "{}", crate::shown(&refused));
    // Neither what is no certificate nor a file that is gone makes it trust anybody, or forget whom it trusts.
    fs::write(&disk.authority, "half of a certif").unwrap();
    get(&store, &key).await.unwrap_err();
    fs::remove_file(&disk.authority).unwrap();
    get(&store, &key).await.unwrap_err();

    disk.trust(&[&next]);
    comes_back(&store, &key).await;
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn our_certificate_may_change_and_so_may_all() {
    let start = || RedisServer::options().require_client_certificates().start();
    let (server, next) = (start(), start());
    let disk = Disk::of(&server);
    disk.trust(&[&server]);
    disk.show_certificate(&server);
    disk.show_key(&server);
    let config = disk.config(&server).client_cert_file(&disk.certificate, &disk.key);
    let store = RedisStore::connect(config.build().unwrap()).await.unwrap();
    let key = key(Kind::Value, 1, 1);
    put(&store, &key, "here").await.unwrap();

    // As certificates should be replaced: first both authorities are trusted, so that no call fails.
    disk.trust(&[&server, &next]);
    server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    comes_back(&store, &key).await;
    // A certificate whose key has not been written yet is not used, and the one from before still is.
    disk.show_certificate(&next);
    server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    comes_back(&store, &key).await;

    disk.show_key(&next);
    take_over(&server, &next);
    comes_back(&store, &key).await;
}

/// The name in the certificate is that of a service, and the server is reached by another.
#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn the_name_to_be_found_in_the_certificate_can_be_given() {
    let server = RedisServer::options().tls().config("bind", "127.0.0.1 127.0.0.2").start();
    let config = || config(&server).tls(true).ca_file(server.tls_ca()).host("127.0.0.2");
    RedisStore::connect(config().build().unwrap()).await.unwrap_err();
    let store = RedisStore::connect(config().tls_server_name("localhost").build().unwrap()).await.unwrap();
    put(&store, &key(Kind::Value, 1, 1), "here").await.unwrap();
    RedisStore::connect(config().tls_server_name("another.example").build().unwrap()).await.unwrap_err();
}
