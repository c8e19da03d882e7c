//! The server is there and says: not now.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use roomkey_core::{ErrorKind, Kind};
use roomkey_store::{ConnectError, Credentials, CredentialsFuture, CredentialsProvider, RedisStore};
use roomkey_testkit::FaultProxy;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::ear::{self, PASSWORD};
use crate::scene::{HASTY, PATIENT, Scene, add, config, connect, key, put, server, until_works};
use crate::table;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f05_loading() {
    let scene = Scene::start(server().enable_debug(), PATIENT).await;
    scene.act(|server| {
        server.command(&["DEBUG", "POPULATE", "20000"]);
        server.command(&["CONFIG", "SET", "key-load-delay", "50"]);
        // Redis 6.2 has a fixed one, and lets callers wait in place of refusing them.
        let _ = server.try_command(&["CONFIG", "SET", "loading-process-events-interval-bytes", "1024"]);
        server.command(&["DEBUG", "RELOAD"]);
    });
    scene.heal().await;
    let (report, _) = scene.finish("F5", "LOADING for about a second").await;
    report.assert_exact();
    assert_eq!(report.acknowledged, report.operations, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f09_noscript() {
    let scene = Scene::start(server(), PATIENT).await;
    for _ in 0..100 {
        scene.act(|server| server.command(&["SCRIPT", "FLUSH"]));
        sleep(Duration::from_millis(5)).await;
    }
    scene.heal().await;
    let (report, _) = scene.finish("F9", "SCRIPT FLUSH every 5 ms").await;
    report.assert_exact();
    assert_eq!(report.acknowledged, report.operations, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f10_busy() {
    // The name that it has had since before 7.0.
    let scene = Scene::start(server().config("lua-time-limit", "100"), PATIENT).await;
    let busy = std::thread::spawn({
        let server = Arc::clone(&scene.server);
        move || server.try_command(&["EVAL", "while true do end", "0"])
    });
    sleep(Duration::from_secs(1)).await;
    scene.act(|server| while server.try_command(&["SCRIPT", "KILL"]).is_err() {});
    busy.join().unwrap().unwrap_err();
    scene.heal().await;
    let (report, _) = scene.finish("F10", "BUSY for a second").await;
    report.assert_exact();
    assert_eq!(report.acknowledged, report.operations, "{report}");
}

/// Gives the password that is right at the moment.
#[derive(Debug)]
struct Rotating(Arc<AtomicUsize>);

const PASSWORDS: [&str; 2] = [PASSWORD, "planted-password-77c2-new"];

impl CredentialsProvider for Rotating {
    fn credentials(&self) -> CredentialsFuture<'_> {
        let password = PASSWORDS[self.0.load(Ordering::SeqCst) % 2];
        Box::pin(async move { Ok(Credentials::new(password)) })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f11_password_rotated_under_load() {
    let now = Arc::new(AtomicUsize::new(0));
    let scene =
        Scene::with(server(), |config| config.credentials(Rotating(Arc::clone(&now))).timeout(PATIENT)).await;
    for round in 1..=4 {
        let (new, old) = (PASSWORDS[round % 2], PASSWORDS[(round + 1) % 2]);
        // As an operator does it: the new one is let in, then used, then the old one is shut out.
        scene.act(|server| {
            server.command(&["ACL", "SETUSER", "app", "on", "~*", "&*", "+@all", &format!(">{new}")])
        });
        scene.act(|server| server.command(&["ACL", "SETUSER", "default", &format!(">{new}")]));
        now.store(round, Ordering::SeqCst);
        scene.act(|server| server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]));
        scene.heal().await;
        if old != PASSWORD {
            // The harness itself keeps its own.
            scene.act(|server| server.command(&["ACL", "SETUSER", "default", &format!("<{old}")]));
        }
    }
    let (report, _) = scene.finish("F11", "password rotated four times, connections killed").await;
    report.assert_exact();
    for idempotent in ["write", "read", "field", "join", "leave"] {
        assert_eq!(report.failed.get(idempotent), None, "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f11_wrong_password() {
    let server = server().start();
    let proxy = FaultProxy::before(server.port());
    let began = Instant::now();
    let wrong = config(proxy.port()).password("planted-password-77c2-wrong").build().unwrap();
    let error = RedisStore::connect(wrong).await.unwrap_err();
    ear::heard(&error);
    assert!(matches!(error, ConnectError::LoginRefused { .. }), "{error:?}");

    // A login that is revoked under a running store: calls fail at once, and nobody hammers the server.
    server.command(&["ACL", "SETUSER", "app", "on", ">planted-password-77c2-app", "~*", "&*", "+@all"]);
    let config = config(proxy.port()).username("app").password("planted-password-77c2-app").timeout(PATIENT);
    let store = connect(config).await;
    let value = key(Kind::Value, 1, 1);
    put(&store, &value).await.unwrap();
    server.command(&["ACL", "DELUSER", "app"]);
    let error = loop {
        match put(&store, &value).await {
            Err(error) if error.kind() == ErrorKind::Permanent => break error,
            Err(_) | Ok(_) => {}
        }
    };
    ear::heard(&error);
    let (before, watched) = (proxy.connections(), Duration::from_secs(3));
    let end = Instant::now() + watched;
    let mut calls = 0;
    while Instant::now() < end {
        put(&store, &value).await.unwrap_err();
        calls += 1;
        sleep(Duration::from_millis(1)).await;
    }
    let attempts = proxy.connections() - before;
    assert!(attempts <= 2 * 5, "{attempts} attempts of two lanes in {watched:?}");
    assert!(calls > 20, "the calls were held up: {calls}");
    server.command(&["ACL", "SETUSER", "app", "on", ">planted-password-77c2-app", "~*", "&*", "+@all"]);
    let back = until_works(&store, &value).await;
    let what = format!("login revoked: {attempts} attempts in 3 s, back after {:.1} s", back.as_secs_f64());
    table::checked("F11", &what, calls);
    assert!(began.elapsed() < Duration::from_secs(60));
    ear::assert_discreet();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask faults"]
async fn f12_maxclients() {
    let server = server().start();
    let proxy = FaultProxy::before(server.port());
    let store = connect(config(proxy.port()).lanes(1).timeout(HASTY)).await;
    let value = key(Kind::Value, 1, 1);
    put(&store, &value).await.unwrap();
    let mut others = Vec::new();
    for _ in 0..20 {
        others.push(TcpStream::connect(("127.0.0.1", server.port())).await.unwrap());
    }
    while server.command(&["CLIENT", "LIST"]).text().lines().count() < 21 {
        sleep(Duration::from_millis(5)).await;
    }
    server.command(&["CONFIG", "SET", "maxclients", "20"]);
    proxy.cut();
    let mut calls = 0;
    for _ in 0..5 {
        // The break may be noticed by this very call, and a repetition then finds the door closed.
        let error =
            add(&store, &value).await.map(drop).and(put(&store, &key(Kind::Value, 1, 2)).await).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::NotExecuted | ErrorKind::Ambiguous | ErrorKind::NotANumber),
            "{error:?}"
        );
        calls += 1;
    }
    let error = put(&store, &value).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotExecuted, "{error:?}");
    drop(others);
    let back = until_works(&store, &value).await;
    table::checked("F12", &format!("maxclients reached, back after {:.1} s", back.as_secs_f64()), calls);
    ear::assert_discreet();
}
