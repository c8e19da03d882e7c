//! Opening one connection: where to, login, and a first look at who answers.

mod greeting;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{Pipeline, Value};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use self::greeting::Greeting;
use crate::cluster::NO_SEED;
use crate::config::{Endpoint, RedisConfig, Topology};
use crate::credentials::{Credentials, CredentialsProvider};
use crate::dial::{Dialer, Stream};
use crate::durability::Durability;
use crate::error::{Answer, ConnectError};
use crate::link::{Link, Lost, Wire};
use crate::metrics::{Counted, Metrics};
use crate::sentinel::Sentinels;
use crate::server::{Server, is_master};

/// While a server refuses the login, it is asked no more often than this, by however many connections are wanted.
const AFTER_REFUSAL: Duration = Duration::from_secs(1);
/// A server that has become a replica may stay one; connections to it are not closed more often than this.
const BETWEEN_RECALLS: Duration = Duration::from_secs(1);

/// Everything that opening a connection takes.
pub(crate) struct Connector {
    target: Target,
    dialer: Dialer,
    credentials: Option<Arc<dyn CredentialsProvider>>,
    db: u32,
    client_name: String,
    /// How long opening a connection may take.
    pub(crate) timeout: Duration,
    durability: Option<Durability>,
    /// Whether reads of different calls may leave as one: in a cluster their keys may not stand together.
    gathers: bool,
    refused: Mutex<Option<Refused>>,
    recall: watch::Sender<Option<Instant>>,
    /// The runtime of the store. That of a caller may stand still, or end, while others use what was opened there.
    pub(crate) home: Handle,
    pub(crate) metrics: Arc<Metrics>,
}

/// Whom connections are opened to.
#[derive(Debug)]
enum Target {
    Server(Endpoint),
    /// Whoever is the master at the time.
    Master(Arc<Sentinels>),
}

/// The last login was refused.
struct Refused {
    answer: Answer,
    next: Instant,
}

impl Connector {
    /// Leads to the only server, to the master, or to the first seed of a cluster.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Invalid`] for a cluster without a seed.
    pub(crate) fn new(config: &RedisConfig) -> Result<Self, ConnectError> {
        let dialer = Dialer::new(config.tls.as_ref());
        let target = match &config.topology {
            Topology::Single(endpoint) => Target::Server(endpoint.clone()),
            Topology::Sentinel { sentinels, master } => Target::Master(Arc::new(Sentinels::new(
                config,
                dialer.clone(),
                sentinels.clone(),
                master.clone(),
            ))),
            Topology::Cluster { seeds } => Target::Server(seeds.first().cloned().ok_or(NO_SEED)?),
        };
        Ok(Self {
            target,
            dialer,
            credentials: config.credentials.clone(),
            db: config.db,
            client_name: config.client_name.clone(),
            timeout: config.connect_timeout,
            durability: Durability::of(config),
            gathers: !matches!(config.topology, Topology::Cluster { .. }),
            refused: Mutex::default(),
            recall: watch::Sender::new(None),
            home: Handle::current(),
            metrics: Arc::new(Metrics::new(&config.client_name)),
        })
    }

    /// The same, but to another node of a cluster.
    pub(crate) fn to(&self, endpoint: Endpoint) -> Self {
        Self {
            target: Target::Server(endpoint),
            dialer: self.dialer.clone(),
            credentials: self.credentials.clone(),
            db: self.db,
            client_name: self.client_name.clone(),
            timeout: self.timeout,
            durability: self.durability,
            gathers: self.gathers,
            refused: Mutex::default(),
            recall: watch::Sender::new(None),
            home: self.home.clone(),
            metrics: Arc::clone(&self.metrics),
        }
    }

    /// Where connections lead, as far as that is known.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match &self.target {
            Target::Server(endpoint) => endpoint.clone(),
            Target::Master(sentinels) => sentinels.endpoint(),
        }
    }

    /// The sentinels that say where connections lead, if any do.
    pub(crate) fn sentinels(&self) -> Option<&Arc<Sentinels>> {
        match &self.target {
            Target::Server(_) => None,
            Target::Master(sentinels) => Some(sentinels),
        }
    }

    /// Opens a connection that is logged in and ready for commands.
    pub(crate) async fn open(&self) -> Result<Connection, ConnectError> {
        self.hold_back()?;
        let deadline = Instant::now() + self.timeout;
        let endpoint = match &self.target {
            Target::Server(endpoint) => endpoint.clone(),
            Target::Master(sentinels) => self.master(sentinels, deadline).await?,
        };
        // Whatever changes from here on is told to the connection. What changed before is seen now.
        let recalled = self.recall.subscribe();
        if self.sentinels().is_some_and(|sentinels| !sentinels.still_name(&endpoint)) {
            return Err(ConnectError::NotMaster { endpoint });
        }
        let opened = timeout_at(deadline, self.open_to(&endpoint, recalled)).await;
        let opened = opened.unwrap_or(Err(ConnectError::TimedOut { endpoint, after: self.timeout }));
        self.metrics.connected(opened.is_ok());
        self.remember(&opened);
        opened
    }

    /// Closes all connections that are open or being opened: they may lead to the wrong server.
    pub(crate) fn recall(&self) {
        self.recall.send_replace(Some(Instant::now()));
    }

    /// As [`recall`](Self::recall), because a server has said that it is no master.
    pub(crate) fn recall_from_replica(&self) {
        let now = Instant::now();
        self.recall.send_if_modified(|last| {
            let due = last.is_none_or(|last| now >= last + BETWEEN_RECALLS);
            if due {
                *last = Some(now);
            }
            due
        });
    }

    async fn master(&self, sentinels: &Arc<Sentinels>, deadline: Instant) -> Result<Endpoint, ConnectError> {
        let found = timeout_at(deadline, sentinels.master()).await;
        let found = found.unwrap_or_else(|_| Err(sentinels.no_master(None)))?;
        if found.moved {
            self.recall();
        }
        Ok(found.endpoint)
    }

    /// A login that was just refused is not tried again at once: that helps nobody, and looks like an attack.
    fn hold_back(&self) -> Result<(), ConnectError> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *refused {
            Some(Refused { answer, next }) if Instant::now() < *next => {
                Err(ConnectError::LoginRefused { answer: answer.clone() })
            }
            Some(Refused { next, .. }) => {
                // This one tries, and all others wait for what it finds.
                *next = Instant::now() + AFTER_REFUSAL;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn remember(&self, opened: &Result<Connection, ConnectError>) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match opened {
            Ok(_) => *refused = None,
            Err(ConnectError::LoginRefused { answer }) => {
                *refused = Some(Refused { answer: answer.clone(), next: Instant::now() + AFTER_REFUSAL });
            }
            Err(_) => {}
        }
    }

    async fn open_to(
        &self,
        endpoint: &Endpoint,
        recalled: watch::Receiver<Option<Instant>>,
    ) -> Result<Connection, ConnectError> {
        let credentials = match &self.credentials {
            Some(provider) => {
                Some(provider.credentials().await.map_err(|source| ConnectError::Credentials { source })?)
            }
            None => None,
        };
        let stream = self.dialer.dial(endpoint).await?;
        let (wire, driver) = self.drive(stream, recalled);
        let (server, client) = Talk { connector: self, endpoint }.greet(&wire, credentials).await?;
        let counted = self.metrics.connection_open();
        Ok(Connection {
            link: Link::new(wire, Arc::new(server), self.durability),
            driver,
            client,
            _counted: counted,
        })
    }

    fn drive(
        &self,
        stream: Box<dyn Stream>,
        mut recalled: watch::Receiver<Option<Instant>>,
    ) -> (Wire, Driver) {
        let (wire, driver) = Wire::new(stream, self.gathers, self.metrics.departure_commands.clone());
        let task = tokio::spawn(async move {
            // A connector that is gone recalls nothing; then its connections go as their owners do.
            tokio::select! {
                () = driver => {}
                Ok(()) = recalled.changed() => {}
            }
        });
        (wire, Driver { task })
    }
}

/// The opening of one connection.
struct Talk<'a> {
    connector: &'a Connector,
    endpoint: &'a Endpoint,
}

impl Talk<'_> {
    /// Logs in, chooses the database, says our name and asks who is there, and who we are to them.
    async fn greet(
        &self,
        wire: &Wire,
        credentials: Option<Credentials>,
    ) -> Result<(Server, Option<u64>), ConnectError> {
        let mut greeting = Pipeline::new();
        let mut steps = Vec::new();
        if let Some(credentials) = credentials {
            let mut auth = redis::cmd("AUTH");
            if let Some(username) = credentials.username() {
                auth.arg(username);
            }
            auth.arg(credentials.password());
            greeting.add_command(auth);
            steps.push(Greeting::Login);
        }
        let Connector { db, client_name, .. } = self.connector;
        if *db != 0 {
            greeting.add_command(redis::cmd("SELECT").arg(*db).clone());
            steps.push(Greeting::Database);
        }
        greeting.add_command(redis::cmd("CLIENT").arg("SETNAME").arg(client_name).clone());
        steps.push(Greeting::Name);
        greeting.add_command(redis::cmd("CLIENT").arg("ID").clone());
        steps.push(Greeting::Client);
        greeting.add_command(redis::cmd("INFO").arg("server").clone());
        steps.push(Greeting::Server);
        if self.connector.sentinels().is_some() {
            // What ROLE says, under a right that is needed anyway.
            greeting.add_command(redis::cmd("INFO").arg("replication").clone());
            steps.push(Greeting::Role);
        }
        if self.connector.durability.is_some() {
            // Waits for nobody; only the right to is to be known.
            greeting.add_command(redis::cmd("WAIT").arg(0).arg(1).clone());
            steps.push(Greeting::Wait);
        }

        let answers = wire.send_all(&greeting).await.map_err(|lost| self.hung_up(lost))?;
        let (mut server, mut client) = (None, None);
        for (step, answer) in steps.into_iter().zip(answers) {
            match (step, answer) {
                // A name is a convenience for whoever lists clients; a login without that right does without.
                (Greeting::Name, _) => {}
                // Nor does one without the right to know its id fail here; see `graves`.
                (Greeting::Client, Value::Int(id)) => client = u64::try_from(id).ok(),
                (Greeting::Client, _) => {}
                (step, Value::ServerError(error)) => {
                    return Err(step.refused(&Answer::new(error.code()), &error));
                }
                (Greeting::Server, answer) => server = Some(Server::parse(&answer)?),
                (Greeting::Role, answer) if !is_master(&answer) => {
                    return Err(ConnectError::NotMaster { endpoint: self.endpoint.clone() });
                }
                (Greeting::Login | Greeting::Database | Greeting::Role | Greeting::Wait, _) => {}
            }
        }
        let server = server.ok_or_else(|| self.unreachable(io::ErrorKind::UnexpectedEof.into()))?;
        Ok((server, client))
    }

    /// With TLS 1.3 a server objects to our certificate only after its own part of the handshake is done.
    fn hung_up(&self, lost: Lost) -> ConnectError {
        let source = match lost {
            Lost::Broken(source) => source,
            Lost::Unsent => io::ErrorKind::BrokenPipe.into(),
            Lost::NotInTime | Lost::Overdue => io::ErrorKind::TimedOut.into(),
        };
        let over_tls = self.connector.dialer.has_tls() && matches!(self.endpoint, Endpoint::Tcp { .. });
        if over_tls {
            ConnectError::Tls { endpoint: self.endpoint.clone(), source }
        } else {
            self.unreachable(source)
        }
    }

    fn unreachable(&self, source: io::Error) -> ConnectError {
        ConnectError::Unreachable { endpoint: self.endpoint.clone(), source }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            target,
            dialer: _,
            credentials: _,
            db: _,
            client_name: _,
            timeout: _,
            durability: _,
            refused: _,
            recall: _,
            gathers: _,
            home: _,
            metrics: _,
        } = self;
        f.debug_struct("Connector").field("target", target).finish_non_exhaustive()
    }
}

/// One open connection and the task that moves its bytes. Dropping it closes the socket.
#[derive(Debug)]
pub(crate) struct Connection {
    link: Link,
    driver: Driver,
    client: Option<u64>,
    _counted: Counted,
}

impl Connection {
    /// What its commands are sent through.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// By which id the server knows it, if it told.
    pub(crate) fn client(&self) -> Option<u64> {
        self.client
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
