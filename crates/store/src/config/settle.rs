//! From what was said to a configuration: everything checked against everything, and the files read.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;

use super::RedisConfig;
use super::draft::{Draft, Login, PORT, Said, conflict, secret_file, switch};
use super::tls::{Material, Tls, VerifyMode};
use super::topology::{Endpoint, SENTINEL_PORT, SERVER_PORT, Topology, endpoints, is_host};
use crate::credentials::{Credentials, CredentialsProvider, PasswordFile};
use crate::error::ConnectError;

/// Larger is a slip of the pen: a call that waits longer than an hour is not a call.
const MAX_TIMEOUT: Duration = Duration::from_secs(3600);
/// Shorter, and a store does little else than open connections.
const MIN_CONNECTION_AGE: Duration = Duration::from_millis(100);
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

impl Draft {
    /// The finished configuration, if there is nothing wrong with it.
    pub(super) fn settle(self) -> Result<RedisConfig, ConnectError> {
        let topology = self.settle_topology()?;
        let tls = self.settle_tls()?;
        let timeout = duration(self.timeout.as_ref(), Duration::from_secs(2))?;
        let wait_timeout = self.settle_wait_timeout(timeout)?;
        Ok(RedisConfig {
            topology,
            credentials: self
                .login
                .settle("accompanied by a password (REDIS_PASSWORD or REDIS_PASSWORD_FILE)")?,
            sentinel_credentials: self.sentinel_login.settle(
                "accompanied by a password (REDIS_SENTINEL_PASSWORD or REDIS_SENTINEL_PASSWORD_FILE)",
            )?,
            db: self.db.map_or(0, |said| said.value),
            tls,
            timeout,
            connect_timeout: duration(self.connect_timeout.as_ref(), Duration::from_secs(1))?,
            max_connection_age: connection_age(self.max_connection_age)?,
            lanes: within(self.lanes, 2, 1..=1024, "a number from 1 to 1024")?,
            pool_size: within(self.pool_size, 8, 1..=1024, "a number from 1 to 1024")?,
            max_in_flight: within(self.max_in_flight, 16_384, 1..=1_048_576, "a number from 1 to 1048576")?,
            large_value_bytes: within(
                self.large_value_bytes,
                64 * 1024,
                1024..=512 * 1024 * 1024,
                "a number from 1024 to 536870912 (512 MiB)",
            )?,
            wait_replicas: self.wait_replicas.map_or(0, |said| said.value),
            wait_timeout,
            client_name: client_name(self.client_name)?,
        })
    }

    fn settle_topology(&self) -> Result<Topology, ConnectError> {
        if let (Some(sentinels), Some(cluster)) = (&self.sentinels, &self.cluster) {
            return Err(conflict(
                sentinels.by,
                cluster.by,
                "a cluster looks after its masters without sentinels; remove one of them",
            ));
        }
        let single = first([by(&self.unix_socket), by(&self.host), by(&self.port)]);
        let many = first([by(&self.sentinels), by(&self.cluster)]);
        if let (Some(many), Some(single)) = (many, single) {
            return Err(conflict(
                many,
                single,
                "the one names several servers, the other one; remove one of them",
            ));
        }
        if let Some(sentinels) = &self.sentinels {
            let Some(master) = self.sentinel_master.as_ref().filter(|said| !said.value.is_empty()) else {
                return Err(ConnectError::Invalid {
                    name: sentinels.by,
                    expected: "accompanied by the name of the master (REDIS_SENTINEL_MASTER, or ?master= in a URL)",
                });
            };
            return Ok(Topology::Sentinel {
                sentinels: several(sentinels, SENTINEL_PORT)?,
                master: master.value.clone(),
            });
        }
        self.refuse_sentinel_settings()?;
        if let Some(cluster) = &self.cluster {
            return match self.db.as_ref().filter(|said| said.value != 0) {
                Some(db) => Err(conflict(db.by, cluster.by, "a cluster has only database 0")),
                None => Ok(Topology::Cluster { seeds: several(cluster, SERVER_PORT)? }),
            };
        }
        self.settle_endpoint().map(Topology::Single)
    }

    fn refuse_sentinel_settings(&self) -> Result<(), ConnectError> {
        let Login { username, password, password_file, provider } = &self.sentinel_login;
        let about =
            first([by(&self.sentinel_master), by(username), by(password), by(password_file), by(provider)]);
        match (about, &self.cluster) {
            (None, _) => Ok(()),
            (Some(name), Some(cluster)) => Err(conflict(
                name,
                cluster.by,
                "a cluster looks after its masters without sentinels; remove one of them",
            )),
            (Some(name), None) => Err(ConnectError::Invalid {
                name,
                expected: "accompanied by the sentinels (redis-sentinel:// or REDIS_SENTINELS)",
            }),
        }
    }

    fn settle_endpoint(&self) -> Result<Endpoint, ConnectError> {
        if let Some(socket) = &self.unix_socket {
            if let Some(other) = first([by(&self.host), by(&self.port)]) {
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
            port: self.port.as_ref().map_or(SERVER_PORT, |said| said.value),
        })
    }

    fn settle_tls(&self) -> Result<Option<Tls>, ConnectError> {
        let details = [
            by(&self.verify),
            by(&self.server_name),
            by(&self.ca),
            by(&self.client_cert),
            by(&self.client_key),
        ];
        let Some(on) = self.tls.as_ref().filter(|said| said.value) else {
            // Somebody who asks for verification and gets plain text has been let down.
            return match (first(details), &self.tls) {
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
            (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
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
        let server_name = match &self.server_name {
            None => None,
            Some(said) => Some(ServerName::try_from(said.value.clone()).map_err(|_| {
                ConnectError::Invalid { name: said.by, expected: "a DNS name or an address" }
            })?),
        };
        Tls::new(verify, server_name, Material { authorities: self.ca.clone(), identity }).map(Some)
    }

    fn settle_wait_timeout(&self, timeout: Duration) -> Result<Duration, ConnectError> {
        match &self.wait_timeout {
            Some(said) if self.wait_replicas.is_none() => Err(ConnectError::Invalid {
                name: said.by,
                expected: "accompanied by a number of replicas to wait for (REDIS_WAIT_REPLICAS)",
            }),
            // The write itself takes time too.
            Some(said) if said.value >= timeout => match &self.timeout {
                Some(deadline) => {
                    Err(conflict(said.by, deadline.by, "the wait has to fit inside the deadline of the call"))
                }
                None => Err(ConnectError::Invalid {
                    name: said.by,
                    expected: "shorter than the deadline of a call (2 seconds, see REDIS_TIMEOUT_MS)",
                }),
            },
            // Twice over it has to fit: a write may come to wait behind others that wait.
            said => duration(said.as_ref(), (timeout / 4).max(Duration::from_millis(1))),
        }
    }
}

impl Login {
    fn settle(self, lonely_user: &'static str) -> Result<Option<Arc<dyn CredentialsProvider>>, ConnectError> {
        let Self { username, password, password_file, provider } = self;
        if let Some(provider) = provider {
            return match first([by(&username), by(&password), by(&password_file)]) {
                Some(other) => {
                    Err(conflict(provider.by, other, "the provider gives the whole login; remove the other"))
                }
                None => Ok(Some(provider.value)),
            };
        }
        if let (Some(password), Some(file)) = (&password, &password_file) {
            return Err(conflict(password.by, file.by, "give the password once; remove one of them"));
        }
        if let Some(file) = password_file {
            // It is read again for every connection; that it is there and holds something is to be known now.
            secret_file(&file.value, file.by)?;
            let username = username.map(|said| said.value);
            return Ok(Some(Arc::new(PasswordFile { username, path: file.value })));
        }
        match (username, password.filter(|password| !password.value.is_empty())) {
            (None, None) => Ok(None),
            (Some(username), None) => Err(ConnectError::Invalid { name: username.by, expected: lonely_user }),
            (username, Some(password)) => {
                Ok(Some(Arc::new(Credentials::from_parts(username.map(|said| said.value), password.value))))
            }
        }
    }
}

fn several(said: &Said<String>, default_port: u16) -> Result<Vec<Endpoint>, ConnectError> {
    // Whoever writes `REDIS_CLUSTER=true` has not said where it is.
    let is_switch = switch(&said.value, said.by).is_ok();
    endpoints(&said.value, default_port).filter(|_| !is_switch).ok_or(ConnectError::Invalid {
        name: said.by,
        expected: "a list of servers such as host:port,host:port (an IPv6 address in brackets)",
    })
}

/// Where a setting comes from, if it was made.
fn by<T>(said: &Option<Said<T>>) -> Option<&'static str> {
    said.as_ref().map(|said| said.by)
}

fn first<const N: usize>(places: [Option<&'static str>; N]) -> Option<&'static str> {
    places.into_iter().flatten().next()
}

fn duration(said: Option<&Said<Duration>>, default: Duration) -> Result<Duration, ConnectError> {
    match said {
        None => Ok(default),
        Some(said) if (Duration::from_millis(1)..=MAX_TIMEOUT).contains(&said.value) => Ok(said.value),
        Some(said) => Err(ConnectError::Invalid {
            name: said.by,
            expected: "between 1 millisecond and 1 hour (3600000)",
        }),
    }
}

fn connection_age(said: Option<Said<Duration>>) -> Result<Option<Duration>, ConnectError> {
    match said {
        None => Ok(Some(Duration::from_secs(30 * 60))),
        Some(Said { value: Duration::ZERO, .. }) => Ok(None),
        Some(Said { value, .. }) if (MIN_CONNECTION_AGE..=MAX_CONNECTION_AGE).contains(&value) => {
            Ok(Some(value))
        }
        Some(Said { by, .. }) => Err(ConnectError::Invalid {
            name: by,
            expected: "0 for never, or between 100 milliseconds and 30 days (2592000000)",
        }),
    }
}

fn within(
    said: Option<Said<usize>>,
    default: usize,
    limits: std::ops::RangeInclusive<usize>,
    expected: &'static str,
) -> Result<usize, ConnectError> {
    match said {
        None => Ok(default),
        Some(Said { value, .. }) if limits.contains(&value) => Ok(value),
        Some(Said { by, .. }) => Err(ConnectError::Invalid { name: by, expected }),
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
