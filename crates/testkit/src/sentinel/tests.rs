//! Sentinels that find each other and elect, with every way to speak TLS that the program at hand has.

use super::{RedisSentinel, SentinelOptions};
use crate::server::{Binary, RedisServer, Restart};

/// One for each way in which the program can speak TLS, and one without.
fn each(options: &SentinelOptions) -> Vec<RedisSentinel> {
    let binary = Binary::find();
    let tls = options.clone().servers(RedisServer::options().tls().password("open-sesame")).password("word");
    let mut started = vec![options.clone().start(), tls.clone().start_binary(&binary, true)];
    if binary.has_tls() {
        started.push(tls.start_binary(&binary, false));
    }
    started
}

#[test]
fn a_replica_takes_over() {
    for watched in each(&RedisSentinel::options()) {
        let (master, replica) = (watched.master(), &watched.replicas()[0]);
        assert!(std::ptr::eq(watched.current_master(), master));
        master.command(&["SET", "k", "v"]);
        master.command(&["WAIT", "1", "0"]);

        watched.failover();
        assert!(std::ptr::eq(watched.current_master(), replica));
        assert_eq!(replica.command(&["GET", "k"]).text(), "v");
    }
}

#[test]
fn a_frozen_master_is_replaced_and_then_follows() {
    let watched = RedisSentinel::start();
    let (master, replica) = (watched.master(), &watched.replicas()[0]);
    master.pause();
    watched.wait_until("replace a frozen master", || std::ptr::eq(watched.current_master(), replica));
    assert_eq!(replica.info("role"), "master");
    master.resume();
    watched.wait_until_agreed();
    assert_eq!(master.info("role"), "slave");
}

#[test]
fn a_sentinel_keeps_what_it_has_learnt_over_a_restart() {
    let watched = RedisSentinel::start();
    watched.failover();
    let sentinel = &watched.sentinels()[0];
    sentinel.restart(Restart::KeepData);
    assert!(std::ptr::eq(watched.current_master(), &watched.replicas()[0]));
}
