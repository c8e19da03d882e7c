//! TLS: who is let in, and whom we let in.

use std::process::Command;

use roomkey_core::{Kind, Store as _};
use roomkey_store::{ConnectError, RedisConfig, RedisConfigBuilder, RedisStore, VerifyMode};
use roomkey_testkit::RedisServer;

use crate::{config, get, key, put};

fn tls(server: &RedisServer) -> RedisConfigBuilder {
    config(server).tls(true).ca_file(server.tls_ca())
}

async fn open(config: RedisConfigBuilder) -> Result<RedisStore, ConnectError> {
    RedisStore::connect(config.build().unwrap()).await
}

async fn works(config: RedisConfigBuilder) {
    let store = open(config).await.unwrap();
    let key = key(Kind::Value, 1, 1);
    put(&store, &key, "here").await.unwrap();
    assert_eq!(get(&store, &key).await.unwrap().unwrap(), "here");
}

async fn is_refused(config: RedisConfigBuilder) {
    let error = open(config).await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn the_authority_and_the_name_have_to_be_right() {
    // 127.0.0.2 reaches the server too and is not in its certificate.
    let server = RedisServer::options().tls().config("bind", "127.0.0.1 127.0.0.2").start();
    let stranger = || config(&server).tls(true).ca_file(&server.tls().stranger_ca);
    works(tls(&server)).await;
    is_refused(stranger()).await;
    is_refused(tls(&server).host("127.0.0.2")).await;
    // The authorities of the system have not signed it.
    is_refused(config(&server).tls(true)).await;
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn optional_leaves_the_name_open_and_nothing_else() {
    let server = RedisServer::options().tls().config("bind", "127.0.0.1 127.0.0.2").start();
    works(tls(&server).verify_mode(VerifyMode::Optional)).await;
    works(tls(&server).verify_mode(VerifyMode::Optional).host("127.0.0.2")).await;
    let stranger = config(&server).tls(true).ca_file(&server.tls().stranger_ca);
    is_refused(stranger.verify_mode(VerifyMode::Optional)).await;
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn none_takes_anybody_and_warns() {
    let server = RedisServer::options().tls().config("bind", "127.0.0.1 127.0.0.2").start();
    let config = config(&server).host("127.0.0.2").tls(true).verify_mode(VerifyMode::None);
    works(config.clone()).await;
    let warnings = open(config).await.unwrap().health().await.unwrap().warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("REDIS_SSL_VERIFY_MODE"), "{warnings:?}");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_wants_our_certificate_gets_it() {
    let server = RedisServer::options().require_client_certificates().start();
    let files = server.tls();
    is_refused(tls(&server)).await;
    works(tls(&server).client_cert_file(&files.client_certificate, &files.client_key)).await;
    let read = |path| std::fs::read(path).unwrap();
    works(tls(&server).client_cert_pem(read(&files.client_certificate), read(&files.client_key))).await;
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_key_of_another_certificate_is_refused_before_anything_is_sent() {
    let server = RedisServer::options().tls().start();
    let files = server.tls();
    let error =
        tls(&server).client_cert_file(&files.client_certificate, &files.server_key).build().unwrap_err();
    assert!(matches!(error, ConnectError::Certificate { name: "client_cert_file", .. }), "{error:?}");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn both_versions_of_the_protocol_are_spoken() {
    for version in ["TLSv1.2", "TLSv1.3"] {
        let server = RedisServer::options().tls().config("tls-protocols", version).start();
        works(tls(&server)).await;
        works(tls(&server).verify_mode(VerifyMode::Optional)).await;
        works(config(&server).tls(true).verify_mode(VerifyMode::None)).await;
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn plain_text_and_tls_do_not_meet() {
    let secure = RedisServer::options().tls().start();
    let error = open(config(&secure)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. } | ConnectError::TimedOut { .. }), "{error:?}");

    let plain = RedisServer::start();
    let error = open(config(&plain).tls(true).verify_mode(VerifyMode::None)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls { .. } | ConnectError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn the_url_says_it_all() {
    let server = RedisServer::options().tls().password("hunter2").start();
    let url = format!("{}?ssl_ca_file={}", server.url(), server.tls_ca().display());
    RedisStore::connect(RedisConfig::from_url(&url).unwrap()).await.unwrap();
}

/// A library that installs a crypto provider takes the choice from the application, and one that needs it installed
/// panics without. Ours does neither.
#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn the_crypto_provider_of_the_process_is_left_alone() {
    let server = RedisServer::options().tls().start();
    works(tls(&server)).await;
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}

/// A container without certificates: the system's are not even looked for when there is an authority of one's own.
#[test]
#[ignore = "needs Redis: cargo xtask test"]
fn a_machine_without_certificates_can_trust_a_given_authority() {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--include-ignored", "--exact", "tls::the_crypto_provider_of_the_process_is_left_alone"])
        .env("SSL_CERT_FILE", "/does/not/exist.pem")
        .env("SSL_CERT_DIR", "/does/not/exist")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&status.stdout);
    assert!(status.status.success() && output.contains("1 passed"), "{output}");
}
