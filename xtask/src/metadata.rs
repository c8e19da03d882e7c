//! What cargo knows about the workspace and its dependencies: the part of `cargo metadata` that we use.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::failure::{Failure, Result, io};
use crate::process::cargo;

/// Every package of the dependency graph, with its edges.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    /// By cargo's package id.
    pub(crate) packages: BTreeMap<String, Package>,
}

/// A package as its manifest describes it and as cargo resolved it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest: PathBuf,
    pub(crate) member: bool,
    pub(crate) published: bool,
    pub(crate) license: String,
    pub(crate) description: String,
    pub(crate) repository: String,
    /// Empty if it states none.
    pub(crate) rust_version: String,
    pub(crate) dependencies: Vec<Dependency>,
    /// What it is compiled with, tests aside: the ids of its normal and build dependencies.
    pub(crate) links: Vec<String>,
}

/// A line of a dependency table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) dev: bool,
    /// Whether it names a version besides its path.
    pub(crate) versioned: bool,
}

impl Metadata {
    pub(crate) fn load() -> Result<Self> {
        Ok(Self::read(&query(&[])?))
    }

    /// The packages of the workspace, by name.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| package.member)
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Package> {
        self.members().find(|package| package.name == name)
    }

    /// Everything that is compiled into a member, tests aside, each with the chain of names that leads to it,
    /// which is a shortest one.
    pub(crate) fn tree(&self, name: &str) -> Vec<(&Package, String)> {
        let root = self.packages.iter().find(|(_, package)| package.member && package.name == name);
        let mut found: BTreeMap<&str, String> = BTreeMap::new();
        let mut queue: VecDeque<&str> = VecDeque::new();
        if let Some((id, package)) = root {
            found.insert(id, package.name.clone());
            queue.push_back(id);
        }
        while let Some(id) = queue.pop_front() {
            let chain = found[id].clone();
            for link in &self.packages[id].links {
                if let (false, Some(next)) = (found.contains_key(link.as_str()), self.packages.get(link)) {
                    found.insert(link, format!("{chain} -> {}", next.name));
                    queue.push_back(link);
                }
            }
        }
        found.into_iter().map(|(id, chain)| (&self.packages[id], chain)).collect()
    }

    fn read(json: &Value) -> Self {
        let members: Vec<&str> = list(json, "workspace_members").iter().filter_map(Value::as_str).collect();
        let mut packages: BTreeMap<String, Package> = list(json, "packages")
            .iter()
            .map(|package| {
                let id = text(package, "id");
                let member = members.contains(&id.as_str());
                (id, Package::read(package, member))
            })
            .collect();
        for node in list(&json["resolve"], "nodes") {
            if let Some(package) = packages.get_mut(&text(node, "id")) {
                package.links = links(node);
            }
        }
        Self { packages }
    }
}

impl Package {
    fn read(json: &Value, member: bool) -> Self {
        Self {
            name: text(json, "name"),
            version: text(json, "version"),
            manifest: text(json, "manifest_path").into(),
            member,
            // `publish = false` is an empty list of registries here, and no restriction is null.
            published: json["publish"].as_array().is_none_or(|registries| !registries.is_empty()),
            license: text(json, "license"),
            description: text(json, "description"),
            repository: text(json, "repository"),
            rust_version: text(json, "rust_version"),
            dependencies: list(json, "dependencies").iter().map(Dependency::read).collect(),
            links: Vec::new(),
        }
    }

    /// The folder of its manifest.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest.parent().unwrap_or_else(|| Path::new(""))
    }
}

impl Dependency {
    fn read(json: &Value) -> Self {
        Self { name: text(json, "name"), dev: json["kind"] == "dev", versioned: json["req"] != "*" }
    }
}

/// Where cargo puts what it builds, and where we put what we keep.
pub(crate) fn target_dir() -> Result<PathBuf> {
    Ok(text(&query(&["--no-deps"])?, "target_directory").into())
}

fn query(args: &[&str]) -> Result<Value> {
    let mut command = cargo("metadata");
    command.args(["--format-version", "1"]).args(args).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| io("cargo metadata", &error))?;
    if !output.status.success() {
        return Err(Failure::new(format!("cargo metadata failed ({})", output.status)));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::new(format!("cargo metadata wrote no JSON: {error}")))
}

fn links(node: &Value) -> Vec<String> {
    let compiled_in = |dep: &&Value| list(dep, "dep_kinds").iter().any(|kind| kind["kind"] != "dev");
    list(node, "deps").iter().filter(compiled_in).map(|dep| text(dep, "pkg")).collect()
}

fn list<'a>(json: &'a Value, name: &str) -> &'a [Value] {
    json[name].as_array().map_or(&[], Vec::as_slice)
}

fn text(json: &Value, name: &str) -> String {
    json[name].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A failed unwrap is a failed test.")]

    use serde_json::json;

    use super::*;

    #[test]
    fn reads_kinds_versions_and_edges() {
        let package = |id: &str, publish: Value| {
            json!({ "id": id, "name": id, "publish": publish, "dependencies": [
                { "name": "a", "kind": null, "req": "^1" }, { "name": "b", "kind": "dev", "req": "*" } ] })
        };
        let metadata = Metadata::read(&json!({
            "workspace_members": ["top"],
            "packages": [package("top", json!([])), package("a", Value::Null), package("b", Value::Null)],
            "resolve": { "nodes": [{ "id": "top", "deps": [
                { "pkg": "a", "dep_kinds": [{ "kind": "dev" }, { "kind": "build" }] },
                { "pkg": "b", "dep_kinds": [{ "kind": "dev" }] } ] }] }
        }));
        let top = metadata.member("top").unwrap();
        assert!(!top.published && metadata.packages["a"].published);
        assert_eq!(metadata.members().count(), 1);
        assert_eq!(top.dependencies[0], Dependency { name: "a".into(), dev: false, versioned: true });
        assert_eq!(top.dependencies[1], Dependency { name: "b".into(), dev: true, versioned: false });
        let chains: Vec<String> = metadata.tree("top").into_iter().map(|(_, chain)| chain).collect();
        assert_eq!(chains, ["top -> a", "top"], "what only tests use is not in the tree");
    }
}
