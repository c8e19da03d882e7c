//! Manifests that break each rule, and one workspace that breaks none.

use std::collections::BTreeMap;

use super::*;
use crate::metadata::Dependency;

const MANIFEST: &str = "[package]\nname = \"x\"\n\n[lints]\n# Those of the root.\nworkspace = true\n";
const ARCHITECTURE: &str = "Layers: `roomkey-core`, `roomkey-memory`, and roomkey-testkit for tests.";

/// Core below memory below testkit, above one foreign crate that sets the compiler; `edit` spoils it.
fn workspace(edit: impl FnOnce(&mut BTreeMap<String, Package>)) -> Vec<String> {
    problems(&metadata(edit), ARCHITECTURE, |_| MANIFEST.to_owned())
}

fn metadata(edit: impl FnOnce(&mut BTreeMap<String, Package>)) -> Metadata {
    let member = |name: &str, links: &[&str]| Package {
        name: name.to_owned(),
        member: true,
        published: name != "roomkey-testkit",
        license: LICENSE.to_owned(),
        description: "A crate".to_owned(),
        repository: "https://example.org".to_owned(),
        rust_version: "1.89".to_owned(),
        links: links.iter().map(|&link| link.to_owned()).collect(),
        ..Package::default()
    };
    let aes = Package {
        name: "aes".to_owned(),
        version: "0.9.4".to_owned(),
        rust_version: "1.89.0".to_owned(),
        ..Package::default()
    };
    let list = [
        member("roomkey-core", &["aes"]),
        member("roomkey-memory", &["roomkey-core"]),
        member("roomkey-testkit", &["roomkey-memory"]),
        aes,
    ];
    let mut packages: BTreeMap<String, Package> =
        list.into_iter().map(|package| (package.name.clone(), package)).collect();
    edit(&mut packages);
    Metadata { packages }
}

fn change<'a>(packages: &'a mut BTreeMap<String, Package>, name: &str) -> &'a mut Package {
    packages.entry(name.to_owned()).or_default()
}

fn depend(packages: &mut BTreeMap<String, Package>, from: &str, to: &str, dev: bool, versioned: bool) {
    change(packages, from).dependencies.push(Dependency { name: to.to_owned(), dev, versioned });
}

#[test]
fn a_workspace_in_order_is_accepted() {
    assert_eq!(workspace(|_| ()), [""; 0]);
    let with_tests = workspace(|packages| depend(packages, "roomkey-core", "roomkey-testkit", true, false));
    assert_eq!(with_tests, [""; 0]);
}

#[test]
fn each_crate_is_named_by_its_whole_name() {
    let text = "`roomkey-core-extra`, roomkey-memory and roomkey-testkit";
    let found = problems(&metadata(|_| ()), text, |_| MANIFEST.to_owned());
    assert_eq!(found, ["roomkey-core: is not named in ARCHITECTURE.md"]);
}

#[test]
fn each_crate_takes_the_lints_of_the_root() {
    assert!(inherits_lints(MANIFEST));
    assert!(!inherits_lints("[package]\nworkspace = true\n"));
    assert!(!inherits_lints("[lints]\n\n[features]\nworkspace = true\n"));
    let found = problems(&metadata(|_| ()), ARCHITECTURE, |_| "[package]\n".to_owned());
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn licence_and_description_are_required() {
    let found = workspace(|packages| change(packages, "roomkey-core").license = "MIT".to_owned());
    assert_eq!(found, ["roomkey-core: has the licence `MIT` instead of `MIT OR Apache-2.0`"]);
    let found = workspace(|packages| change(packages, "roomkey-core").description.clear());
    assert_eq!(found, ["roomkey-core: is published without a description or a repository"]);
    assert_eq!(workspace(|packages| change(packages, "roomkey-testkit").repository.clear()), [""; 0]);
}

#[test]
fn a_test_dependency_must_not_stand_in_the_way_of_publishing() {
    let by_version = |from, to| workspace(|packages| depend(packages, from, to, true, true));
    let found = by_version("roomkey-core", "roomkey-memory");
    assert_eq!(
        found,
        [
            "roomkey-core: depends in its tests on roomkey-memory by version, so neither could be published first"
        ]
    );
    assert_eq!(by_version("roomkey-memory", "roomkey-testkit").len(), 1, "testkit is never published");
    assert_eq!(by_version("roomkey-memory", "roomkey-core"), [""; 0], "core is published before");
}

#[test]
fn a_published_crate_needs_published_crates() {
    let found = workspace(|packages| depend(packages, "roomkey-memory", "roomkey-testkit", false, false));
    assert_eq!(found, ["roomkey-memory: is published, yet depends on roomkey-testkit, which is not"]);
}

#[test]
fn the_compiler_is_the_one_that_the_dependencies_need() {
    let needs = |version: &str| {
        workspace(|packages| change(packages, "aes").rust_version = version.to_owned())
            .into_iter()
            .filter(|problem| problem.starts_with("roomkey-core"))
            .collect::<Vec<_>>()
    };
    assert_eq!(needs("1.89"), [""; 0]);
    assert_eq!(needs("1.100"), ["roomkey-core: rust-version is 1.89, but aes 0.9.4 needs 1.100"]);
    assert_eq!(needs("1.70"), ["roomkey-core: rust-version is 1.89, but aes 0.9.4 needs 1.70"]);
}
