//! The configuration as its sources say it, and what each source may not say.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use super::*;

fn vars(vars: &[(&str, &str)]) -> Result<RedisConfig, ConnectError> {
    RedisConfig::from_vars(vars.iter().copied())
}

fn tcp(host: &str, port: u16) -> Endpoint {
    Endpoint::Tcp { host: host.into(), port }
}

/// The login that a connection would be given.
fn login(provider: &Option<Arc<dyn CredentialsProvider>>) -> (Option<String>, String) {
    let provider = Arc::clone(provider.as_ref().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let credentials = runtime.block_on(provider.credentials()).unwrap();
    (credentials.username().map(Into::into), credentials.password().into())
}

/// The whole chain of messages, as a log would show it.
fn shown(error: &ConnectError) -> String {
    let mut text = format!("{error:?} {error}");
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text += &format!(" {cause:?} {cause}");
        next = cause.source();
    }
    text
}

fn refused(given: &[(&str, &str)], names: &str) -> String {
    let error = vars(given).unwrap_err();
    assert!(error.to_string().contains(names), "{error} does not name {names}");
    shown(&error)
}

fn temp_file(name: &str, content: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("roomkey-config-{}-{name}", std::process::id()));
    std::fs::File::create(&path).unwrap().write_all(content).unwrap();
    path
}

#[test]
fn nothing_said_means_a_plain_server_on_this_machine() {
    let config = vars(&[]).unwrap();
    assert_eq!(config.topology, Topology::Single(tcp("localhost", 6379)));
    assert!(config.tls.is_none() && config.credentials.is_none());
    assert_eq!((config.db, config.lanes, config.pool_size), (0, 2, 8));
    assert_eq!(config.timeout, Duration::from_secs(2));
}

#[test]
fn every_variable_is_read() {
    let config = vars(&[
        ("REDIS_HOST", "db.example"),
        ("REDIS_PORT", "6390"),
        ("REDIS_USERNAME", "app"),
        ("REDIS_PASSWORD", "pw"),
        ("REDIS_DB", "3"),
        ("REDIS_USE_SSL", "yes"),
        ("REDIS_SSL_VERIFY_MODE", "None"),
        ("REDIS_TIMEOUT_MS", "150"),
        ("REDIS_CONNECT_TIMEOUT_MS", "250"),
        ("REDIS_LANES", "4"),
        ("REDIS_POOL_SIZE", "5"),
        ("REDIS_CLIENT_NAME", "shop"),
    ])
    .unwrap();
    assert_eq!(config.topology.to_string(), "db.example:6390");
    assert_eq!(login(&config.credentials).0.as_deref(), Some("app"));
    assert_eq!(login(&config.credentials).1, "pw");
    assert_eq!((config.db, config.lanes, config.pool_size), (3, 4, 5));
    assert_eq!(config.tls.unwrap().verify, VerifyMode::None);
    assert_eq!(
        (config.timeout, config.connect_timeout),
        (Duration::from_millis(150), Duration::from_millis(250))
    );
    assert_eq!(config.client_name, "shop");
}

#[test]
fn a_url_says_the_same_as_variables() {
    let config = RedisConfig::from_url(
        "rediss://app:p%40s%2Fs@db.example:6390/3?ssl_verify_mode=none&timeout_ms=150&lanes=4&client_name=shop",
    )
    .unwrap();
    assert_eq!(config.topology.to_string(), "db.example:6390");
    assert_eq!(login(&config.credentials).0.as_deref(), Some("app"));
    assert_eq!(login(&config.credentials).1, "p@s/s");
    assert_eq!((config.db, config.lanes), (3, 4));
    assert_eq!(config.tls.unwrap().verify, VerifyMode::None);

    let v6 = RedisConfig::from_url("redis://[::1]:7000").unwrap();
    assert_eq!(v6.topology, Topology::Single(tcp("::1", 7000)));
    assert_eq!(v6.topology.to_string(), "[::1]:7000");

    for url in
        ["redis+unix:///run/my%20redis.sock?db=2&password=pw", "unix:///run/my%20redis.sock?db=2&pass=pw"]
    {
        let socket = RedisConfig::from_url(url).unwrap();
        assert_eq!(socket.topology, Topology::Single(Endpoint::Unix("/run/my redis.sock".into())));
        assert_eq!((socket.db, &*login(&socket.credentials).1), (2, "pw"));
    }
}

#[test]
fn variables_complete_a_url_and_may_repeat_it() {
    let config = vars(&[
        ("REDIS_URL", "redis://db.example:6390"),
        ("REDIS_HOST", "db.example"),
        ("REDIS_PORT", "6390"),
        ("REDIS_PASSWORD", "pw"),
        ("REDIS_DB", "3"),
    ])
    .unwrap();
    assert_eq!(config.topology.to_string(), "db.example:6390");
    assert_eq!((&*login(&config.credentials).1, config.db), ("pw", 3));
}

#[test]
fn contradictions_name_both_sides() {
    for (given, first, second) in [
        (&[("REDIS_URL", "redis://a.example"), ("REDIS_HOST", "b.example")][..], "REDIS_HOST", "REDIS_URL"),
        (&[("REDIS_URL", "redis://a.example"), ("REDIS_PORT", "6380")], "REDIS_PORT", "REDIS_URL"),
        (&[("REDIS_URL", "redis://a.example"), ("REDIS_USE_SSL", "true")], "REDIS_URL", "REDIS_USE_SSL"),
        (&[("REDIS_URL", "rediss://a.example"), ("REDIS_USE_SSL", "false")], "REDIS_URL", "REDIS_USE_SSL"),
        (&[("REDIS_URL", "redis://:x@a.example"), ("REDIS_PASSWORD", "y")], "REDIS_PASSWORD", "REDIS_URL"),
        (&[("REDIS_PASSWORD", "x"), ("REDIS_PASSWORD_FILE", "/x")], "REDIS_PASSWORD", "REDIS_PASSWORD_FILE"),
        (&[("REDIS_URL", "unix:///run/x.sock"), ("REDIS_HOST", "localhost")], "REDIS_URL", "REDIS_HOST"),
        (&[("REDIS_URL", "unix:///run/x.sock"), ("REDIS_USE_SSL", "1")], "REDIS_URL", "REDIS_USE_SSL"),
        (
            &[("REDIS_USE_SSL", "0"), ("REDIS_SSL_VERIFY_MODE", "required")],
            "REDIS_USE_SSL",
            "REDIS_SSL_VERIFY_MODE",
        ),
        (
            &[("REDIS_URL", "redis://a.example"), ("REDIS_SSL_CA_FILE", "/x")],
            "REDIS_URL",
            "REDIS_SSL_CA_FILE",
        ),
    ] {
        let error = vars(given).unwrap_err();
        assert!(matches!(error, ConnectError::Conflict { .. }), "{error}");
        for name in [first, second] {
            assert!(error.to_string().contains(name), "{error} does not name {name}");
        }
    }
    let error = vars(&[
        ("REDIS_USE_SSL", "1"),
        ("REDIS_SSL_VERIFY_MODE", "none"),
        ("REDIS_SSL_CA_FILE", "/does/not/matter"),
    ]);
    assert!(matches!(error, Err(ConnectError::Conflict { .. })), "{error:?}");
}

#[test]
fn what_needs_company_says_so() {
    refused(&[("REDIS_USERNAME", "app")], "REDIS_USERNAME");
    refused(&[("REDIS_SSL_VERIFY_MODE", "required")], "REDIS_SSL_VERIFY_MODE");
    refused(&[("REDIS_USE_SSL", "1"), ("REDIS_SSL_CERT_FILE", "/x")], "REDIS_SSL_KEY_FILE");
    refused(&[("REDIS_USE_SSL", "1"), ("REDIS_SSL_KEY_FILE", "/x")], "REDIS_SSL_CERT_FILE");
}

#[test]
fn unusable_values_name_the_variable_and_what_it_must_be() {
    for (name, value) in [
        ("REDIS_PORT", "abc"),
        ("REDIS_PORT", "0"),
        ("REDIS_PORT", "65536"),
        ("REDIS_PORT", "-1"),
        ("REDIS_DB", "first"),
        ("REDIS_DB", "-1"),
        ("REDIS_HOST", "redis://db.example"),
        ("REDIS_HOST", "db.example:6379"),
        ("REDIS_HOST", "db example"),
        ("REDIS_USE_SSL", "maybe"),
        ("REDIS_TIMEOUT_MS", "0"),
        ("REDIS_TIMEOUT_MS", "3600001"),
        ("REDIS_TIMEOUT_MS", "2s"),
        ("REDIS_LANES", "0"),
        ("REDIS_LANES", "2000"),
        ("REDIS_POOL_SIZE", "0"),
        ("REDIS_CLIENT_NAME", "two words"),
        ("REDIS_URL", "db.example:6379"),
        ("REDIS_URL", "http://db.example"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://db.example/first"),
        ("REDIS_URL", "redis://db.example/#insecure"),
        ("REDIS_URL", "redis://db.example?sentinel=x"),
        ("REDIS_URL", "redis://db.example?timeout_ms=soon"),
        ("REDIS_URL", "redis+unix://run/redis.sock"),
        ("REDIS_URL", "unix:redis.sock"),
    ] {
        let error = vars(&[(name, value)]).unwrap_err();
        assert!(matches!(error, ConnectError::Invalid { .. }), "{name}={value}: {error:?}");
        assert!(error.to_string().starts_with(name), "{error}");
    }
    assert_eq!(
        vars(&[("REDIS_USE_SSL", "1"), ("REDIS_SSL_VERIFY_MODE", "maybe")]).unwrap_err().to_string(),
        "REDIS_SSL_VERIFY_MODE cannot be used: it must be one of: none, optional, required"
    );
}

#[test]
fn a_misspelt_variable_of_ours_is_an_error_with_a_suggestion() {
    for (name, instead) in [
        ("REDIS_SSL_VERIFYMODE", "REDIS_SSL_VERIFY_MODE"),
        ("REDIS_SSL_CAFILE", "REDIS_SSL_CA_FILE"),
        ("REDIS_PASWORD", "REDIS_PASSWORD"),
        ("REDIS_USER_NAME", "REDIS_USERNAME"),
        ("REDIS_USESSL", "REDIS_USE_SSL"),
        ("REDIS_TLS", "REDIS_USE_SSL"),
        ("REDIS_SSL", "REDIS_USE_SSL"),
        ("REDIS_USER", "REDIS_USERNAME"),
        ("REDIS_SSL_CERT_REQS", "REDIS_SSL_VERIFY_MODE"),
    ] {
        let error = vars(&[(name, "x")]).unwrap_err();
        assert!(error.to_string().starts_with(name) && error.to_string().contains(instead), "{error}");
    }
}

#[test]
fn variables_of_platforms_are_none_of_our_business() {
    let config = vars(&[
        ("REDIS_TLS_URL", "rediss://elsewhere"),
        ("REDIS_SERVICE_HOST", "10.0.0.1"),
        ("REDIS_SERVICE_PORT", "6379"),
        ("REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("REDIS_PORT_6379_TCP", "tcp://10.0.0.1:6379"),
        ("REDIS_PORT_6379_TCP_ADDR", "10.0.0.1"),
        ("REDIS_TTL", "60"),
        ("REDISHOST", "elsewhere"),
        ("PATH", "/bin"),
    ])
    .unwrap();
    assert_eq!(config.topology.to_string(), "localhost:6379");
}

#[test]
fn empty_variables_are_absent() {
    let config =
        vars(&[("REDIS_URL", ""), ("REDIS_PORT", ""), ("REDIS_PASSWORD", ""), ("REDIS_TLS", "")]).unwrap();
    assert_eq!(config.topology.to_string(), "localhost:6379");
    assert!(config.credentials.is_none());
}

#[test]
fn a_password_file_loses_one_line_end_and_nothing_else() {
    for (content, password) in [("pw\n", "pw"), ("pw\r\n", "pw"), ("pw", "pw"), (" p w \n\n", " p w \n")] {
        let path = temp_file("password", content.as_bytes());
        let config = vars(&[("REDIS_PASSWORD_FILE", path.to_str().unwrap())]).unwrap();
        assert_eq!(login(&config.credentials).1, password);
    }
    for content in [&b""[..], b"\n", b"\xff\xfe"] {
        let path = temp_file("bad-password", content);
        refused(&[("REDIS_PASSWORD_FILE", path.to_str().unwrap())], "REDIS_PASSWORD_FILE");
    }
    refused(&[("REDIS_PASSWORD_FILE", "/does/not/exist")], "REDIS_PASSWORD_FILE");
}

#[test]
fn files_that_hold_no_certificate_are_named() {
    let path = temp_file("no-pem", b"not a certificate");
    let path = path.to_str().unwrap();
    let tls = ("REDIS_USE_SSL", "1");
    refused(&[tls, ("REDIS_SSL_CA_FILE", path)], "REDIS_SSL_CA_FILE");
    refused(&[tls, ("REDIS_SSL_CA_FILE", "/does/not/exist")], "REDIS_SSL_CA_FILE");
    let error = RedisConfig::builder()
        .tls(true)
        .ca_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert!(matches!(error.build(), Err(ConnectError::Certificate { name: "ca_pem", .. })));
    let error =
        RedisConfig::builder().tls(true).verify_mode(VerifyMode::None).client_cert_pem("x", "y").build();
    assert!(matches!(error, Err(ConnectError::Invalid { name: "client_cert_pem", .. })), "{error:?}");
}

#[test]
fn the_builder_takes_what_is_set_last() {
    let config = RedisConfig::builder().host("a.example").host("b.example").port(1).build().unwrap();
    assert_eq!(config.topology.to_string(), "b.example:1");
    let error = RedisConfig::builder().unix_socket("/run/x.sock").port(1).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "unix_socket and port contradict each other: a unix socket has neither host nor port"
    );
}

#[test]
fn no_secret_is_shown_by_a_configuration_or_an_error() {
    const SECRET: &str = "sentinel-b81f";
    let url = format!("redis://app:{SECRET}@db.example/0");
    let config = RedisConfig::from_url(&url).unwrap();
    let builder = RedisConfig::builder().password(SECRET).client_cert_pem(SECRET, SECRET);
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
    ] {
        let value = if name == "REDIS_HOST" { format!("a@{SECRET}") } else { SECRET.to_owned() };
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
    ] {
        let error = RedisConfig::from_url(&url).unwrap_err();
        assert!(!shown(&error).contains(SECRET), "{}", shown(&error));
    }
    let error = vars(&[("REDIS_PASSWORD", SECRET), ("REDIS_URL", "redis://:other@db.example")]).unwrap_err();
    assert!(!shown(&error).contains(SECRET));
}
