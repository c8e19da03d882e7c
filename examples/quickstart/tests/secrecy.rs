//! Nothing that a caller names, stores or knows is seen by the server, the logs, or anyone who prints what we hand out.
//!
//! Plants sentinels in every place that takes something of a caller's, runs every operation, the failing ones too, and
//! then looks for them wherever a person could look.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use roomkey_core::{Batch, Key, Kind, Life, Op, Store};
use roomkey_crypto::{Keyring, SecretKey};
use roomkey_rooms::Rooms;
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::RedisServer;
use roomkey_tokens::{Tokens, TokensOptions};
use roomkey_vault::{Json, Name, Vault};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const HOUR: Duration = Duration::from_secs(3_600);

// Long enough that chance cannot write them, and each in a place of its own.
const NAME: &str = "sentinel-name-61d7";
const ARGUMENT: &str = "sentinel-argument-7fe1";
const FIELD: &str = "sentinel-field-22b9";
const VALUE: &str = "sentinel-value-90ac";
const ELEMENT: &str = "sentinel-element-3c5e";
const TYPE: &str = "sentinel-type-aa04";
const TOKEN: &str = "sentinel-token-f118";
const ROOM: &str = "sentinel-room-5d5d";
const PASSWORD: &str = "sentinel-password-0b7e";
const SENTINELS: [&str; 9] = [NAME, ARGUMENT, FIELD, VALUE, ELEMENT, TYPE, TOKEN, ROOM, PASSWORD];

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn no_sentinel_is_seen_anywhere() {
    let mut seen = Seen::default();
    tracing::subscriber::set_global_default(Logs(Arc::clone(&seen.logs)))
        .expect("this test is alone in its process");

    let server = RedisServer::options().password(PASSWORD).config("loglevel", "debug").start();
    server.command(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    server.command(&["CONFIG", "SET", "slowlog-max-len", "10000"]);
    let monitor = server.monitor();

    let key = SecretKey::generate().unwrap();
    let keyring: Keyring = key.clone().into();
    let config = RedisConfig::builder().port(server.port()).password(PASSWORD).build().unwrap();
    seen.debug(&config);
    let store = RedisStore::connect(config).await.unwrap();
    let vault = Vault::open(store.clone(), keyring.clone()).await.unwrap();
    Box::pin(every_operation(&vault, &mut seen)).await;

    seen.debug(&store);
    seen.debug(&vault);
    seen.debug(&keyring);
    seen.debug(&key);
    seen.debug(&Name::new(NAME).arg(ARGUMENT));
    seen.debug(&store.health().await.unwrap());

    // What the server was asked, what it holds, what it writes down.
    let asked = monitor.finish();
    assert!(asked.iter().any(|line| line.contains("roomkey:v1:default:")), "the monitor saw the operations");
    seen.text(asked.join("\n"));
    seen.text(format!("{:?}", server.command(&["SLOWLOG", "GET", "10000"])));
    let keys: Vec<Vec<u8>> =
        server.command(&["KEYS", "*"]).items().iter().map(|key| key.bytes().to_vec()).collect();
    assert!(keys.len() >= 9, "every structure left a key, not {}", keys.len());
    for key in keys {
        seen.bytes(server.command(&[&b"DUMP"[..], &key]).bytes());
        seen.bytes(&key);
    }
    // As it is, and without the compression that could hide a sentinel from this test.
    server.command(&["CONFIG", "SET", "rdbcompression", "no"]);
    server.command(&["SAVE"]);
    let rdb = std::fs::read(server.dir().join("dump.rdb")).expect("SAVE wrote a file");
    assert!(rdb.windows(11).any(|part| part == b"roomkey:v1:"), "the file holds the keys");
    seen.bytes(&rdb);
    seen.text(server.log());

    // What a caller is told when the server is gone, and when it refuses.
    let impatient = Vault::open(store.with_timeout(Duration::from_millis(200)), keyring).await.unwrap();
    server.kill();
    Box::pin(every_operation(&impatient, &mut seen)).await;
    let refusing = RedisServer::options().password("another").start();
    let config =
        RedisConfig::from_url(&format!("redis://:{PASSWORD}@127.0.0.1:{}", refusing.port())).unwrap();
    seen.error(&RedisStore::connect(config).await.unwrap_err());
    seen.text(refusing.log());

    let key_text = key.to_base64();
    seen.assert_without(SENTINELS.into_iter().chain([key_text.as_str()]));
}

/// Runs all operations with sentinels; whatever fails is noted as it would be printed.
async fn every_operation<S: Store>(vault: &Vault<S>, seen: &mut Seen) {
    // Boxed: in a debug build, this many futures in one function take more stack than a test thread has.
    Box::pin(every_value(vault, seen)).await;
    Box::pin(every_structure(vault, seen)).await;
    Box::pin(every_limit(vault, seen)).await;
}

async fn every_value<S: Store>(vault: &Vault<S>, seen: &mut Seen) {
    let name = || Name::new(NAME).arg(ARGUMENT);
    let many = [(format!("{NAME}1"), VALUE), (format!("{NAME}2"), VALUE)];

    seen.result(vault.set(name(), VALUE, HOUR).await);
    seen.result(vault.get::<String>(name()).await.map(|_| ()));
    seen.result(vault.get::<u64>(name()).await);
    seen.result(vault.get::<Json<Vec<u8>>>(name()).await);
    seen.result(vault.incr(name()).await);
    seen.result(vault.lpush(name(), ELEMENT).await);
    seen.result(vault.set(name(), VALUE, Duration::ZERO).await);
    seen.result(vault.set(NAME.repeat(1_000), VALUE, HOUR).await);
    seen.result(vault.set_many(many.clone(), HOUR).await);
    seen.result(vault.get_many::<String, _>(many.map(|(name, _)| name)).await.map(|_| ()));
    seen.result(vault.exists(name()).await);
    seen.result(vault.expire(name(), HOUR).await);
    seen.result(vault.ttl(name()).await);
    seen.result(vault.incr(format!("{NAME}3")).await);
    seen.result(vault.incr_by(format!("{NAME}3"), i64::MAX).await);
    seen.result(vault.get::<String>(format!("{NAME}3")).await);
}

async fn every_structure<S: Store>(vault: &Vault<S>, seen: &mut Seen) {
    seen.result(vault.hset(format!("{NAME}4"), FIELD, VALUE).await);
    seen.result(vault.hset(format!("{NAME}4"), "", VALUE).await);
    seen.result(vault.hget::<String>(format!("{NAME}4"), FIELD).await.map(|_| ()));
    seen.result(vault.hgetall::<String>(format!("{NAME}4")).await.map(|_| ()));
    seen.result(vault.hdel(format!("{NAME}4"), "another").await);
    seen.result(vault.rpush(format!("{NAME}5"), ELEMENT).await);
    seen.result(vault.lpush(format!("{NAME}5"), ELEMENT).await);
    seen.result(vault.lpop::<String>(format!("{NAME}5")).await.map(|_| ()));
    seen.result(vault.rpop::<u128>(format!("{NAME}6")).await);
    seen.result(vault.lrange::<u64>(format!("{NAME}5"), 0, -1).await);
    seen.result(vault.delete(format!("{NAME}7")).await);
    seen.result(vault.set(format!("{NAME}8"), &Json(HashMap::from([(FIELD, 1)]).len()), HOUR).await);
    seen.result(altered(vault).await);
}

async fn every_limit<S: Store>(vault: &Vault<S>, seen: &mut Seen) {
    for options in [TokensOptions::new(), TokensOptions::new().track(true)] {
        let tokens = Tokens::with_options(vault.clone(), options.clone()).expect("the options can be");
        let token = format!("{TOKEN}{options:?}");
        seen.result(tokens.store(TYPE, &token, HOUR).await);
        seen.result(tokens.store(TYPE, &token, HOUR).await);
        seen.result(tokens.store(TYPE, &token, Duration::ZERO).await);
        seen.result(tokens.store(TYPE, "", HOUR).await);
        seen.result(tokens.is_valid(TYPE, &token).await);
        seen.result(tokens.revoke(TYPE, &format!("{TOKEN} of nobody")).await);
        seen.result(tokens.cleanup_expired(TYPE).await);
        seen.debug(&tokens);
    }
    let rooms = Rooms::new(vault.clone());
    seen.result(rooms.set_size(ROOM, 5).await);
    seen.result(rooms.size(ROOM).await);
    seen.result(rooms.update_size(ROOM, 1).await);
    seen.result(rooms.update_size(ROOM, i64::MAX).await);
    seen.result(rooms.check_and_increment(ROOM).await);
    seen.result(rooms.check_and_increment_within(ROOM, 1).await);
    seen.debug(&rooms);
}

/// Reads a value that someone cut short.
async fn altered<S: Store>(vault: &Vault<S>) -> Result<(), Box<dyn Error>> {
    let name = format!("{NAME}9");
    vault.set(&name, VALUE, HOUR).await?;
    let scan = roomkey_core::Scan::new(roomkey_core::Namespace::new("roomkey", "v1", "default")?);
    for bytes in vault.store().scan(scan.count(1_000)?).await?.keys {
        let key = Key::parse(Kind::Value, bytes)?;
        let cut = match vault.store().run(Batch::one(Op::get(&key))?).await?.remove(0) {
            Ok(roomkey_core::Reply::Bytes(Some(value))) if value.len() > 80 => value.slice(..80),
            _ => continue,
        };
        vault.store().run(Batch::one(Op::put(&key, cut, Life::Keep))?).await?;
    }
    vault.get::<String>(&name).await?;
    Ok(())
}

/// Everything that a person could have looked at.
#[derive(Default)]
struct Seen {
    bytes: Vec<Vec<u8>>,
    logs: Arc<Mutex<String>>,
    errors: usize,
}

impl Seen {
    fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.push(bytes.to_vec());
    }

    fn text(&mut self, text: impl Into<String>) {
        self.bytes.push(text.into().into_bytes());
    }

    fn debug(&mut self, value: &impl fmt::Debug) {
        self.text(format!("{value:?} {value:#?}"));
    }

    fn result<T: fmt::Debug, E: Into<Box<dyn Error>>>(&mut self, result: Result<T, E>) {
        match result {
            Ok(value) => self.debug(&value),
            Err(error) => self.error(&*error.into()),
        }
    }

    fn error(&mut self, error: &dyn Error) {
        self.errors += 1;
        let mut text = format!("{error} {error:?} {error:#?}");
        let mut cause = error.source();
        while let Some(because) = cause {
            let _ = write!(text, " {because} {because:?}");
            cause = because.source();
        }
        self.text(text);
    }

    fn assert_without<'s>(self, sentinels: impl IntoIterator<Item = &'s str>) {
        assert!(self.errors > 50, "only {} operations failed: the failing ones were not tried", self.errors);
        let logs = self.logs.lock().expect("no holder panics").clone();
        for sentinel in sentinels {
            // Monitors and logs escape bytes, dumps do not; the sentinels are plain letters either way, or in hex.
            let hex: String = sentinel.bytes().map(|byte| format!("{byte:02x}")).collect();
            for form in [sentinel, &hex] {
                assert!(!logs.contains(form), "{form} is in the logs");
                for bytes in &self.bytes {
                    let found = bytes.windows(form.len()).any(|part| part == form.as_bytes());
                    assert!(!found, "{form} is in {}", String::from_utf8_lossy(bytes));
                }
            }
        }
    }
}

/// Keeps everything that is logged, of all levels and crates.
struct Logs(Arc<Mutex<String>>);

impl Subscriber for Logs {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Line(&self.0));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Line(&self.0));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Line(&self.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line<'l>(&'l Mutex<String>);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = writeln!(self.0.lock().expect("no holder panics"), "{field}={value:?}");
    }
}
