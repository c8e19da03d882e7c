//! Nothing that a caller entrusts to the store is shown by it.

use bytes::Bytes;
use roomkey_core::{Batch, Kind, Life, Op, Store as _};
use roomkey_store::{RedisConfig, RedisStore};
use roomkey_testkit::RedisServer;

use crate::{config, key, reply, shown};

const PASSWORD: &str = "sentinel-password-4c1d";
const VALUE: &str = "sentinel-value-9be2";
const FIELD: &str = "sentinel-field-77a0";

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn no_password_value_or_field_is_shown() {
    let server = RedisServer::options().password(PASSWORD).start();
    let config = config(&server).password(PASSWORD).build().unwrap();
    let mut texts = vec![format!("{config:?}")];
    let store = RedisStore::connect(config).await.unwrap();
    texts.push(format!("{store:?} {:?}", store.health().await.unwrap()));

    // Errors of every class, each from a program that holds the sentinels.
    let (value, map) = (key(Kind::Value, 1, 1), key(Kind::Map, 1, 2));
    let ops = [
        Op::put(&value, Bytes::from_static(VALUE.as_bytes()), Life::Never),
        Op::add(&value, 1, Life::Never),
        Op::map_put(
            &key(Kind::Map, 1, 1),
            Bytes::from_static(FIELD.as_bytes()),
            Bytes::from_static(VALUE.as_bytes()),
            Life::Never,
        ),
        Op::map_put(
            &map,
            Bytes::from_static(FIELD.as_bytes()),
            Bytes::from_static(VALUE.as_bytes()),
            Life::Never,
        ),
    ];
    texts.push(format!("{:?}", store));
    for op in ops.clone() {
        if let Err(error) = reply(&store, op).await {
            texts.push(shown(&error));
        }
    }
    for answer in store.run(Batch::new(ops.clone()).unwrap()).await.unwrap() {
        if let Err(error) = answer {
            texts.push(shown(&error));
        }
    }
    assert!(texts.len() > 5, "no program failed");
    server.kill();
    for op in ops {
        texts.push(shown(
            &reply(&store.with_timeout(std::time::Duration::from_millis(20)), op).await.unwrap_err(),
        ));
    }

    let refused = RedisServer::options().password("another").start();
    let url = format!("redis://:{PASSWORD}@127.0.0.1:{}", refused.port());
    texts.push(shown(&RedisStore::connect(RedisConfig::from_url(&url).unwrap()).await.unwrap_err()));

    for text in texts {
        for sentinel in [PASSWORD, VALUE, FIELD] {
            assert!(!text.contains(sentinel), "{sentinel} is shown: {text}");
        }
    }
}
