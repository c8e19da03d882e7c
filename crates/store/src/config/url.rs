//! Redis URLs.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::Url;

use super::draft::{Draft, Setting, number, say};
use crate::error::ConnectError;
use crate::secret::Secret;

const SCHEMES: &str = "a URL that begins with redis://, rediss://, redis+unix:// or unix://";
/// The unknown name itself is not shown: with a forgotten percent sign it may be half a password.
const PARAMETERS: &str = "free of other parameters than username, password, password_file, db, ssl_verify_mode, \
     ssl_ca_file, ssl_cert_file, ssl_key_file, timeout_ms, connect_timeout_ms, lanes, pool_size and client_name \
     (and a ? inside a password is written %3F)";

pub(super) fn read(draft: &mut Draft, text: &str, by: &'static str) -> Result<(), ConnectError> {
    let invalid = |expected| ConnectError::Invalid { name: by, expected };
    // The parser's own errors are fixed texts, but ours can say what a Redis URL is.
    let url = Url::parse(text).map_err(|_| {
        invalid("a URL such as redis://user:password@host:6379/0 (in a password / ? # @ % are written %2F %3F %23 %40 %25)")
    })?;
    if url.fragment().is_some() {
        return Err(invalid(
            "free of a # part (for #insecure write ?ssl_verify_mode=none; a # in a password is %23)",
        ));
    }
    match url.scheme() {
        "redis" => {
            say(&mut draft.tls, false, by)?;
            read_server(draft, &url, by)?;
        }
        "rediss" => {
            say(&mut draft.tls, true, by)?;
            read_server(draft, &url, by)?;
        }
        "redis+unix" | "unix" => read_socket(draft, &url, by)?,
        _ => return Err(invalid(SCHEMES)),
    }
    for (name, value) in url.query_pairs() {
        let setting = parameter(&name).ok_or_else(|| invalid(PARAMETERS))?;
        draft.read(setting, &value, by)?;
    }
    Ok(())
}

fn read_server(draft: &mut Draft, url: &Url, by: &'static str) -> Result<(), ConnectError> {
    let invalid = |expected| ConnectError::Invalid { name: by, expected };
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| invalid("a URL with a host"))?;
    let host = decoded(host.trim_start_matches('[').trim_end_matches(']'), by)?;
    say(&mut draft.host, host, by)?;
    // The scheme defines the port, so a URL without one has said 6379.
    say(&mut draft.port, url.port().unwrap_or(6379), by)?;
    if !url.username().is_empty() {
        say(&mut draft.username, decoded(url.username(), by)?, by)?;
    }
    if let Some(password) = url.password().filter(|password| !password.is_empty()) {
        say(&mut draft.password, Secret::new(decoded(password, by)?), by)?;
    }
    let path = url.path().trim_start_matches('/');
    if !path.is_empty() {
        say(
            &mut draft.db,
            number(path, by, "a URL whose path is a database number, as in redis://host:6379/0")?,
            by,
        )?;
    }
    Ok(())
}

fn read_socket(draft: &mut Draft, url: &Url, by: &'static str) -> Result<(), ConnectError> {
    let invalid = |expected| ConnectError::Invalid { name: by, expected };
    if url.host_str().is_some_and(|host| !host.is_empty()) {
        return Err(invalid(
            "a URL with three slashes before the path of the socket: redis+unix:///run/redis.sock",
        ));
    }
    if !url.path().starts_with('/') || url.path() == "/" {
        return Err(invalid("a URL with the absolute path of a socket: redis+unix:///run/redis.sock"));
    }
    say(&mut draft.unix_socket, PathBuf::from(decoded(url.path(), by)?), by)
}

/// The setting that a parameter stands for. `user` and `pass` are how redis-rs and others write a socket's login.
fn parameter(name: &str) -> Option<Setting> {
    match name {
        "user" => Some(Setting::Username),
        "pass" => Some(Setting::Password),
        _ => Setting::ALL
            .into_iter()
            .find(|(variable, _)| {
                variable.strip_prefix("REDIS_").is_some_and(|bare| bare.to_ascii_lowercase() == name)
            })
            .map(|(_, setting)| setting),
    }
}

fn decoded(text: &str, by: &'static str) -> Result<String, ConnectError> {
    percent_decode_str(text)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| ConnectError::Invalid { name: by, expected: "a URL whose parts decode to UTF-8 text" })
}
