//! Secrets in every place where they belong, and where they could stand by mistake.

use super::*;

#[test]
fn no_secret_is_shown_by_a_configuration_or_an_error() {
    const SECRET: &str = "sentinel-b81f";
    let url = format!("redis://app:{SECRET}@db.example/0");
    let config = RedisConfig::from_url(&url).unwrap();
    let builder = RedisConfig::builder().password(SECRET).client_cert_pem(SECRET, SECRET);
    assert!(!format!("{config:?} {builder:?}").contains(SECRET));
    let builder = RedisConfig::builder()
        .sentinels(["a.example"])
        .sentinel_master("main")
        .sentinel_password(SECRET)
        .credentials(Credentials::new(SECRET));
    let config = builder.clone().build().unwrap();
    assert!(!format!("{config:?} {builder:?}").contains(SECRET));

    // The secret in every place where it could stand by mistake.
    for name in [
        "REDIS_URL",
        "REDIS_HOST",
        "REDIS_PORT",
        "REDIS_DB",
        "REDIS_USERNAME",
        "REDIS_USE_SSL",
        "REDIS_SSL_VERIFY_MODE",
        "REDIS_SSL_CA_FILE",
        "REDIS_PASSWORD_FILE",
        "REDIS_TIMEOUT_MS",
        "REDIS_LANES",
        "REDIS_URL_FILE",
        "REDIS_CLUSTER",
        "REDIS_SENTINELS",
        "REDIS_SENTINEL_PASSWORD",
        "REDIS_SENTINEL_PASSWORD_FILE",
        "REDIS_MAX_CONNECTION_AGE_MS",
        "REDIS_MAX_IN_FLIGHT",
        "REDIS_LARGE_VALUE_BYTES",
        "REDIS_WAIT_REPLICAS",
        "REDIS_WAIT_TIMEOUT_MS",
    ] {
        let is_host = matches!(name, "REDIS_HOST" | "REDIS_CLUSTER");
        let value = if is_host { format!("a@{SECRET}") } else { SECRET.to_owned() };
        let error = vars(&[("REDIS_SSL_VERIFY_MODE", "optional"), ("REDIS_USE_SSL", "1"), (name, &value)])
            .or_else(|_| vars(&[(name, &value)]))
            .unwrap_err();
        assert!(!shown(&error).contains(SECRET), "{name}: {}", shown(&error));
    }
    for url in [
        format!("redis://:a/{SECRET}@db.example"),
        format!("redis://:a?{SECRET}@db.example"),
        format!("redis://:a#{SECRET}@db.example"),
        format!("redis://:%FF{SECRET}@db.example"),
        format!("redis://db.example/{SECRET}"),
        format!("redis://db.example?{SECRET}=1"),
        format!("redis://db.example?password={SECRET}&db=x"),
        format!("{SECRET}://db.example"),
        format!("redis-cluster://:a/{SECRET}@a.example,b.example"),
        format!("redis-cluster://a.example:{SECRET},b.example"),
        format!("redis-cluster://:%FF{SECRET}@a.example,b.example"),
        format!("redis-sentinel://:{SECRET}@a.example,b.example"),
        format!("redis-sentinel://a.example?master=main&sentinel_pasword={SECRET}"),
    ] {
        let error = RedisConfig::from_url(&url).unwrap_err();
        assert!(!shown(&error).contains(SECRET), "{}", shown(&error));
    }
    let error = vars(&[("REDIS_PASSWORD", SECRET), ("REDIS_URL", "redis://:other@db.example")]).unwrap_err();
    assert!(!shown(&error).contains(SECRET));
}
