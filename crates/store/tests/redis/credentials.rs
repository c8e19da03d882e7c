//! Logins that change while the store runs.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use roomkey_core::{Class, Kind, Life, Op};
use roomkey_store::{
    ConnectError, Credentials, CredentialsFuture, CredentialsProvider, RedisConfig, RedisStore,
};
use roomkey_testkit::RedisServer;

use crate::{comes_back, config, get, key, put, reply, shown};

/// A vault, whose password somebody changes.
#[derive(Clone, Debug)]
struct Vault(Arc<Mutex<&'static str>>);

impl Vault {
    fn with(password: &'static str) -> Self {
        Self(Arc::new(Mutex::new(password)))
    }

    fn change(&self, password: &'static str) {
        *self.0.lock().unwrap() = password;
    }
}

impl CredentialsProvider for Vault {
    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(async { Ok(Credentials::new(*self.0.lock().unwrap()).with_username("app")) })
    }
}

/// A server with a user `app`, who may do everything.
fn server_with_user(password: &str) -> RedisServer {
    let server = RedisServer::start();
    add_user(&server, password);
    server
}

fn add_user(server: &RedisServer, password: &str) {
    server.command(&["ACL", "SETUSER", "app", "reset", "on", &format!(">{password}"), "~*", "&*", "+@all"]);
}

fn with_vault(server: &RedisServer, vault: &Vault) -> RedisConfig {
    config(server).credentials(vault.clone()).build().unwrap()
}

/// How many logins the server has refused since its log was last emptied.
fn refused_logins(server: &RedisServer) -> i64 {
    let log = server.command(&["ACL", "LOG"]);
    let entries = log.items().iter().map(|entry| entry.items());
    let of_auth = entries.filter(|entry| entry[3].text() == "auth");
    of_auth.map(|entry| entry[1].int()).sum()
}

/// The connections of stores that are logged in, as the server names them.
fn clients(server: &RedisServer) -> Vec<String> {
    let list = server.command(&["CLIENT", "LIST"]).text();
    let ours = list.lines().filter(|line| line.contains("name=roomkey"));
    ours.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// Waits until a store has opened its two lanes. It opens the second in the background: were the password changed
/// meanwhile, that one would come with the old.
async fn settled(server: &RedisServer) {
    while clients(server).len() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn every_connection_is_opened_with_the_login_of_the_moment() {
    let server = server_with_user("one");
    let vault = Vault::with("one");
    let store = RedisStore::connect(with_vault(&server, &vault)).await.unwrap();
    let key = key(Kind::Value, 1, 1);
    put(&store, &key, "here").await.unwrap();
    settled(&server).await;

    server.command(&["ACL", "SETUSER", "app", ">two", "<one"]);
    // The server does not mind those who are in already.
    put(&store, &key, "still here").await.unwrap();
    vault.change("two");
    server.command(&["CLIENT", "KILL", "USER", "app"]);
    comes_back(&store, &key).await;
    assert_eq!(refused_logins(&server), 0);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_password_file_is_read_anew() {
    let server = server_with_user("one");
    let file = server.dir().join("password");
    fs::write(&file, "one\n").unwrap();
    let config = config(&server).username("app").password_file(&file);
    let store = RedisStore::connect(config.build().unwrap()).await.unwrap();
    let key = key(Kind::Value, 1, 1);
    put(&store, &key, "here").await.unwrap();
    settled(&server).await;

    server.command(&["ACL", "SETUSER", "app", ">two", "<one"]);
    fs::write(&file, "two\n").unwrap();
    server.command(&["CLIENT", "KILL", "USER", "app"]);
    comes_back(&store, &key).await;
    assert_eq!(refused_logins(&server), 0);
}

/// Deleting a user is the one thing that ends its connections by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_refused_login_fails_fast_and_is_tried_once_a_second() {
    let server = server_with_user("one");
    let vault = Vault::with("one");
    let store = RedisStore::connect(with_vault(&server, &vault)).await.unwrap();
    let key = key(Kind::Value, 1, 1);
    put(&store, &key, "here").await.unwrap();

    server.command(&["ACL", "LOG", "RESET"]);
    let deleted = Instant::now();
    server.command(&["ACL", "DELUSER", "app"]);
    let callers: Vec<_> = (0..8)
        .map(|caller: u8| {
            // What is large asks for a connection of its own each time, the others wait for a lane.
            let (store, key, large) = (store.clone(), key.clone(), caller.is_multiple_of(2));
            tokio::spawn(async move {
                let mut refused = 0_u32;
                while deleted.elapsed() < Duration::from_secs(3) {
                    let answer = match large {
                        true => put(&store, &key, LARGE.as_str()).await.map(drop),
                        false => get(&store, &key).await.map(drop),
                    };
                    match answer {
                        Err(error) if error.class() == Class::Permanent => {
                            assert!(shown(&error).contains("REDIS_PASSWORD"), "{}", shown(&error));
                            refused += 1;
                        }
                        // Until the server has closed what was open.
                        Ok(()) | Err(_) => {}
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                refused
            })
        })
        .collect();
    for caller in callers {
        // Far more than were tried: they did not wait for their deadlines.
        assert!(caller.await.unwrap() > 10);
    }
    let seconds = i64::try_from(deleted.elapsed().as_secs()).unwrap();
    // Those that are tried before the first refusal is known are as many as connections can be opened at once.
    let at_once = 2 + 8;
    let refused = refused_logins(&server);
    assert!((1..=at_once + seconds + 1).contains(&refused), "{refused} in {seconds} s");

    add_user(&server, "two");
    vault.change("two");
    comes_back(&store, &key).await;
}

static LARGE: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| "x".repeat(100 * 1024));

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_provider_that_fails_is_named_and_its_reason_kept() {
    #[derive(Debug)]
    struct Sealed;
    impl CredentialsProvider for Sealed {
        fn credentials(&self) -> CredentialsFuture<'_> {
            Box::pin(async { Err("the vault is sealed".into()) })
        }
    }
    let server = server_with_user("one");
    let config = config(&server).credentials(Sealed).build().unwrap();
    let error = RedisStore::connect(config).await.unwrap_err();
    assert!(matches!(error, ConnectError::Credentials { .. }), "{error:?}");
    assert!(shown(&error).contains("the vault is sealed"));
}

/// A password is rotated as passwords should be: both are valid for a while, and the old one goes when nobody uses it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_password_is_rotated_without_a_failed_call() {
    let server = server_with_user("one");
    let vault = Vault::with("one");
    let store = RedisStore::connect(with_vault(&server, &vault)).await.unwrap();
    let counter = key(Kind::Value, 7, 200);
    let running = Arc::new(AtomicBool::new(true));
    let callers: Vec<_> = (0..16)
        .map(|caller: u8| {
            let (store, counter, running) = (store.clone(), counter.clone(), Arc::clone(&running));
            tokio::spawn(async move {
                let (own, mut added) = (key(Kind::Value, u16::from(caller), caller), 0_i64);
                while running.load(Ordering::Relaxed) {
                    let value = if caller == 0 { LARGE.as_str() } else { "small" };
                    put(&store, &own, value).await.unwrap();
                    get(&store, &own).await.unwrap();
                    // Not repeatable: were its connection closed under it, it would fail.
                    reply(&store, Op::add(&counter, 1, Life::Keep)).await.unwrap();
                    added += 1;
                }
                added
            })
        })
        .collect();
    settled(&server).await;

    for (old, new) in [("one", "two"), ("two", "three"), ("three", "four")] {
        let before = clients(&server);
        server.command(&["ACL", "SETUSER", "app", &format!(">{new}")]);
        vault.change(new);
        store.renew_connections();
        while clients(&server).iter().any(|client| before.contains(client)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.command(&["ACL", "SETUSER", "app", &format!("<{old}")]);
    }
    running.store(false, Ordering::Relaxed);
    let mut added = 0;
    for caller in callers {
        added += caller.await.unwrap();
    }
    let counted = get(&store, &counter).await.unwrap().unwrap();
    assert_eq!(counted, added.to_string());
    assert_eq!(refused_logins(&server), 0);
}
