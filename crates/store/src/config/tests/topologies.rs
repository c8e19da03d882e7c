//! Sentinels and clusters, from every source.

use super::*;

fn sentinels() -> Topology {
    Topology::Sentinel {
        sentinels: vec![
            tcp("a.example", 26379),
            tcp("10.0.0.2", 5000),
            tcp("::1", 26379),
            tcp("fe80::2", 5001),
        ],
        master: "main".into(),
    }
}

fn cluster() -> Topology {
    Topology::Cluster { seeds: vec![tcp("a.example", 6379), tcp("10.0.0.2", 7000), tcp("::1", 7001)] }
}

#[test]
fn all_sources_say_the_same_of_sentinels() {
    let hosts = "a.example,10.0.0.2:5000,[::1],[fe80::2]:5001";
    let by_variables =
        vars(&[("REDIS_SENTINELS", hosts), ("REDIS_SENTINEL_MASTER", "main"), ("REDIS_DB", "2")]);
    let by_url = RedisConfig::from_url(&format!("redis-sentinel://{hosts}/2?master=main"));
    let by_builder = RedisConfig::builder().sentinels(hosts.split(',')).sentinel_master("main").db(2).build();
    for config in [by_variables, by_url, by_builder] {
        let config = config.unwrap();
        assert_eq!((config.topology(), config.db), (&sentinels(), 2));
    }
}

#[test]
fn all_sources_say_the_same_of_a_cluster() {
    let hosts = "a.example,10.0.0.2:7000,[::1]:7001";
    let by_variables = vars(&[("REDIS_CLUSTER", hosts), ("REDIS_DB", "0")]);
    let by_builder = RedisConfig::builder().cluster(hosts.split(',')).build();
    for config in [by_variables, by_builder] {
        assert_eq!(config.unwrap().topology(), &cluster());
    }
    for end in ["", "/", "/0", "?timeout_ms=500", "/0?db=0"] {
        let config = RedisConfig::from_url(&format!("redis-cluster://{hosts}{end}")).unwrap();
        assert_eq!(config.topology(), &cluster());
        assert!(config.tls.is_none());
    }
    let spaced = vars(&[("REDIS_CLUSTER", "a.example, 10.0.0.2:7000 , [::1]:7001")]).unwrap();
    assert_eq!(spaced.topology(), &cluster());
}

#[test]
fn a_url_of_several_servers_has_login_and_tls() {
    let config = RedisConfig::from_url(
        "rediss-sentinel://app:p%40s%2F%2C%3A@a.example:26380,b%2Dc.example/3?master=main&ssl_verify_mode=none\
         &sentinel_username=watch&sentinel_password=s%26t",
    )
    .unwrap();
    assert_eq!(
        config.topology().to_string(),
        "master main of the sentinels a.example:26380,b-c.example:26379"
    );
    assert_eq!(login(&config.credentials), (Some("app".into()), "p@s/,:".into()));
    assert_eq!(login(&config.sentinel_credentials), (Some("watch".into()), "s&t".into()));
    assert_eq!((config.db, config.tls.unwrap().verify), (3, VerifyMode::None));

    let cluster = RedisConfig::from_url("rediss-cluster://:pw@a.example,b.example:7000?ssl_verify_mode=none");
    let cluster = cluster.unwrap();
    assert_eq!(cluster.topology().to_string(), "the cluster of a.example:6379,b.example:7000");
    assert_eq!(login(&cluster.credentials), (None, "pw".into()));
    assert!(cluster.tls.is_some());
}

#[test]
fn the_login_of_the_servers_is_not_shown_to_the_sentinels() {
    let config = RedisConfig::from_url("redis-sentinel://app:pw@a.example?master=main").unwrap();
    assert!(config.credentials.is_some() && config.sentinel_credentials.is_none());
}

#[test]
fn what_is_no_list_of_servers_is_refused() {
    for hosts in [
        ",",
        "a.example,",
        "a.example,,b.example",
        "a.example:0",
        "a.example:x",
        "a.example:",
        "a.example:99999",
        "::1",
        "[::1",
        "[::1]7000",
        "[::1]:",
        "[a.example]:7000",
        "redis://a.example",
        "app@a.example",
        "a b",
        "true",
        "0",
    ] {
        let error = vars(&[("REDIS_CLUSTER", hosts)]).unwrap_err();
        assert!(matches!(error, ConnectError::Invalid { name: "REDIS_CLUSTER", .. }), "{hosts}: {error:?}");
        let error = vars(&[("REDIS_SENTINELS", hosts), ("REDIS_SENTINEL_MASTER", "main")]).unwrap_err();
        assert!(matches!(error, ConnectError::Invalid { name: "REDIS_SENTINELS", .. }), "{hosts}: {error:?}");
        let error = RedisConfig::builder().cluster([hosts]).build().unwrap_err();
        assert!(matches!(error, ConnectError::Invalid { name: "cluster", .. }), "{hosts}: {error:?}");
    }
    for url in [
        "redis-cluster://",
        "redis-cluster://a.example:x,b.example",
        "redis-cluster://a.example,,b.example",
        "redis-cluster://[::1",
        "redis-sentinel:///0?master=main",
        "redis-sentinel:a.example?master=main",
        "redis://a.example,b.example",
        "redis-sentinels://a.example?master=main",
    ] {
        let error = RedisConfig::from_url(url).unwrap_err();
        assert!(matches!(error, ConnectError::Invalid { name: "the URL", .. }), "{url}: {error:?}");
    }
}

#[test]
fn contradictions_of_topologies_name_both_sides() {
    const SENTINELS: (&str, &str) = ("REDIS_SENTINELS", "a.example");
    const MASTER: (&str, &str) = ("REDIS_SENTINEL_MASTER", "main");
    const CLUSTER: (&str, &str) = ("REDIS_CLUSTER", "a.example");
    for given in [
        [SENTINELS, CLUSTER],
        [CLUSTER, MASTER],
        [CLUSTER, ("REDIS_SENTINEL_PASSWORD", "pw")],
        [CLUSTER, ("REDIS_DB", "1")],
        [CLUSTER, ("REDIS_HOST", "a.example")],
        [CLUSTER, ("REDIS_PORT", "6379")],
        [CLUSTER, ("REDIS_URL", "redis://a.example")],
        [CLUSTER, ("REDIS_URL", "unix:///run/x.sock")],
        [CLUSTER, ("REDIS_URL", "redis-cluster://b.example")],
        [CLUSTER, ("REDIS_URL", "redis-sentinel://b.example?master=main")],
        [SENTINELS, ("REDIS_HOST", "a.example")],
        [SENTINELS, ("REDIS_URL", "unix:///run/x.sock")],
        [("REDIS_USE_SSL", "1"), ("REDIS_URL", "redis-cluster://b.example")],
    ] {
        let error = vars(&given).unwrap_err();
        assert!(matches!(error, ConnectError::Conflict { .. }), "{given:?}: {error}");
        for (name, _) in given {
            assert!(error.to_string().contains(name), "{error} does not name {name}");
        }
    }
    assert_eq!(
        RedisConfig::from_url("redis-cluster://a.example/1").unwrap_err().to_string(),
        "the URL contradicts itself: a cluster has only database 0"
    );
    let error = RedisConfig::builder().cluster(["a.example"]).unix_socket("/run/x.sock").build().unwrap_err();
    assert!(error.to_string().starts_with("cluster and unix_socket contradict each other"), "{error}");
}

#[test]
fn sentinels_and_their_master_need_each_other() {
    refused(&[("REDIS_SENTINELS", "a.example")], "REDIS_SENTINEL_MASTER");
    refused(&[("REDIS_SENTINEL_MASTER", "main")], "REDIS_SENTINELS");
    refused(&[("REDIS_SENTINEL_PASSWORD", "pw")], "REDIS_SENTINELS");
    refused(&[("REDIS_URL", "redis-sentinel://a.example")], "?master=");
    refused(&[("REDIS_URL", "redis://a.example?master=main")], "redis-sentinel://");
    let alone = [
        ("REDIS_SENTINELS", "a.example"),
        ("REDIS_SENTINEL_MASTER", "main"),
        ("REDIS_SENTINEL_USERNAME", "watch"),
    ];
    refused(&alone, "REDIS_SENTINEL_PASSWORD");
}
