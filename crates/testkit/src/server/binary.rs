//! Finding the `redis-server` program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt};

/// The environment variable that names the program, before `PATH` is searched.
pub(super) const VARIABLE: &str = "ROOMKEY_REDIS_SERVER";

/// A `redis-server` program and its version.
#[derive(Debug, Clone)]
pub struct Binary {
    path: PathBuf,
    version: (u32, u32, u32),
}

impl Binary {
    /// The program that `ROOMKEY_REDIS_SERVER` names, else the first `redis-server` (or `valkey-server`) on
    /// `PATH`.
    ///
    /// # Panics
    /// When there is none: a test that needs Redis must not pass without it.
    pub fn find() -> Self {
        let path = match env::var_os(VARIABLE) {
            Some(given) => PathBuf::from(given),
            None => on_path(&["redis-server", "valkey-server"]).unwrap_or_else(|| {
                panic!(
                    "this test needs a redis-server and found none on PATH. Run `cargo xtask test`, which provides one, \
                     or set {VARIABLE} to the program"
                )
            }),
        };
        let version = version(&path);
        Self { path, version }
    }

    /// Where the program lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Major, minor and patch version.
    pub fn version(&self) -> (u32, u32, u32) {
        self.version
    }

    /// Whether the program is of this major and minor version or a later one.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        (self.version.0, self.version.1) >= (major, minor)
    }

    /// Whether the program was built with TLS. [`ServerOptions::tls`](super::ServerOptions::tls) works with
    /// both kinds.
    ///
    /// # Panics
    /// When the program cannot be run.
    pub fn has_tls(&self) -> bool {
        // A build with TLS misses its certificate; one without does not know the option (as 6.2) or
        // misses TLS itself (as 8.2). All of them end before they listen on anything.
        let output = run(&self.path, &["--port", "0", "--tls-port", "1"]);
        output.contains("tls-cert-file")
    }
}

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = self.version;
        write!(f, "{} {major}.{minor}.{patch}", self.path.display())
    }
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}

/// Reads `… v=7.0.15 …` out of what the program says about itself.
fn version(path: &Path) -> (u32, u32, u32) {
    let text = run(path, &["--version"]);
    let number = |text: &str| text.parse::<u32>().ok();
    let parsed = text.split_whitespace().find_map(|word| {
        let mut parts = word.strip_prefix("v=")?.split('.').map(number);
        Some((parts.next()??, parts.next()??, parts.next()??))
    });
    parsed.unwrap_or_else(|| panic!("{} --version says {text:?}, which names no version", path.display()))
}

/// What the program prints until it ends.
fn run(path: &Path, args: &[&str]) -> String {
    let output = Command::new(path)
        .args(args)
        .output()
        .unwrap_or_else(|e| panic!("cannot run {}: {e}. {VARIABLE} or PATH names it", path.display()));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
