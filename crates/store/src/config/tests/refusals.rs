//! What no source may say, and what the error names.

use super::*;

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
    refused(&[("REDIS_SSL_SERVER_NAME", "a.example")], "REDIS_USE_SSL");
    refused(&[("REDIS_WAIT_TIMEOUT_MS", "100")], "REDIS_WAIT_REPLICAS");
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
        ("REDIS_MAX_CONNECTION_AGE_MS", "99"),
        ("REDIS_MAX_CONNECTION_AGE_MS", "2592000001"),
        ("REDIS_MAX_IN_FLIGHT", "0"),
        ("REDIS_MAX_IN_FLIGHT", "1048577"),
        ("REDIS_LARGE_VALUE_BYTES", "1023"),
        ("REDIS_LARGE_VALUE_BYTES", "64k"),
        ("REDIS_WAIT_REPLICAS", "-1"),
        ("REDIS_WAIT_TIMEOUT_MS", "100"),
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
        ("REDIS_SSL_SERVERNAME", "REDIS_SSL_SERVER_NAME"),
        ("REDIS_SENTINEL", "REDIS_SENTINELS"),
        ("REDIS_SENTINEL_MASTER_NAME", "REDIS_SENTINEL_MASTER"),
        ("REDIS_SENTINEL_PASSWORDFILE", "REDIS_SENTINEL_PASSWORD_FILE"),
        ("REDIS_CLUSTERS", "REDIS_CLUSTER"),
        ("REDIS_CLUSTER_NODES", "REDIS_CLUSTER"),
        ("REDIS_WAIT_REPLICA", "REDIS_WAIT_REPLICAS"),
        ("REDIS_MAX_INFLIGHT", "REDIS_MAX_IN_FLIGHT"),
    ] {
        let error = vars(&[(name, "x")]).unwrap_err();
        assert!(error.to_string().starts_with(name) && error.to_string().contains(instead), "{error}");
    }
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
fn a_wait_fits_inside_the_deadline() {
    let wait = [("REDIS_WAIT_REPLICAS", "1"), ("REDIS_WAIT_TIMEOUT_MS", "2000")];
    refused(&wait, "REDIS_TIMEOUT_MS");
    let mut both = wait.to_vec();
    both.push(("REDIS_TIMEOUT_MS", "2000"));
    let error = vars(&both).unwrap_err();
    assert!(matches!(error, ConnectError::Conflict { first: "REDIS_WAIT_TIMEOUT_MS", .. }), "{error}");
    both[2].1 = "2001";
    assert_eq!(vars(&both).unwrap().wait_timeout, Duration::from_secs(2));
}

#[test]
fn a_provider_gives_the_whole_login() {
    let provider = || RedisConfig::builder().credentials(Credentials::new("pw"));
    for (error, other) in [
        (provider().username("app").build(), "username"),
        (provider().password("pw").build(), "password"),
        (provider().password_file("/x").build(), "password_file"),
    ] {
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with(&format!("credentials and {other} contradict each other")), "{error}");
    }
}
