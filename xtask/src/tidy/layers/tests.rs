//! Workspaces that break each rule, and one that breaks none.

use std::collections::BTreeMap;

use super::*;
use crate::metadata::Dependency;

/// The workspace as the table wants it, with foreign crates to depend on; `edit` spoils it.
fn workspace(edit: impl FnOnce(&mut BTreeMap<String, Package>)) -> Vec<String> {
    let mut packages: BTreeMap<String, Package> =
        LAYERS.iter().map(|layer| (layer.package.to_owned(), member(layer.package, "crates"))).collect();
    packages.insert("quickstart".to_owned(), member("quickstart", "examples"));
    packages.insert(BENCHES.to_owned(), member(BENCHES, ""));
    for foreign in ["redis", "client"] {
        packages.insert(foreign.to_owned(), Package { name: foreign.to_owned(), ..Package::default() });
    }
    for layer in LAYERS {
        for used in layer.uses {
            depend(&mut packages, layer.package, used, false);
        }
    }
    depend(&mut packages, "roomkey-store", "redis", false);
    edit(&mut packages);
    problems(&Metadata { packages })
}

fn member(name: &str, folder: &str) -> Package {
    let manifest = format!("/w/{folder}/{name}/Cargo.toml").into();
    Package { name: name.to_owned(), member: true, manifest, ..Package::default() }
}

fn depend(packages: &mut BTreeMap<String, Package>, from: &str, to: &str, dev: bool) {
    let package = packages.entry(from.to_owned()).or_default();
    package.dependencies.push(Dependency { name: to.to_owned(), dev, versioned: false });
    if !dev {
        package.links.push(to.to_owned());
    }
}

#[test]
fn the_table_itself_is_accepted() {
    assert_eq!(workspace(|_| ()), [""; 0]);
}

#[test]
fn tests_may_use_the_test_crates_and_programs_may_use_everything() {
    let problems = workspace(|packages| {
        depend(packages, "roomkey-core", "roomkey-testkit", true);
        depend(packages, "roomkey-rooms", "roomkey-memory", true);
        depend(packages, "roomkey-rooms", "roomkey-store", true);
        depend(packages, "quickstart", "roomkey-store", false);
        depend(packages, BENCHES, "redis", false);
    });
    assert_eq!(problems, [""; 0]);
}

#[test]
fn an_edge_that_is_not_in_the_table_is_found() {
    let problems = workspace(|packages| depend(packages, "roomkey-crypto", "roomkey-core", false));
    assert_eq!(problems, ["roomkey-crypto: must not depend on roomkey-core"]);
    let problems = workspace(|packages| depend(packages, "xtask", "roomkey-testkit", false));
    assert_eq!(problems, ["xtask: must not depend on roomkey-testkit"]);
    let problems = workspace(|packages| depend(packages, "roomkey-vault", "roomkey-testkit", false));
    assert_eq!(problems, ["roomkey-vault: must not depend on roomkey-testkit"]);
}

#[test]
fn tests_do_not_turn_the_layers_around() {
    let problems = workspace(|packages| depend(packages, "roomkey-vault", "roomkey-rooms", true));
    assert_eq!(problems, ["roomkey-vault: must not in its tests depend on roomkey-rooms"]);
    let problems = workspace(|packages| depend(packages, "roomkey-crypto", "roomkey-testkit", true));
    assert_eq!(problems, ["roomkey-crypto: must not in its tests depend on roomkey-testkit"]);
}

#[test]
fn a_crate_without_a_row_and_a_row_without_a_crate_are_found() {
    let problems = workspace(|packages| {
        packages.insert("roomkey-new".to_owned(), member("roomkey-new", "crates"));
    });
    assert_eq!(problems, ["roomkey-new: has no row in the layer table of tidy/layers.rs"]);
    let problems = workspace(|packages| {
        packages.remove("roomkey-tokens");
    });
    assert_eq!(problems, ["roomkey-tokens: is in the layer table, yet not in the workspace"]);
}

#[test]
fn a_foreign_crate_has_one_user() {
    let problems = workspace(|packages| depend(packages, "roomkey-vault", "aes-gcm", true));
    assert_eq!(problems, ["roomkey-vault: aes-gcm belongs to roomkey-crypto and roomkey-benches"]);
    let problems = workspace(|packages| depend(packages, "quickstart", "bincode", false));
    assert_eq!(problems, ["quickstart: bincode belongs to roomkey-vault"]);
}

#[test]
fn redis_is_found_behind_a_detour() {
    let problems = workspace(|packages| {
        depend(packages, "roomkey-rooms", "client", false);
        depend(packages, "client", "redis", false);
    });
    assert_eq!(problems, ["roomkey-rooms: has redis in its tree: roomkey-rooms -> client -> redis"]);
}
