//! What the sources of a configuration have said, before it is known to be consistent.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Endpoint, RedisConfig, Tls, VerifyMode};
use crate::error::ConnectError;
use crate::secret::Secret;
use crate::tls;

/// Larger is a slip of the pen: a call that waits longer than an hour is not a call.
const MAX_TIMEOUT: Duration = Duration::from_secs(3600);
const MAX_CONNECTIONS: usize = 1024;

/// A setting that has the same text form in a variable and in a URL's parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Username,
    Password,
    PasswordFile,
    Db,
    SslVerifyMode,
    SslCaFile,
    SslCertFile,
    SslKeyFile,
    TimeoutMs,
    ConnectTimeoutMs,
    Lanes,
    PoolSize,
    ClientName,
}

impl Setting {
    /// Every such setting by its variable. Its parameter in a URL is the same name in lower case without `REDIS_`.
    pub(super) const ALL: [(&'static str, Self); 13] = [
        ("REDIS_USERNAME", Self::Username),
        ("REDIS_PASSWORD", Self::Password),
        ("REDIS_PASSWORD_FILE", Self::PasswordFile),
        ("REDIS_DB", Self::Db),
        ("REDIS_SSL_VERIFY_MODE", Self::SslVerifyMode),
        ("REDIS_SSL_CA_FILE", Self::SslCaFile),
        ("REDIS_SSL_CERT_FILE", Self::SslCertFile),
        ("REDIS_SSL_KEY_FILE", Self::SslKeyFile),
        ("REDIS_TIMEOUT_MS", Self::TimeoutMs),
        ("REDIS_CONNECT_TIMEOUT_MS", Self::ConnectTimeoutMs),
        ("REDIS_LANES", Self::Lanes),
        ("REDIS_POOL_SIZE", Self::PoolSize),
        ("REDIS_CLIENT_NAME", Self::ClientName),
    ];
}

/// A value, and what an error calls the place that it comes from.
#[derive(Clone, Debug)]
pub(super) struct Said<T> {
    pub(super) value: T,
    pub(super) by: &'static str,
}

/// PEM text from one of two places.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Pem {
    File(PathBuf),
    Text(Zeroizing<Vec<u8>>),
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Text(_) => f.write_str("Text(..)"),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) host: Option<Said<String>>,
    pub(super) port: Option<Said<u16>>,
    pub(super) unix_socket: Option<Said<PathBuf>>,
    pub(super) username: Option<Said<String>>,
    pub(super) password: Option<Said<Secret>>,
    pub(super) password_file: Option<Said<PathBuf>>,
    pub(super) db: Option<Said<u32>>,
    pub(super) tls: Option<Said<bool>>,
    pub(super) verify: Option<Said<VerifyMode>>,
    pub(super) ca: Option<Said<Pem>>,
    pub(super) client_cert: Option<Said<Pem>>,
    pub(super) client_key: Option<Said<Pem>>,
    pub(super) timeout: Option<Said<Duration>>,
    pub(super) connect_timeout: Option<Said<Duration>>,
    pub(super) lanes: Option<Said<usize>>,
    pub(super) pool_size: Option<Said<usize>>,
    pub(super) client_name: Option<Said<String>>,
}

/// Puts a value where there is none, and refuses a different one.
pub(super) fn say<T: PartialEq>(
    slot: &mut Option<Said<T>>,
    value: T,
    by: &'static str,
) -> Result<(), ConnectError> {
    match slot {
        Some(said) if said.value != value => {
            Err(conflict(said.by, by, "they say different things; remove one of them"))
        }
        Some(_) => Ok(()),
        None => {
            *slot = Some(Said { value, by });
            Ok(())
        }
    }
}

impl Draft {
    /// Takes a setting in its text form.
    pub(super) fn read(
        &mut self,
        setting: Setting,
        text: &str,
        by: &'static str,
    ) -> Result<(), ConnectError> {
        match setting {
            Setting::Username => say(&mut self.username, text.to_owned(), by),
            Setting::Password => say(&mut self.password, Secret::new(text.to_owned()), by),
            Setting::PasswordFile => say(&mut self.password_file, text.into(), by),
            Setting::Db => say(&mut self.db, number(text, by, "a database number, 0 or more")?, by),
            Setting::SslVerifyMode => say(&mut self.verify, verify_mode(text, by)?, by),
            Setting::SslCaFile => say(&mut self.ca, Pem::File(text.into()), by),
            Setting::SslCertFile => say(&mut self.client_cert, Pem::File(text.into()), by),
            Setting::SslKeyFile => say(&mut self.client_key, Pem::File(text.into()), by),
            Setting::TimeoutMs => say(&mut self.timeout, milliseconds(text, by)?, by),
            Setting::ConnectTimeoutMs => say(&mut self.connect_timeout, milliseconds(text, by)?, by),
            Setting::Lanes => say(&mut self.lanes, number(text, by, "a number of connections")?, by),
            Setting::PoolSize => say(&mut self.pool_size, number(text, by, "a number of connections")?, by),
            Setting::ClientName => say(&mut self.client_name, text.to_owned(), by),
        }
    }

    /// Checks everything against everything, reads the files, and gives the finished configuration.
    pub(super) fn settle(self) -> Result<RedisConfig, ConnectError> {
        let tls = self.settle_tls()?;
        let password = self.settle_password()?;
        if let (Some(username), None) = (&self.username, &password) {
            return Err(ConnectError::Invalid {
                name: username.by,
                expected: "accompanied by a password (REDIS_PASSWORD or REDIS_PASSWORD_FILE)",
            });
        }
        Ok(RedisConfig {
            endpoint: self.settle_endpoint()?,
            username: self.username.map(|said| said.value),
            password,
            db: self.db.map_or(0, |said| said.value),
            tls,
            timeout: duration(self.timeout, Duration::from_secs(2))?,
            connect_timeout: duration(self.connect_timeout, Duration::from_secs(1))?,
            lanes: connections(self.lanes, 2)?,
            pool_size: connections(self.pool_size, 8)?,
            client_name: client_name(self.client_name)?,
        })
    }

    fn settle_endpoint(&self) -> Result<Endpoint, ConnectError> {
        if let Some(socket) = &self.unix_socket {
            let other = [self.host.as_ref().map(|said| said.by), self.port.as_ref().map(|said| said.by)];
            if let Some(other) = other.into_iter().flatten().next() {
                return Err(conflict(socket.by, other, "a unix socket has neither host nor port"));
            }
            if cfg!(not(unix)) {
                return Err(ConnectError::Invalid {
                    name: socket.by,
                    expected: "a host: this platform has no unix sockets",
                });
            }
            return Ok(Endpoint::Unix(socket.value.clone()));
        }
        if let Some(said) = self.host.as_ref().filter(|said| !is_host(&said.value)) {
            return Err(ConnectError::Invalid {
                name: said.by,
                expected: "a host name or an address, without scheme, port or brackets",
            });
        }
        if let Some(said) = self.port.as_ref().filter(|said| said.value == 0) {
            return Err(ConnectError::Invalid { name: said.by, expected: PORT });
        }
        Ok(Endpoint::Tcp {
            host: self.host.as_ref().map_or_else(|| "localhost".to_owned(), |said| said.value.clone()),
            port: self.port.as_ref().map_or(6379, |said| said.value),
        })
    }

    fn settle_password(&self) -> Result<Option<Secret>, ConnectError> {
        let password = match (&self.password, &self.password_file) {
            (Some(password), Some(file)) => {
                return Err(conflict(password.by, file.by, "give the password once; remove one of them"));
            }
            (Some(password), None) => Some(password.value.clone()),
            (None, Some(file)) => Some(password_from(file)?),
            (None, None) => None,
        };
        Ok(password.filter(|password| !password.is_empty()))
    }

    fn settle_tls(&self) -> Result<Option<Tls>, ConnectError> {
        let details = [
            self.verify.as_ref().map(|said| said.by),
            self.ca.as_ref().map(|said| said.by),
            self.client_cert.as_ref().map(|said| said.by),
            self.client_key.as_ref().map(|said| said.by),
        ];
        let Some(on) = self.tls.as_ref().filter(|said| said.value) else {
            // Somebody who asks for verification and gets plain text has been let down.
            return match (details.into_iter().flatten().next(), &self.tls) {
                (Some(detail), Some(off)) => {
                    Err(conflict(off.by, detail, "TLS is off; use rediss:// or REDIS_USE_SSL=true"))
                }
                (Some(name), None) => Err(ConnectError::Invalid {
                    name,
                    expected: "accompanied by TLS: use rediss:// or REDIS_USE_SSL=true",
                }),
                (None, _) => Ok(None),
            };
        };
        if let Some(socket) = &self.unix_socket {
            return Err(conflict(socket.by, on.by, "a unix socket needs no TLS; remove one of them"));
        }
        let verify = self.verify.as_ref().map_or_else(VerifyMode::default, |said| said.value);
        if let (VerifyMode::None, Some(ca), Some(mode)) = (verify, &self.ca, &self.verify) {
            return Err(conflict(
                mode.by,
                ca.by,
                "an authority that is never asked protects nobody; remove one of them",
            ));
        }
        let identity = match (&self.client_cert, &self.client_key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (Some(cert), None) => {
                return Err(ConnectError::Invalid {
                    name: cert.by,
                    expected: "accompanied by the key of the certificate (REDIS_SSL_KEY_FILE)",
                });
            }
            (None, Some(key)) => {
                return Err(ConnectError::Invalid {
                    name: key.by,
                    expected: "accompanied by a certificate (REDIS_SSL_CERT_FILE)",
                });
            }
            (None, None) => None,
        };
        let mut material = tls::Material::default();
        if let Some(ca) = &self.ca {
            material.authorities = Some((ca.by, tls::certificates(&Pem::read(ca)?, ca.by)?));
        }
        if let Some((cert, key)) = identity {
            let chain = tls::certificates(&Pem::read(cert)?, cert.by)?;
            material.identity = Some((key.by, chain, tls::private_key(&Pem::read(key)?, key.by)?));
        }
        Ok(Some(Tls { verify, client: tls::client_config(verify, material)? }))
    }
}

impl Pem {
    fn read(said: &Said<Self>) -> Result<Zeroizing<Vec<u8>>, ConnectError> {
        match &said.value {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => fs::read(path)
                .map(Zeroizing::new)
                .map_err(|source| ConnectError::File { name: said.by, source }),
        }
    }
}

/// Reads a password file. Editors and secret managers end it with a line end that is not part of the password.
fn password_from(file: &Said<PathBuf>) -> Result<Secret, ConnectError> {
    let bytes =
        Zeroizing::new(fs::read(&file.value).map_err(|source| ConnectError::File { name: file.by, source })?);
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| ConnectError::Invalid { name: file.by, expected: "a file that holds UTF-8 text" })?;
    let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        return Err(ConnectError::Invalid {
            name: file.by,
            expected: "a file that holds the password; it is empty",
        });
    }
    Ok(Secret::new(line.to_owned()))
}

pub(super) const PORT: &str = "a number from 1 to 65535";

pub(super) fn conflict(first: &'static str, second: &'static str, advice: &'static str) -> ConnectError {
    ConnectError::Conflict { first, second, advice }
}

pub(super) fn number<T: std::str::FromStr>(
    text: &str,
    name: &'static str,
    expected: &'static str,
) -> Result<T, ConnectError> {
    text.parse().map_err(|_| ConnectError::Invalid { name, expected })
}

fn milliseconds(text: &str, by: &'static str) -> Result<Duration, ConnectError> {
    number(text, by, TIMEOUT).map(Duration::from_millis)
}

const TIMEOUT: &str = "between 1 millisecond and 1 hour (3600000)";

fn duration(said: Option<Said<Duration>>, default: Duration) -> Result<Duration, ConnectError> {
    match said {
        None => Ok(default),
        Some(Said { value, .. }) if (Duration::from_millis(1)..=MAX_TIMEOUT).contains(&value) => Ok(value),
        Some(Said { by, .. }) => Err(ConnectError::Invalid { name: by, expected: TIMEOUT }),
    }
}

fn connections(said: Option<Said<usize>>, default: usize) -> Result<usize, ConnectError> {
    match said {
        None => Ok(default),
        Some(Said { value, .. }) if (1..=MAX_CONNECTIONS).contains(&value) => Ok(value),
        Some(Said { by, .. }) => Err(ConnectError::Invalid { name: by, expected: "a number from 1 to 1024" }),
    }
}

fn client_name(said: Option<Said<String>>) -> Result<String, ConnectError> {
    match said {
        None => Ok("roomkey".to_owned()),
        // The server takes printable ASCII without spaces here, and nothing else.
        Some(Said { value, .. }) if !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic()) => {
            Ok(value)
        }
        Some(Said { by, .. }) => {
            Err(ConnectError::Invalid { name: by, expected: "printable ASCII without spaces" })
        }
    }
}

fn verify_mode(text: &str, by: &'static str) -> Result<VerifyMode, ConnectError> {
    match text.to_ascii_lowercase().as_str() {
        "none" => Ok(VerifyMode::None),
        "optional" => Ok(VerifyMode::Optional),
        "required" => Ok(VerifyMode::Required),
        _ => Err(ConnectError::Invalid { name: by, expected: "one of: none, optional, required" }),
    }
}

/// Catches the slips that would otherwise surface as a failed name lookup: `redis://db`, `db:6379`, `[::1]`.
fn is_host(text: &str) -> bool {
    let colons = text.matches(':').count();
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !text.contains(['/', '@', '[', ']'])
        && (colons == 0 || text.parse::<std::net::Ipv6Addr>().is_ok())
}
