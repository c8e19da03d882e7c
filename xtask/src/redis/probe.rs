//! Is this program a redis-server that Roomkey supports, and was it built with TLS?

use std::path::{Path, absolute};
use std::process::Command;
use std::time::Duration;

use super::Server;
use crate::failure::{Failure, Result, io};
use crate::process::ask;

/// Asks the program itself: neither its name nor a package's description says how it was built.
pub(super) fn probe(path: &Path) -> Result<Server> {
    // Not resolved further: Debian's redis-server is a link to redis-check-rdb and acts by the name it is called by.
    let path = absolute(path).map_err(|error| io(path.display(), &error))?;
    if !path.is_file() {
        return Err(Failure::new(format!("{} is not a file", path.display())));
    }
    let banner = answer(&path, &["--version"])?;
    let version = version(&banner).ok_or_else(|| {
        let said = banner.lines().next().unwrap_or_default();
        Failure::new(format!(
            "{} --version does not answer like a redis-server, but `{said}`",
            path.display()
        ))
    })?;
    if !supported(version) {
        return Err(Failure::new(format!(
            "{} is version {version}; 6.2 is the oldest supported",
            path.display()
        )));
    }
    let tls = misses_certificate(&answer(&path, &["--port", "0", "--tls-port", "1"])?);
    Ok(Server { version: version.to_owned(), path, tls })
}

fn answer(path: &Path, args: &[&str]) -> Result<String> {
    let name = path.display();
    let said = ask(Command::new(path).args(args).env("LC_ALL", "C"), Duration::from_secs(20))
        .map_err(|error| io(&name, &error))?;
    match said.status {
        Some(_) => Ok(said.text),
        None => Err(Failure::new(format!("{name} {} did not end within 20 s", args.join(" ")))),
    }
}

/// The `7.0.15` of `Redis server v=7.0.15 sha=…`, which Valkey writes alike.
fn version(banner: &str) -> Option<&str> {
    banner.split_whitespace().find_map(|word| word.strip_prefix("v="))
}

/// Whether a server that should listen for TLS only, and was given no certificate, knows enough of TLS to miss it.
///
/// A build without TLS does not know the option (as 6.2) or misses TLS itself (as 8.2, which takes `--tls-port 0`
/// in any build). All of them end before they listen on anything.
fn misses_certificate(said: &str) -> bool {
    said.contains("tls-cert-file")
}

fn supported(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (6, 2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A failed unwrap is a failed test.")]

    use super::*;

    #[test]
    fn reads_the_version_of_redis_and_valkey_only() {
        assert_eq!(
            version("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"),
            Some("7.0.15")
        );
        assert_eq!(version("Valkey server v=8.1.0 sha=00000000:0 bits=64"), Some("8.1.0"));
        assert_eq!(version("cat (GNU coreutils) 9.1"), None);
    }

    #[test]
    fn six_two_is_the_oldest() {
        assert!(supported("6.2.0") && supported("7.0.15") && supported("10.0.0"));
        assert!(!supported("6.0.16") && !supported("5.9") && !supported("nonsense"));
    }

    #[test]
    fn a_program_that_is_no_server_is_named_in_the_refusal() {
        let missing = probe(Path::new("/nowhere/redis-server")).unwrap_err();
        assert!(missing.message().contains("/nowhere/redis-server is not a file"), "{}", missing.message());
        let other = probe(Path::new("/bin/ls")).unwrap_err();
        assert!(other.message().contains("does not answer like a redis-server"), "{}", other.message());
    }

    #[test]
    fn only_a_build_that_misses_its_certificate_has_tls() {
        // As 7.0.15 with TLS says it, 6.2.14 without, and 8.2.3 without.
        assert!(misses_certificate("# No tls-cert-file configured!\n# Failed to configure TLS."));
        assert!(!misses_certificate(">>> 'tls-port \"1\"'\nBad directive or wrong number of arguments"));
        assert!(!misses_certificate(
            "# Missing implement of connection type tls\n# Failed finding TLS support."
        ));
    }
}
