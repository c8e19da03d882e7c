//! The server's certificate is replaced at run time, by a good one and by one that has expired.

use std::error::Error as _;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};
use roomkey_core::{Class, Kind};
use roomkey_store::{ConnectError, RedisConfigBuilder, RedisStore, VerifyMode};
use roomkey_testkit::RedisServer;
use roomkey_testkit::server::Restart;
use tokio::task::block_in_place;

use crate::ear;
use crate::scene::{PATIENT, config, connect, get, key, put, server, until_works};
use crate::table;

/// The names that certificates are told apart by: a connection that asks for one shows which certificate it met.
const FIRST: &str = "first.example";
const SECOND: &str = "second.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f26_certificates_that_are_replaced_or_expire() {
    let server = server().tls().start();
    let authority = Authority::new();
    authority.show(&server, FIRST, 2100);
    let tls = |name| config(server.port()).tls(true).ca_file(server.tls_ca()).tls_server_name(name);
    let value = key(Kind::Value, 1, 1);
    // Knows the server by its address, which is in every certificate.
    let store = connect(config(server.port()).tls(true).ca_file(server.tls_ca()).timeout(PATIENT)).await;
    put(&store, &value).await.unwrap();
    connect(tls(FIRST)).await;
    assert_names_are_wrong(&refused(tls(SECOND)).await);

    // Calls go on while the certificate becomes another, and who connects from then on verifies the new one.
    let callers = Callers::start(&store);
    let way = authority.show(&server, SECOND, 2100);
    connect(tls(SECOND)).await;
    assert_names_are_wrong(&refused(tls(FIRST)).await);
    server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    let calls = callers.stop().await;
    get(&store, &value).await.unwrap().unwrap();

    // One that has expired is refused by every connection that is opened, and however little is to be verified of it.
    authority.show(&server, SECOND, 2001);
    assert_expired(&refused(tls(SECOND)).await);
    assert_expired(&refused(tls(SECOND).verify_mode(VerifyMode::Optional)).await);
    server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    let hasty = store.with_timeout(Duration::from_secs(1));
    let error = loop {
        // The connections from before may not have heard yet that they are over.
        match get(&hasty, &value).await {
            Err(error) if error.class() == Class::Permanent => break error,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    assert_expired(&format!("{error:?} {:?}", error.source()));

    // As soon as the server has a good one again, the same store works.
    authority.show(&server, FIRST, 2100);
    until_works(&store, &value).await;
    let what = format!("TLS: the certificate replaced at run time ({way}), and expired");
    table::checked("F26", &what, calls + 6);
    ear::assert_discreet();
}

async fn refused(config: RedisConfigBuilder) -> String {
    let config = config.connect_timeout(Duration::from_secs(5)).build().unwrap();
    let error = RedisStore::connect(config).await.unwrap_err();
    ear::heard(&error);
    assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
    format!("{error:?}")
}

fn assert_names_are_wrong(error: &str) {
    assert!(error.contains("NotValidForName"), "{error}");
}

fn assert_expired(error: &str) {
    assert!(error.contains("Expired"), "{error}");
}

/// Reads all the time, and no read may fail.
struct Callers {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<usize>,
}

impl Callers {
    fn start(store: &RedisStore) -> Self {
        let (store, stop) = (store.clone(), Arc::new(AtomicBool::new(false)));
        let task = tokio::spawn({
            let stop = Arc::clone(&stop);
            async move {
                let value = key(Kind::Value, 1, 1);
                let mut calls = 0;
                while !stop.load(Ordering::Relaxed) {
                    get(&store, &value).await.unwrap().unwrap();
                    calls += 1;
                }
                calls
            }
        });
        Self { stop, task }
    }

    async fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let calls = self.task.await.unwrap();
        assert!(calls > 0, "nobody called");
        calls
    }
}

/// An authority that goes on signing while its server runs.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Gives a server a new key and a certificate for it, which is good until this year, and says in which way.
    ///
    /// A server with TLS of its own is told while it runs. What speaks TLS in front of one without reads its files when
    /// it starts, so that one is started anew.
    fn show(&self, server: &RedisServer, name: &str, until: i32) -> &'static str {
        let names = [name, "localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        let files = server.tls();
        fs::write(&files.ca, &self.pem).unwrap();
        fs::write(&files.server_certificate, certificate).unwrap();
        fs::write(&files.server_key, key.serialize_pem()).unwrap();
        if !(server.binary().has_tls() && server.binary().at_least(7, 0)) {
            block_in_place(|| server.restart(Restart::KeepData));
            return "by a restart, since this engine cannot while it runs";
        }
        let mut set = vec!["CONFIG".to_owned(), "SET".to_owned()];
        for (directive, file) in [
            ("tls-ca-cert-file", &files.ca),
            ("tls-cert-file", &files.server_certificate),
            ("tls-key-file", &files.server_key),
        ] {
            set.extend([directive.to_owned(), file.display().to_string()]);
        }
        server.command(&set);
        "CONFIG SET tls-cert-file"
    }
}
