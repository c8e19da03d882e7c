//! What every manifest has to say.

use crate::metadata::{Metadata, Package};

const LICENSE: &str = "MIT OR Apache-2.0";

/// Checks each member; `manifest` returns the text of a package's Cargo.toml.
pub(super) fn problems(
    metadata: &Metadata,
    architecture: &str,
    manifest: impl Fn(&Package) -> String,
) -> Vec<String> {
    let mut problems = Vec::new();
    for package in metadata.members() {
        let mut complain = |what: String| problems.push(format!("{}: {what}", package.name));
        if !names(architecture, &package.name) {
            complain("is not named in ARCHITECTURE.md".to_owned());
        }
        if !inherits_lints(&manifest(package)) {
            complain("does not say `[lints] workspace = true`".to_owned());
        }
        if package.license != LICENSE {
            complain(format!("has the licence `{}` instead of `{LICENSE}`", package.license));
        }
        if package.published && (package.description.is_empty() || package.repository.is_empty()) {
            complain("is published without a description or a repository".to_owned());
        }
        for name in unpublishable(package, metadata) {
            complain(format!(
                "depends in its tests on {name} by version, so neither could be published first"
            ));
        }
        for name in unpublished(package, metadata) {
            complain(format!("is published, yet depends on {name}, which is not"));
        }
    }
    problems.extend(rust_version(metadata));
    problems
}

/// Whether the text has the name as a word: `roomkey-core` is not named by `roomkey-core-extra`.
fn names(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| word == name)
}

fn inherits_lints(manifest: &str) -> bool {
    let lines = manifest.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.skip_while(|line| *line != "[lints]").nth(1) == Some("workspace = true")
}

/// Cargo keeps a dev-dependency with a version when it publishes, and then the other crate must be there already:
/// impossible if that one needs this one, or is never published.
fn unpublishable<'a>(package: &'a Package, metadata: &'a Metadata) -> impl Iterator<Item = &'a str> {
    let names = package.dependencies.iter().filter(|dependency| dependency.dev && dependency.versioned);
    names.map(|dependency| dependency.name.as_str()).filter(|name| {
        let Some(other) = metadata.member(name) else { return false };
        let needs_us =
            || metadata.tree(name).iter().any(|(found, _)| found.member && found.name == package.name);
        package.published && (!other.published || needs_us())
    })
}

fn unpublished<'a>(package: &'a Package, metadata: &'a Metadata) -> impl Iterator<Item = &'a str> {
    let names = package.dependencies.iter().filter(|dependency| !dependency.dev && package.published);
    names
        .map(|dependency| dependency.name.as_str())
        .filter(|name| metadata.member(name).is_some_and(|other| !other.published))
}

/// The promised compiler is the oldest that builds the published crates: not older, which would be untrue, and not
/// newer without need.
fn rust_version(metadata: &Metadata) -> Vec<String> {
    let published: Vec<&Package> = metadata.members().filter(|package| package.published).collect();
    let foreign = published.iter().flat_map(|package| metadata.tree(&package.name)).map(|(found, _)| found);
    let Some(newest) = foreign.filter(|found| !found.member).max_by_key(|found| number(&found.rust_version))
    else {
        return Vec::new();
    };
    let wrong =
        metadata.members().filter(|package| number(&package.rust_version) != number(&newest.rust_version));
    wrong
        .map(|package| {
            let (name, stated, needed) = (&package.name, &package.rust_version, &newest.rust_version);
            format!("{name}: rust-version is {stated}, but {} {} needs {needed}", newest.name, newest.version)
        })
        .collect()
}

fn number(version: &str) -> Vec<u32> {
    let mut parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    parts.resize(3, 0);
    parts
}

#[cfg(test)]
mod tests;
