//! Redis URLs.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::Url;
use zeroize::Zeroizing;

use super::draft::{Draft, number, say};
use super::setting::Setting;
use super::topology::{Endpoint, SERVER_PORT, endpoints};
use crate::error::ConnectError;
use crate::secret::Secret;

const SCHEMES: &str = "a URL that begins with redis://, rediss://, redis+unix://, unix://, redis-sentinel://, \
     rediss-sentinel://, redis-cluster:// or rediss-cluster://";
/// The unknown name itself is not shown: with a forgotten percent sign it may be half a password.
const PARAMETERS: &str = "free of other parameters than username, password, password_file, db, master, \
     sentinel_username, sentinel_password, sentinel_password_file, ssl_verify_mode, ssl_server_name, ssl_ca_file, \
     ssl_cert_file, ssl_key_file, timeout_ms, connect_timeout_ms, max_connection_age_ms, lanes, pool_size, \
     max_in_flight, large_value_bytes, wait_replicas, wait_timeout_ms and client_name (and a ? inside a password is \
     written %3F)";

/// The kinds of servers that a scheme stands for.
#[derive(Clone, Copy)]
enum Servers {
    One,
    Sentinels,
    Cluster,
}

pub(super) fn read(draft: &mut Draft, text: &str, by: &'static str) -> Result<(), ConnectError> {
    let invalid = |expected| ConnectError::Invalid { name: by, expected };
    let Some((start, hosts, end)) = split(text) else { return Err(invalid(SHAPE)) };
    // With several hosts it is no URL by the standard, so the parser gets to see one whose host says nothing.
    let standard = Zeroizing::new(format!("{start}{}{end}", if hosts.is_empty() { "" } else { "host" }));
    // The parser's own errors are fixed texts, but ours can say what a Redis URL is.
    let url = Url::parse(&standard).map_err(|_| invalid(SHAPE))?;
    if url.fragment().is_some() {
        return Err(invalid(
            "free of a # part (for #insecure write ?ssl_verify_mode=none; a # in a password is %23)",
        ));
    }
    let (servers, tls) = match url.scheme() {
        "redis" => (Servers::One, false),
        "rediss" => (Servers::One, true),
        "redis-sentinel" => (Servers::Sentinels, false),
        "rediss-sentinel" => (Servers::Sentinels, true),
        "redis-cluster" => (Servers::Cluster, false),
        "rediss-cluster" => (Servers::Cluster, true),
        "redis+unix" | "unix" => {
            read_socket(draft, &url, hosts, by)?;
            return read_parameters(draft, &url, by);
        }
        _ => return Err(invalid(SCHEMES)),
    };
    say(&mut draft.tls, tls, by)?;
    read_hosts(draft, servers, hosts, by)?;
    read_login_and_db(draft, &url, by)?;
    read_parameters(draft, &url, by)
}

const SHAPE: &str = "a URL such as redis://user:password@host:6379/0 \
     (in a password / ? # @ % are written %2F %3F %23 %40 %25)";

/// Splits a URL into what stands before its hosts, the hosts with their ports, and what stands behind them.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let scheme = text.find("://")? + "://".len();
    let end = text[scheme..].find(['/', '?', '#']).map_or(text.len(), |at| scheme + at);
    let start = text[scheme..end].rfind('@').map_or(scheme, |at| scheme + at + 1);
    Some((&text[..start], &text[start..end], &text[end..]))
}

fn read_hosts(
    draft: &mut Draft,
    servers: Servers,
    hosts: &str,
    by: &'static str,
) -> Result<(), ConnectError> {
    let invalid = |expected| ConnectError::Invalid { name: by, expected };
    if hosts.is_empty() {
        return Err(invalid("a URL with a host"));
    }
    let hosts = decoded(hosts, by)?;
    match servers {
        Servers::Sentinels => say(&mut draft.sentinels, hosts, by),
        Servers::Cluster => say(&mut draft.cluster, hosts, by),
        Servers::One => {
            // The scheme defines the port, so a URL without one has said 6379.
            let hosts = endpoints(&hosts, SERVER_PORT).ok_or_else(|| invalid(SHAPE))?;
            let [Endpoint::Tcp { host, port }] = &hosts[..] else {
                return Err(invalid(
                    "a URL with one host (several go with redis-sentinel:// and redis-cluster://)",
                ));
            };
            say(&mut draft.host, host.clone(), by)?;
            say(&mut draft.port, *port, by)
        }
    }
}

fn read_login_and_db(draft: &mut Draft, url: &Url, by: &'static str) -> Result<(), ConnectError> {
    if !url.username().is_empty() {
        say(&mut draft.login.username, decoded(url.username(), by)?, by)?;
    }
    if let Some(password) = url.password().filter(|password| !password.is_empty()) {
        say(&mut draft.login.password, Secret::new(decoded(password, by)?), by)?;
    }
    let path = url.path().trim_start_matches('/');
    if !path.is_empty() {
        let db = number(path, by, "a URL whose path is a database number, as in redis://host:6379/0")?;
        say(&mut draft.db, db, by)?;
    }
    Ok(())
}

fn read_socket(draft: &mut Draft, url: &Url, hosts: &str, by: &'static str) -> Result<(), ConnectError> {
    let invalid = |expected| ConnectError::Invalid { name: by, expected };
    if !hosts.is_empty() {
        return Err(invalid(
            "a URL with three slashes before the path of the socket: redis+unix:///run/redis.sock",
        ));
    }
    if !url.path().starts_with('/') || url.path() == "/" {
        return Err(invalid("a URL with the absolute path of a socket: redis+unix:///run/redis.sock"));
    }
    say(&mut draft.unix_socket, PathBuf::from(decoded(url.path(), by)?), by)
}

fn read_parameters(draft: &mut Draft, url: &Url, by: &'static str) -> Result<(), ConnectError> {
    for (name, value) in url.query_pairs() {
        let setting =
            Setting::of_parameter(&name).ok_or(ConnectError::Invalid { name: by, expected: PARAMETERS })?;
        draft.read(setting, &value, by)?;
    }
    Ok(())
}

fn decoded(text: &str, by: &'static str) -> Result<String, ConnectError> {
    percent_decode_str(text)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| ConnectError::Invalid { name: by, expected: "a URL whose parts decode to UTF-8 text" })
}
