//! The configuration as a part of an application's own.

use serde_json::json;

use super::*;

#[test]
fn says_the_same_as_variables() {
    let by_serde: RedisConfig = serde_json::from_value(json!({
        "host": "db.example",
        "port": 6390,
        "username": "app",
        "password": "007",
        "db": "3",
        "use_ssl": true,
        "ssl_verify_mode": "none",
        "timeout_ms": 150,
        "max_connection_age_ms": 0,
        "client_name": null,
        "password_file": "",
    }))
    .unwrap();
    let by_variables = vars(&[
        ("REDIS_HOST", "db.example"),
        ("REDIS_PORT", "6390"),
        ("REDIS_USERNAME", "app"),
        ("REDIS_PASSWORD", "007"),
        ("REDIS_DB", "3"),
        ("REDIS_USE_SSL", "true"),
        ("REDIS_SSL_VERIFY_MODE", "none"),
        ("REDIS_TIMEOUT_MS", "150"),
        ("REDIS_MAX_CONNECTION_AGE_MS", "0"),
    ])
    .unwrap();
    assert_eq!(format!("{by_serde:?}"), format!("{by_variables:?}"));
    assert_eq!(login(&by_serde.credentials), (Some("app".into()), "007".into()));
}

#[test]
fn is_a_part_of_a_larger_configuration() {
    #[derive(serde::Deserialize)]
    struct Application {
        redis: RedisConfig,
    }
    for cluster in [json!("a.example,b.example:7000"), json!(["a.example", "b.example:7000"])] {
        let application: Application =
            serde_json::from_value(json!({ "redis": { "cluster": cluster } })).unwrap();
        assert_eq!(application.redis.topology().to_string(), "the cluster of a.example:6379,b.example:7000");
    }
    let by_url: Application =
        serde_json::from_value(json!({ "redis": { "url": "redis://db.example", "lanes": 3 } })).unwrap();
    assert_eq!((by_url.redis.topology().to_string().as_str(), by_url.redis.lanes), ("db.example:6379", 3));
}

#[test]
fn refuses_what_variables_refuse_and_names_the_key() {
    for (given, says) in [
        (json!({ "prot": 6379 }), "unknown field `prot`, expected one of `url`"),
        (json!({ "REDIS_HOST": "db.example" }), "unknown field"),
        (json!({ "port": 0 }), "port cannot be used: it must be a number from 1 to 65535"),
        (json!({ "port": -1 }), "port cannot be used"),
        (json!({ "timeout_ms": 1.5 }), "timeout_ms cannot be used"),
        (json!({ "use_ssl": "maybe" }), "use_ssl cannot be used"),
        (json!({ "host": ["a", "b"] }), "host cannot be used: it must be a single value"),
        (json!({ "password": 7 }), "password cannot be used: it must be text; put it in quotes"),
        (json!({ "cluster": [1] }), "a list of servers holds something other than text"),
        (json!({ "cluster": "a", "host": "b" }), "cluster and host contradict each other"),
        (json!({ "sentinels": ["a"] }), "sentinels cannot be used: it must be accompanied"),
        (json!({ "url": "redis://a", "host": "b" }), "contradict each other"),
        (
            json!({ "password_file": "/does/not/exist" }),
            "password_file names a file that cannot be read: No such file",
        ),
    ] {
        let error = serde_json::from_value::<RedisConfig>(given.clone()).unwrap_err();
        assert!(error.to_string().contains(says), "{given}: {error}");
    }
    let twice = serde_json::from_str::<RedisConfig>(r#"{ "db": 1, "db": 2 }"#).unwrap_err();
    assert!(twice.to_string().starts_with("db contradicts itself"), "{twice}");
}

#[test]
fn no_message_repeats_a_value() {
    const SECRET: &str = "sentinel-7c11";
    for (key, _) in Setting::ALL.map(|(_, key, _)| (key, ())) {
        for value in
            [json!(SECRET), json!([SECRET]), json!({ SECRET: SECRET }), json!([[SECRET]]), json!(98_765.25)]
        {
            if let Err(error) = serde_json::from_value::<RedisConfig>(json!({ key: value })) {
                let error = format!("{error:?} {error}");
                assert!(!error.contains(SECRET) && !error.contains("98765"), "{key}: {error}");
            }
        }
    }
}
