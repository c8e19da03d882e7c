//! What each source can say.

use super::*;

#[test]
fn nothing_said_means_a_plain_server_on_this_machine() {
    let config = vars(&[]).unwrap();
    assert_eq!(config.topology, Topology::Single(tcp("localhost", 6379)));
    assert!(config.tls.is_none() && config.credentials.is_none());
    assert_eq!((config.db, config.lanes, config.pool_size), (0, 2, 8));
    assert_eq!(config.timeout, Duration::from_secs(2));
    assert_eq!(config.max_connection_age, Some(Duration::from_secs(1800)));
    assert_eq!((config.max_in_flight, config.large_value_bytes), (16_384, 65_536));
    assert_eq!((config.wait_replicas, config.wait_timeout), (0, Duration::from_millis(500)));
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
        ("REDIS_SSL_SERVER_NAME", "redis.internal"),
        ("REDIS_MAX_CONNECTION_AGE_MS", "60000"),
        ("REDIS_MAX_IN_FLIGHT", "100"),
        ("REDIS_LARGE_VALUE_BYTES", "4096"),
        ("REDIS_WAIT_REPLICAS", "2"),
        ("REDIS_WAIT_TIMEOUT_MS", "50"),
    ])
    .unwrap();
    assert_eq!(config.topology.to_string(), "db.example:6390");
    assert_eq!(login(&config.credentials).0.as_deref(), Some("app"));
    assert_eq!(login(&config.credentials).1, "pw");
    assert_eq!((config.db, config.lanes, config.pool_size), (3, 4, 5));
    let tls = config.tls.unwrap();
    assert_eq!(tls.verify, VerifyMode::None);
    assert_eq!(tls.server_name.unwrap().to_str(), "redis.internal");
    assert_eq!(config.max_connection_age, Some(Duration::from_secs(60)));
    assert_eq!((config.max_in_flight, config.large_value_bytes), (100, 4096));
    assert_eq!((config.wait_replicas, config.wait_timeout), (2, Duration::from_millis(50)));
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
fn a_key_is_its_variable_in_lower_case() {
    for (variable, key, _) in Setting::ALL {
        assert_eq!(variable.strip_prefix("REDIS_").unwrap().to_ascii_lowercase(), key);
    }
}

#[test]
fn a_url_may_stand_in_a_file() {
    let path = temp_file("url", b"redis://app:pw@db.example\n");
    let config = vars(&[("REDIS_URL_FILE", path.to_str().unwrap()), ("REDIS_DB", "3")]).unwrap();
    assert_eq!((config.topology().to_string().as_str(), config.db), ("db.example:6379", 3));
    assert_eq!(login(&config.credentials), (Some("app".into()), "pw".into()));
}

#[test]
fn a_password_file_is_read_for_every_connection() {
    let path = temp_file("rotating", b"old");
    let config = RedisConfig::builder().username("app").password_file(&path).build().unwrap();
    assert_eq!(login(&config.credentials), (Some("app".into()), "old".into()));
    temp_file("rotating", b"new");
    assert_eq!(login(&config.credentials), (Some("app".into()), "new".into()));
}

#[test]
fn the_files_of_tls_are_read_again_on_demand() {
    let certificate = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let path = temp_file("authority.pem", certificate.cert.pem().as_bytes());
    let config = RedisConfig::builder().tls(true).ca_file(&path).build().unwrap();
    let tls = config.tls.unwrap();
    assert_eq!(tls.files().collect::<Vec<_>>(), [&path]);
    tls.reload().unwrap();
    temp_file("authority.pem", b"no certificate");
    assert!(matches!(tls.reload(), Err(ConnectError::Invalid { name: "ca_file", .. })));
}

#[test]
fn the_application_may_provide_the_login() {
    let config =
        RedisConfig::builder().credentials(Credentials::new("pw").with_username("app")).build().unwrap();
    assert_eq!(login(&config.credentials), (Some("app".into()), "pw".into()));
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
fn the_builder_takes_what_is_set_last() {
    let config = RedisConfig::builder().host("a.example").host("b.example").port(1).build().unwrap();
    assert_eq!(config.topology.to_string(), "b.example:1");
    let error = RedisConfig::builder().unix_socket("/run/x.sock").port(1).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "unix_socket and port contradict each other: a unix socket has neither host nor port"
    );
}
