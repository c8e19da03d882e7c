//! Which crate may depend on which: the layer table of ARCHITECTURE.md, as a program can check it.
//!
//! A new edge is its own change with its own reason, and begins here.

use crate::metadata::{Metadata, Package};

/// A row of the table.
struct Layer {
    package: &'static str,
    /// What of ours it may be compiled with.
    uses: &'static [&'static str],
    /// What its tests may use besides.
    tests_use: &'static [&'static str],
}

const TEST_CRATES: &[&str] = &["roomkey-memory", "roomkey-testkit"];

/// The crates over a store show their behaviours on both stores.
const BOTH_STORES: &[&str] = &["roomkey-memory", "roomkey-store", "roomkey-testkit"];

const LAYERS: &[Layer] = &[
    Layer { package: "roomkey-core", uses: &[], tests_use: TEST_CRATES },
    // The two leaves do not know each other, not even in tests, which would bring core along.
    Layer { package: "roomkey-crypto", uses: &[], tests_use: &[] },
    Layer { package: "roomkey-memory", uses: &["roomkey-core"], tests_use: TEST_CRATES },
    // That no fault leads to a wrong plaintext is shown where the faults are made.
    Layer {
        package: "roomkey-store",
        uses: &["roomkey-core"],
        tests_use: &["roomkey-memory", "roomkey-testkit", "roomkey-vault"],
    },
    Layer { package: "roomkey-vault", uses: &["roomkey-core", "roomkey-crypto"], tests_use: BOTH_STORES },
    Layer {
        package: "roomkey-tokens",
        uses: &["roomkey-core", "roomkey-crypto", "roomkey-vault"],
        tests_use: BOTH_STORES,
    },
    Layer {
        package: "roomkey-rooms",
        uses: &["roomkey-core", "roomkey-crypto", "roomkey-vault"],
        tests_use: BOTH_STORES,
    },
    Layer {
        package: "roomkey-axum",
        uses: &["roomkey-core", "roomkey-tokens", "roomkey-vault"],
        // The key ring besides, to lose a key of it.
        tests_use: &["roomkey-crypto", "roomkey-memory", "roomkey-store", "roomkey-testkit"],
    },
    Layer { package: "roomkey-testkit", uses: &["roomkey-core", "roomkey-memory"], tests_use: &[] },
    Layer { package: "xtask", uses: &[], tests_use: &[] },
];

/// Foreign crates that only one of ours names; whoever replaces one of them then has one place to look.
const SOLE_USERS: &[(&str, &[&str])] = &[
    ("redis", &["roomkey-store", BENCHES]),
    ("deadpool-redis", &["roomkey-store", BENCHES]),
    ("aes-gcm", &["roomkey-crypto", BENCHES]),
    ("bincode", &["roomkey-vault"]),
    ("axum-core", &["roomkey-axum"]),
    ("tower-sessions-core", &["roomkey-axum", FUZZ]),
    ("mockall", &["roomkey-testkit"]),
    ("fred", &[BENCHES]),
    ("rustis", &[BENCHES]),
];

/// The harness measures us against our own foundations, so it names them all and may use every crate.
const BENCHES: &str = "roomkey-benches";

/// Every member's place in the table, and what is below it.
pub(super) fn problems(metadata: &Metadata) -> Vec<String> {
    let mut problems = Vec::new();
    for package in metadata.members() {
        match LAYERS.iter().find(|layer| layer.package == package.name) {
            Some(layer) => problems.extend(edges(package, layer, metadata)),
            None if is_program(package) => {}
            None => {
                problems.push(format!("{}: has no row in the layer table of tidy/layers.rs", package.name))
            }
        }
        problems.extend(foreign(package));
    }
    for layer in LAYERS.iter().filter(|layer| metadata.member(layer.package).is_none()) {
        problems.push(format!("{}: is in the layer table, yet not in the workspace", layer.package));
    }
    problems.extend(metadata.members().flat_map(|package| without_redis(package, metadata)));
    problems
}

fn edges(package: &Package, layer: &Layer, metadata: &Metadata) -> Vec<String> {
    let ours = package.dependencies.iter().filter(|dependency| metadata.member(&dependency.name).is_some());
    let forbidden = ours.filter(|dependency| {
        let name = dependency.name.as_str();
        let allowed = if dependency.dev { layer.tests_use } else { &[] };
        !layer.uses.contains(&name) && !allowed.contains(&name)
    });
    let kind = |dev| if dev { "in its tests " } else { "" };
    forbidden
        .map(|dependency| {
            format!("{}: must not {}depend on {}", package.name, kind(dependency.dev), dependency.name)
        })
        .collect()
}

/// The fuzzers read what every crate reads.
const FUZZ: &str = "roomkey-fuzz";

/// Examples, benchmarks and fuzzers stand on top of everything.
fn is_program(package: &Package) -> bool {
    [BENCHES, FUZZ].contains(&package.name.as_str())
        || package.folder().parent().is_some_and(|folder| folder.ends_with("examples"))
}

fn foreign(package: &Package) -> Vec<String> {
    let named = |name: &str| package.dependencies.iter().any(|dependency| dependency.name == name);
    SOLE_USERS
        .iter()
        .filter(|(name, users)| named(name) && !users.contains(&package.name.as_str()))
        .map(|(name, users)| format!("{}: {name} belongs to {}", package.name, users.join(" and ")))
        .collect()
}

/// A service that takes only rooms, tokens or a vault gets no Redis client with them, through whatever detour.
fn without_redis(package: &Package, metadata: &Metadata) -> Option<String> {
    let is_library = LAYERS.iter().any(|layer| layer.package == package.name);
    if !is_library || package.name == "roomkey-store" {
        return None;
    }
    let tree = metadata.tree(&package.name);
    let (_, chain) = tree.into_iter().find(|(found, _)| found.name == "redis")?;
    Some(format!("{}: has redis in its tree: {chain}", package.name))
}

#[cfg(test)]
mod tests;
