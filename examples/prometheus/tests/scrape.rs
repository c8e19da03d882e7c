//! What Prometheus gets to see of a store and a vault at work.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use prometheus::{recorder, serve};
use roomkey_crypto::Keyring;
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::RedisServer;
use roomkey_vault::Vault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_scrape_shows_what_happened() {
    let metrics = recorder().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(serve(listener, metrics));

    let server = RedisServer::start();
    let config = || RedisConfig::builder().port(server.port()).client_name("shop").build().unwrap();
    let store = RedisStore::connect(config()).await.unwrap();
    let vault = Vault::open(store.clone(), Keyring::generate().unwrap()).await.unwrap();
    for number in 0..10_u64 {
        vault.set("session", &number, Duration::from_secs(60)).await.unwrap();
        vault.get::<u64>("session").await.unwrap();
    }
    // A ring that does not hold the key: the canary tells, and is counted.
    Vault::open(store, Keyring::generate().unwrap()).await.unwrap_err();

    let text = scrape(port).await;
    let value = |line: &str| -> f64 {
        let found = text.lines().find_map(|text| text.strip_prefix(line));
        found.unwrap_or_else(|| panic!("{line} is missing in:\n{text}")).trim().parse().unwrap()
    };
    // Ten values written and read, and a look for the canary at each opening.
    assert_eq!(value(r#"roomkey_store_calls_total{client="shop",kind="run",outcome="ok"}"#), 22.0);
    assert_eq!(value(r#"roomkey_store_call_duration_seconds_count{client="shop",kind="run"}"#), 22.0);
    assert_eq!(value(r#"roomkey_store_calls_total{client="shop",kind="run",outcome="ambiguous"}"#), 0.0);
    assert_eq!(value(r#"roomkey_vault_decrypt_failures_total{reason="unknown_key"}"#), 1.0);
    assert!(value(r#"roomkey_store_lanes_up{client="shop"}"#) >= 1.0);
    assert!(value(r#"roomkey_store_connections_open{client="shop"}"#) >= 1.0);
    assert!(text.contains("# TYPE roomkey_store_call_duration_seconds histogram"), "{text}");
    assert!(text.contains("# HELP roomkey_store_calls_total "), "{text}");
}

async fn scrape(port: u16) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    body.to_owned()
}
