//! Clusters that form, move slots and fail over, with every way to speak TLS that the program at hand has.

use super::{ClusterOptions, Failover, RedisCluster};
use crate::server::{Binary, RedisServer};

/// The slots of "foo" and "bar".
const FOO: u16 = 12_182;
const BAR: u16 = 5_061;

/// One cluster for each way in which the program can speak TLS, and one without.
fn each(options: &ClusterOptions) -> Vec<RedisCluster> {
    let binary = Binary::find();
    let tls = options.clone().nodes(RedisServer::options().tls().password("open-sesame"));
    let mut clusters = vec![options.clone().start(), tls.clone().start_binary(&binary, true)];
    if binary.has_tls() {
        clusters.push(tls.start_binary(&binary, false));
    }
    clusters
}

#[test]
fn every_node_serves_its_third() {
    for cluster in each(&RedisCluster::options()) {
        let parts: Vec<(u16, u16)> =
            cluster.views()[0].owners().iter().map(|(first, last, _)| (*first, *last)).collect();
        assert_eq!(parts, [(0, 5_460), (5_461, 10_921), (10_922, 16_383)]);
        for (node, slot) in cluster.nodes().iter().zip([0, 5_461, 10_922]) {
            assert!(std::ptr::eq(cluster.owner(slot), node));
        }
        cluster.owner(FOO).command(&["SET", "foo", "v"]);
        let moved = cluster.owner(BAR).try_command(&["GET", "foo"]).unwrap_err();
        assert_eq!(moved, format!("MOVED {FOO} 127.0.0.1:{}", cluster.owner(FOO).port()));
    }
}

#[test]
fn the_keys_of_a_slot_move_with_it() {
    for cluster in each(&RedisCluster::options()) {
        let (from, to) = (cluster.owner(FOO), cluster.owner(BAR));
        for key in ["{foo}1", "{foo}2", "{foo}3"] {
            from.command(&["SET", key, "v"]);
        }
        let migration = cluster.migration(FOO, to);
        assert_eq!(migration.move_keys(1), 1);
        let ask = format!("ASK {FOO} 127.0.0.1:{}", to.port());
        assert_eq!(from.try_command(&["GET", "{foo}4"]).unwrap_err(), ask);
        assert_eq!(from.command(&["CLUSTER", "COUNTKEYSINSLOT", &FOO.to_string()]).int(), 2);
        migration.finish();
        assert!(std::ptr::eq(cluster.owner(FOO), to));
        for key in ["{foo}1", "{foo}2", "{foo}3"] {
            assert_eq!(to.command(&["GET", key]).text(), "v");
        }
        cluster.wait_until_agreed();

        let migration = cluster.migration(FOO, from);
        assert_eq!(migration.move_keys(1), 1);
        migration.call_off();
        for key in ["{foo}1", "{foo}2", "{foo}3"] {
            assert_eq!(to.command(&["GET", key]).text(), "v");
        }
        cluster.migrate_slot(FOO, from);
        assert_eq!(from.command(&["GET", "{foo}1"]).text(), "v");
    }
}

#[test]
fn a_replica_takes_over() {
    for cluster in each(&RedisCluster::options().replicas(1)) {
        let master = cluster.owner(FOO);
        let replica = cluster.replicas_of(master)[0];
        master.command(&["SET", "foo", "v"]);
        assert_eq!(cluster.masters().len(), 3);

        cluster.failover(replica, Failover::Orderly);
        cluster.wait_until_agreed();
        assert!(std::ptr::eq(cluster.owner(FOO), replica));
        assert_eq!(replica.command(&["GET", "foo"]).text(), "v");

        cluster.failover(master, Failover::Takeover);
        cluster.wait_until_agreed();
        assert!(std::ptr::eq(cluster.owner(FOO), master));
    }
}

#[test]
fn a_frozen_master_is_replaced_and_comes_back_by_force() {
    let cluster = RedisCluster::options().replicas(1).start();
    let master = cluster.owner(FOO);
    let replica = cluster.replicas_of(master)[0];
    master.pause();
    assert!(std::ptr::eq(cluster.owner(FOO), master));
    cluster.wait_until(|cluster| std::ptr::eq(cluster.owner(FOO), replica));
    master.resume();
    cluster.wait_until(|_| master.info("role") == "slave" && master.info("master_link_status") == "up");
    cluster.failover(master, Failover::Force);
    cluster.wait_until_agreed();
    assert!(std::ptr::eq(cluster.owner(FOO), master));
}

#[test]
fn a_killed_node_comes_back_to_its_slots() {
    let cluster = RedisCluster::options().require_full_coverage(false).start();
    let node = cluster.owner(FOO);
    node.kill();
    cluster.owner(BAR).command(&["SET", "bar", "v"]);
    node.restart(crate::server::Restart::LoseData);
    cluster.wait_until_agreed();
    node.command(&["SET", "foo", "v"]);
}
