//! What happens before the first program.

use std::net::TcpListener;
use std::time::Duration;

use roomkey_core::{ErrorKind, Kind, Store as _};
use roomkey_store::{ConnectError, RedisConfig, RedisStore};
use roomkey_testkit::RedisServer;

use crate::{config, connect, get, key, put};

async fn refusal(config: RedisConfig) -> ConnectError {
    RedisStore::connect(config).await.unwrap_err()
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_sound_server_is_taken_without_a_warning() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let health = store.health().await.unwrap();
    assert!(health.engine.starts_with("redis ") || health.engine.starts_with("valkey "), "{}", health.engine);
    assert!(health.memory_used.is_some() && health.memory_limit.is_none());
    assert_eq!(health.warnings, Vec::<String>::new());
    assert!(server.command(&["CLIENT", "LIST"]).text().contains("name=roomkey"));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn the_url_of_every_transport_leads_to_the_server() {
    for options in [
        RedisServer::options(),
        RedisServer::options().password("hunter2"),
        RedisServer::options().unix_socket(),
        RedisServer::options().unix_socket().password("hunter2"),
    ] {
        let server = options.start();
        let store = RedisStore::connect(RedisConfig::from_url(&server.url()).unwrap()).await.unwrap();
        let key = key(Kind::Value, 1, 1);
        put(&store, &key, "here").await.unwrap();
        assert_eq!(get(&store, &key).await.unwrap().unwrap(), "here");
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_says_where() {
    // Bound and never listened on: nobody else can take the port, and nobody answers.
    let port = {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        taken.local_addr().unwrap().port()
    };
    let error = refusal(RedisConfig::builder().host("127.0.0.1").port(port).build().unwrap()).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    assert_eq!(roomkey_core::Error::from(error).kind(), ErrorKind::NotExecuted);

    let socket = RedisConfig::builder().unix_socket("/does/not/exist.sock").build().unwrap();
    assert!(matches!(refusal(socket).await, ConnectError::Unreachable { .. }));
}

#[tokio::test]
async fn a_server_that_says_nothing_times_out() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = RedisConfig::builder().host("127.0.0.1").port(silent.local_addr().unwrap().port());
    let error = refusal(config.connect_timeout(Duration::from_millis(50)).build().unwrap()).await;
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_refused_login_says_so() {
    let server = RedisServer::options().password("hunter2").start();
    let with = || config(&server);
    for config in [
        with(),
        with().password("wrong"),
        with().username("nobody").password("hunter2"),
        with().username("default").password("wrong"),
    ] {
        let error = refusal(config.build().unwrap()).await;
        assert!(matches!(error, ConnectError::LoginRefused { .. }), "{error:?}");
        assert!(error.to_string().contains("REDIS_PASSWORD"), "{error}");
        assert_eq!(roomkey_core::Error::from(error).kind(), ErrorKind::Permanent);
    }
    RedisStore::connect(with().username("default").password("hunter2").build().unwrap()).await.unwrap();

    // A password where none is expected is somebody else's server.
    let open = RedisServer::start();
    let error = refusal(config(&open).password("hunter2").build().unwrap()).await;
    assert!(matches!(error, ConnectError::LoginRefused { .. }), "{error:?}");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_login_that_lacks_one_command_is_told_which() {
    let server = RedisServer::start();
    for (command, rule) in [
        ("ZADD", "-zadd"),
        ("EVAL", "-eval"),
        ("EVALSHA", "-evalsha"),
        ("XREAD", "-xread"),
        ("INFO", "-info"),
        ("RENAMENX", "-renamenx"),
        // The check itself runs inside MULTI, and a connection that cannot leave it would queue everything.
        ("DISCARD", "-discard"),
    ] {
        server.command(&["ACL", "SETUSER", "app", "reset", "on", ">pw", "~*", "+@all", rule]);
        let error = refusal(config(&server).username("app").password("pw").build().unwrap()).await;
        let ConnectError::MissingRight { command: named, needed } = &error else {
            panic!("{command}: {error:?}")
        };
        assert_eq!(*named, command);
        assert!(needed.contains(&command.to_lowercase()), "{needed}");
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn the_rights_that_an_error_lists_are_enough() {
    let server = RedisServer::start();
    server.command(&["ACL", "SETUSER", "app", "reset", "on", ">pw", "~*", "+multi", "+discard"]);
    let ConnectError::MissingRight { needed, .. } =
        refusal(config(&server).username("app").password("pw").build().unwrap()).await
    else {
        panic!("a login without rights was let in")
    };
    // Confined to some keys as well, which the check has to tell from a missing command.
    let mut rules = vec!["ACL", "SETUSER", "app", "reset", "on", ">pw", "~test:*", "+multi", "+discard"];
    rules.extend(needed.split(' '));
    server.command(&rules);
    let store =
        RedisStore::connect(config(&server).username("app").password("pw").build().unwrap()).await.unwrap();
    let key = key(Kind::Value, 1, 1);
    put(&store, &key, "mine").await.unwrap();
    assert_eq!(get(&store, &key).await.unwrap().unwrap(), "mine");
    assert_eq!(store.health().await.unwrap().warnings, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn rights_that_nobody_may_ask_for_are_a_warning() {
    let server = RedisServer::start();
    server.command(&["ACL", "SETUSER", "app", "reset", "on", ">pw", "~*", "+@all", "-multi"]);
    let store =
        RedisStore::connect(config(&server).username("app").password("pw").build().unwrap()).await.unwrap();
    let warnings = store.health().await.unwrap().warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("rights"), "{warnings:?}");
    // Nothing of what was asked about has been run.
    assert_eq!(server.command(&["KEYS", "*"]).items().len(), 0);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_database_that_is_not_there_names_the_setting() {
    let server = RedisServer::options().config("databases", "2").start();
    let error = refusal(config(&server).db(2).build().unwrap()).await;
    assert!(matches!(error, ConnectError::Invalid { name: "REDIS_DB", .. }), "{error:?}");

    let store = RedisStore::connect(config(&server).db(1).build().unwrap()).await.unwrap();
    put(&store, &key(Kind::Value, 1, 1), "second").await.unwrap();
    assert!(server.info("db1").starts_with("keys=1"));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn an_eviction_policy_that_drops_live_state_is_a_warning() {
    let server =
        RedisServer::options().config("maxmemory", "100mb").config("maxmemory-policy", "allkeys-lru").start();
    let health = connect(&server).await.health().await.unwrap();
    assert_eq!(health.memory_limit, Some(100 * 1024 * 1024));
    assert!(
        health.warnings.len() == 1 && health.warnings[0].contains("allkeys-lru"),
        "{:?}",
        health.warnings
    );
}
