//! Opening one connection: socket, TLS, login, and a first look at who answers.
//!
//! The socket is ours rather than `redis`': its options are set, its TLS needs nothing of the process, and the task that
//! drives it is known, so that the end of a connection is noticed the moment it happens.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Pipeline, RedisConnectionInfo, Value};
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::config::{Endpoint, RedisConfig, Topology};
use crate::credentials::CredentialsProvider;
use crate::error::{Answer, ConnectError, broken};
use crate::link::{End, Link, Lost, Wire};
use crate::server::Server;

/// Everything that opening a connection takes.
pub(crate) struct Connector {
    endpoint: Endpoint,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    credentials: Option<Arc<dyn CredentialsProvider>>,
    db: u32,
    client_name: String,
    timeout: Duration,
}

impl Connector {
    pub(crate) fn new(config: &RedisConfig) -> Result<Self, ConnectError> {
        let Topology::Single(endpoint) = &config.topology else {
            return Err(ConnectError::Invalid {
                name: "REDIS_URL",
                expected: "that of a single server: sentinels and clusters are not supported yet",
            });
        };
        let tls = match (&config.tls, endpoint) {
            (Some(tls), Endpoint::Tcp { host, .. }) => {
                let name = match &tls.server_name {
                    Some(name) => name.clone(),
                    None => ServerName::try_from(host.clone()).map_err(|_| ConnectError::Invalid {
                        name: "REDIS_HOST",
                        expected: "a DNS name or an address, when TLS is on",
                    })?,
                };
                Some((TlsConnector::from(tls.client.clone()), name))
            }
            _ => None,
        };
        Ok(Self {
            endpoint: endpoint.clone(),
            tls,
            credentials: config.credentials.clone(),
            db: config.db,
            client_name: config.client_name.clone(),
            timeout: config.connect_timeout,
        })
    }

    /// Where connections lead to.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// How long opening a connection may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Opens a connection that is logged in and ready for commands.
    pub(crate) async fn open(&self) -> Result<Connection, ConnectError> {
        tokio::time::timeout(self.timeout, self.open_untimed())
            .await
            .map_err(|_| ConnectError::TimedOut { endpoint: self.endpoint.clone(), after: self.timeout })?
    }

    async fn open_untimed(&self) -> Result<Connection, ConnectError> {
        let (wire, driver) = match (&self.endpoint, &self.tls) {
            (Endpoint::Tcp { host, port }, None) => self.drive(self.tcp(host, *port).await?).await?,
            (Endpoint::Tcp { host, port }, Some((connector, name))) => {
                let stream = connector
                    .connect(name.clone(), self.tcp(host, *port).await?)
                    .await
                    .map_err(|source| ConnectError::Tls { endpoint: self.endpoint.clone(), source })?;
                self.drive(stream).await?
            }
            #[cfg(unix)]
            (Endpoint::Unix(path), _) => {
                let stream = tokio::net::UnixStream::connect(path).await;
                self.drive(stream.map_err(|source| self.unreachable(source))?).await?
            }
            #[cfg(not(unix))]
            (Endpoint::Unix(_), _) => return Err(self.unreachable(io::ErrorKind::Unsupported.into())),
        };
        let server = self.greet(&wire).await?;
        Ok(Connection { link: Link::new(wire, Arc::new(server)), driver })
    }

    async fn tcp(&self, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
        let stream = TcpStream::connect((host, port)).await.map_err(|source| self.unreachable(source))?;
        configure(&stream).map_err(|source| self.unreachable(source))?;
        Ok(stream)
    }

    async fn drive<S>(&self, stream: S) -> Result<(Wire, Driver), ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Without a login and a library name here, redis sends nothing by itself: `greet` says it all in one round trip.
        let info = RedisConnectionInfo::default().set_skip_set_lib_name();
        // Deadlines are those of calls. A timeout of the connection would end a large reply that is still coming in.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let (multiplexed, driver) = MultiplexedConnection::new_with_config(&info, stream, config)
            .await
            .map_err(|error| self.hung_up(Lost::Broken(broken(&error))))?;
        let end = Arc::new(End::default());
        let told = TellEnd(Arc::clone(&end));
        let task = tokio::spawn(async move {
            let _told = told;
            driver.await;
        });
        Ok((Wire::new(multiplexed, end), Driver { task }))
    }

    /// Logs in, chooses the database, says our name and asks who is there.
    async fn greet(&self, wire: &Wire) -> Result<Server, ConnectError> {
        let mut greeting = Pipeline::new();
        let mut steps = Vec::new();
        if let Some(provider) = &self.credentials {
            let credentials =
                provider.credentials().await.map_err(|source| ConnectError::Credentials { source })?;
            let mut auth = redis::cmd("AUTH");
            if let Some(username) = credentials.username() {
                auth.arg(username);
            }
            auth.arg(credentials.password());
            greeting.add_command(auth);
            steps.push(Greeting::Login);
        }
        if self.db != 0 {
            greeting.add_command(redis::cmd("SELECT").arg(self.db).clone());
            steps.push(Greeting::Database);
        }
        greeting.add_command(redis::cmd("CLIENT").arg("SETNAME").arg(&self.client_name).clone());
        steps.push(Greeting::Name);
        greeting.add_command(redis::cmd("INFO").arg("server").clone());
        steps.push(Greeting::Server);

        let answers = wire.send_all(&greeting).await.map_err(|lost| self.hung_up(lost))?;
        let mut server = None;
        for (step, answer) in steps.into_iter().zip(answers) {
            match (step, answer) {
                // A name is a convenience for whoever lists clients; a login without that right does without.
                (Greeting::Name, _) => {}
                (step, Value::ServerError(error)) => {
                    return Err(step.refused(&Answer::new(error.code()), &error));
                }
                (Greeting::Server, answer) => server = Some(Server::parse(&answer)?),
                (Greeting::Login | Greeting::Database, _) => {}
            }
        }
        server.ok_or_else(|| self.unreachable(io::ErrorKind::UnexpectedEof.into()))
    }

    /// With TLS 1.3 a server objects to our certificate only after its own part of the handshake is done.
    fn hung_up(&self, lost: Lost) -> ConnectError {
        let source = match lost {
            Lost::Broken(source) => source,
            Lost::Unsent => io::ErrorKind::BrokenPipe.into(),
        };
        match source {
            source if self.tls.is_some() => ConnectError::Tls { endpoint: self.endpoint.clone(), source },
            source => self.unreachable(source),
        }
    }

    fn unreachable(&self, source: io::Error) -> ConnectError {
        ConnectError::Unreachable { endpoint: self.endpoint.clone(), source }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, tls: _, credentials: _, db: _, client_name: _, timeout: _ } = self;
        f.debug_struct("Connector").field("endpoint", endpoint).finish_non_exhaustive()
    }
}

/// Nagle's algorithm would hold back small pipelined writes for a round trip. Keepalive notices within 30 seconds that an
/// idle peer is gone, the user timeout that one with unacknowledged data is; without them it takes the kernel 15 minutes.
fn configure(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5));
    #[cfg(not(windows))]
    let keepalive = keepalive.with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(30)))?;
    Ok(())
}

/// One open connection and the task that moves its bytes. Dropping it closes the socket.
#[derive(Debug)]
pub(crate) struct Connection {
    link: Link,
    driver: Driver,
}

impl Connection {
    /// What its commands are sent through.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Whether the socket is still open, as far as this side knows.
    pub(crate) fn is_open(&self) -> bool {
        !self.driver.task.is_finished()
    }

    /// Completes when the socket is closed.
    pub(crate) async fn ended(&mut self) {
        if self.is_open() {
            // The driver returns nothing, and only its drop here cancels it.
            let _ = (&mut self.driver.task).await;
        }
    }
}

/// Aborts the task, and with it closes the socket, when the owner of the connection is gone.
#[derive(Debug)]
struct Driver {
    task: JoinHandle<()>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Tells of the end of a driver, however it comes.
struct TellEnd(Arc<End>);

impl Drop for TellEnd {
    fn drop(&mut self) {
        self.0.comes();
    }
}

/// One step of a greeting, to tell which of them was refused.
#[derive(Clone, Copy)]
enum Greeting {
    Login,
    Database,
    Name,
    Server,
}

impl Greeting {
    fn refused(self, answer: &Answer, error: &redis::ServerError) -> ConnectError {
        let answer = answer.clone();
        match (self, error.code()) {
            (Self::Login, "WRONGPASS" | "NOAUTH" | "NOPERM") | (_, "NOAUTH") => {
                ConnectError::LoginRefused { answer }
            }
            // Redis answers a login with the wrong number of words, or one that it does not expect, with plain ERR.
            (Self::Login, "ERR") if !is_full(error) => ConnectError::LoginRefused { answer },
            (Self::Database, "ERR") => ConnectError::Invalid {
                name: "REDIS_DB",
                expected: "a database that the server has (see its setting `databases`; a cluster has only 0)",
            },
            (Self::Database, "NOPERM") => {
                ConnectError::MissingRight { command: "SELECT", needed: "+select".to_owned() }
            }
            (_, "NOPERM") => ConnectError::MissingRight { command: "INFO", needed: crate::rights::needed() },
            _ => ConnectError::Refused { answer, advice: "it is full or not ready; try again later" },
        }
    }
}

/// `ERR max number of clients reached` answers whatever was said first.
fn is_full(error: &redis::ServerError) -> bool {
    error.details().is_some_and(|text| text.starts_with("max number of clients"))
}
