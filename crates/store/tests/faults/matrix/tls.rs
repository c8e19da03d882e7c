//! TLS goes wrong: a typed error, never a panic, never plain text. Also in `tests/redis/tls.rs`, and for certificates that
//! change or expire in `certificates`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use roomkey_core::{Class, Kind, Store as _};
use roomkey_store::{ConnectError, RedisConfigBuilder, RedisStore};
use roomkey_testkit::proxy::Spoil;
use roomkey_testkit::{FaultProxy, RedisServer};

use crate::ear::{self, PASSWORD};
use crate::scene::{HASTY, PATIENT, config, connect, get, key, put, server, until_works};
use crate::table;

async fn refused(config: RedisConfigBuilder) {
    match config.connect_timeout(Duration::from_secs(5)).build() {
        Err(error) => ear::heard(&error),
        Ok(config) => {
            let error = RedisStore::connect(config).await.unwrap_err();
            ear::heard(&error);
            assert!(matches!(error, ConnectError::Tls { .. } | ConnectError::TimedOut { .. }), "{error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f26_tls() {
    let secure = server().tls().config("bind", "127.0.0.1 127.0.0.2").start();
    let strict = server().require_client_certificates().start();
    let plain = server().start();
    let tls = |server: &RedisServer| config(server.port()).tls(true).ca_file(secure.tls_ca());
    let files = secure.tls();
    // Another authority, another name, no certificate of ours, another's key, no TLS at the other end.
    refused(tls(&secure).ca_file(&files.stranger_ca)).await;
    refused(tls(&secure).host("127.0.0.2")).await;
    refused(tls(&strict).ca_file(strict.tls_ca())).await;
    refused(tls(&secure).client_cert_file(&files.client_certificate, &files.server_key)).await;
    refused(tls(&plain)).await;
    let (port, said) = eavesdropper();
    refused(tls(&secure).port(port)).await;
    let said = said.join().unwrap();
    // A record of a handshake, and the password in no form.
    assert!(said.first() == Some(&22) && !String::from_utf8_lossy(&said).contains(PASSWORD), "{said:?}");
    // We without TLS and the server with: nothing of ours is understood, and the password is not answered.
    let error = RedisStore::connect(config(secure.port()).build().unwrap()).await.unwrap_err();
    ear::heard(&error);

    // Only the old version, which is enough.
    let old = server().tls().config("tls-protocols", "TLSv1.2").start();
    let store = connect(tls(&old).ca_file(old.tls_ca())).await;
    put(&store, &key(Kind::Value, 1, 1)).await.unwrap();

    // Another server stands in for ours at run time. It is not talked to.
    let proxy = FaultProxy::before(secure.port());
    let store = connect(tls(&secure).port(proxy.port()).timeout(HASTY)).await;
    let value = key(Kind::Value, 1, 1);
    put(&store, &value).await.unwrap();
    for impostor in [strict.port(), plain.port()] {
        proxy.lead_to(impostor);
        proxy.cut();
        let error = loop {
            match get(&store, &value).await {
                Err(error) if error.class() != Class::Ambiguous => break error,
                Err(_) => {}
                Ok(answer) => panic!("an impostor was believed: {answer:?}"),
            }
        };
        ear::heard(&error);
        proxy.lead_to(secure.port());
        proxy.cut();
        until_works(&store.with_timeout(PATIENT), &value).await;
    }
    assert!(plain.command(&["DBSIZE"]).int() == 0 && strict.command(&["DBSIZE"]).int() == 0);
    proxy.spoil("*", 1, Spoil::Lose);
    assert!(store.health().await.is_ok());
    table::checked("F26", "TLS: authority, name, certificate, key, version, impostors", 10);
    ear::assert_discreet();
}

/// Answers whoever comes first in plain text, as a Redis without TLS would, and keeps what they said.
fn eavesdropper() -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let said = thread::spawn(move || {
        let mut socket = listener.accept().unwrap().0;
        let mut said = vec![0; 64 * 1024];
        let mut length = socket.read(&mut said).unwrap();
        socket.write_all(b"-ERR Protocol error\r\n").unwrap();
        // Until they hang up, which may be rude.
        while let Ok(more @ 1..) = socket.read(&mut said[length..]) {
            length += more;
        }
        said.truncate(length);
        said
    });
    (port, said)
}
