//! `apt-get install redis-server`, without the service that the package would start.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::failure::{Failure, Result};
use crate::process::{ask, on_path, stream};

/// Installs the package on a Debian-like machine, which only root may do.
pub(super) fn install() -> Result<PathBuf> {
    if on_path("apt-get").is_none() {
        return Err(Failure::new("there is no apt-get"));
    }
    if !is_root() {
        return Err(Failure::new("only root can install a package"));
    }
    let _no_service = ServiceHeld::hold();
    // A fresh image has no package lists, an older one stale ones: then the first attempt fails and the second works.
    if package().is_err() {
        stream(apt_get().arg("update"))?;
        package()?;
    }
    on_path("redis-server")
        .ok_or_else(|| Failure::new("the package is installed, yet redis-server is not on PATH"))
}

fn package() -> Result {
    stream(apt_get().args(["install", "--yes", "--no-install-recommends", "redis-server"]))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    // Another apt may be at work; it is worth a short wait. Terminal tricks have no place in a log.
    command.args(["-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0"]);
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command
}

fn is_root() -> bool {
    ask(Command::new("id").arg("-u"), Duration::from_secs(10)).is_ok_and(|said| said.text.trim() == "0")
}

/// While it lives, systemd does not start the service of the package, which nobody asked for. In a container, where
/// no init runs, Debian starts none anyway.
///
/// The mask lies in `/run`, so that nothing of it survives a reboot even if we do not get to take it away.
struct ServiceHeld;

impl ServiceHeld {
    fn hold() -> Option<Self> {
        let systemd_runs = Path::new("/run/systemd/system").is_dir();
        (systemd_runs && systemctl("mask")).then_some(Self)
    }
}

impl Drop for ServiceHeld {
    fn drop(&mut self) {
        systemctl("unmask");
    }
}

fn systemctl(verb: &str) -> bool {
    let mut command = Command::new("systemctl");
    let said = ask(command.args([verb, "--runtime", "redis-server.service"]), Duration::from_secs(30));
    said.is_ok_and(|said| said.status.is_some_and(|status| status.success()))
}
