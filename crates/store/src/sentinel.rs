//! Who the master is, by what its sentinels say.
//!
//! Sentinels need not agree: one that was cut off goes on naming the master from before. Each failover has an epoch, and
//! of several answers that of the newest counts, whoever gave it last.

mod conversation;
mod watch;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::{Endpoint, RedisConfig};
use crate::credentials::CredentialsProvider;
use crate::dial::Dialer;
use crate::error::ConnectError;

use self::conversation::Conversation;
pub(crate) use self::watch::Watch;

/// How long a sentinel has before the next is asked as well. One that is frozen is not to cost the whole time that a
/// connection has to be opened in.
const HEAD_START: Duration = Duration::from_millis(100);

/// The sentinels of one master.
pub(crate) struct Sentinels {
    endpoints: Vec<Endpoint>,
    master: String,
    dialer: Dialer,
    credentials: Option<Arc<dyn CredentialsProvider>>,
    /// How long opening a connection to one of them, or an answer, may take.
    timeout: Duration,
    known: Mutex<Known>,
}

/// What one sentinel says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    endpoint: Endpoint,
    /// Which failover made it the master; none where the sentinel's login may not ask.
    epoch: Option<u64>,
}

/// What all of them have said.
#[derive(Default)]
struct Known {
    /// The last answer of each that can be reached, and since which of all changes it gives this one.
    answers: Vec<Option<(Answer, u64)>>,
    changes: u64,
    /// The sentinels, those first that answered last.
    order: Vec<usize>,
    /// The master that connections are opened to.
    followed: Option<Endpoint>,
}

/// Where the master is.
pub(crate) struct Found {
    pub(crate) endpoint: Endpoint,
    /// It was another one until now.
    pub(crate) moved: bool,
}

impl Sentinels {
    pub(crate) fn new(
        config: &RedisConfig,
        dialer: Dialer,
        endpoints: Vec<Endpoint>,
        master: String,
    ) -> Self {
        let known = Known {
            answers: vec![None; endpoints.len()],
            order: (0..endpoints.len()).collect(),
            ..Known::default()
        };
        Self {
            endpoints,
            master,
            dialer,
            credentials: config.sentinel_credentials.clone(),
            timeout: config.connect_timeout,
            known: Mutex::new(known),
        }
    }

    /// Asks where the master is: first the sentinel that answered last, then also those that follow, until one knows.
    ///
    /// # Errors
    ///
    /// [`ConnectError::NoMaster`].
    pub(crate) async fn master(self: &Arc<Self>) -> Result<Found, ConnectError> {
        let mut order = self.known().order.clone().into_iter();
        let mut asked = JoinSet::new();
        let mut trouble = None;
        loop {
            if let Some(at) = order.next() {
                let this = Arc::clone(self);
                asked.spawn(async move { (at, this.ask(at).await) });
            } else if asked.is_empty() {
                return Err(self.no_master(trouble));
            }
            let head_start = if order.len() > 0 { HEAD_START } else { Duration::MAX };
            match timeout(head_start, asked.join_next()).await {
                Ok(Some(Ok((at, Ok(Some(answer)))))) => {
                    let moved = self.learn(at, Some(answer));
                    if let Some(endpoint) = self.known().followed.clone() {
                        return Ok(Found { endpoint, moved });
                    }
                }
                Ok(Some(Ok((at, answer)))) => {
                    self.learn(at, None);
                    trouble = answer.err().or(trouble);
                }
                // The runtime ends, or it is the next one's turn.
                Ok(Some(Err(_)) | None) | Err(_) => {}
            }
        }
    }

    /// Whether this is still the master that they name.
    pub(crate) fn still_name(&self, endpoint: &Endpoint) -> bool {
        self.known().followed.as_ref() == Some(endpoint)
    }

    /// The master that they named last, or else the first of them.
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.known().followed.as_ref().unwrap_or(&self.endpoints[0]).clone()
    }

    /// That there is no master to be found, and what the last sentinel had to say.
    pub(crate) fn no_master(&self, source: Option<ConnectError>) -> ConnectError {
        ConnectError::NoMaster { master: self.master.clone(), source: source.map(Box::new) }
    }

    /// What one sentinel says; `None` if it knows no such master.
    async fn ask(&self, at: usize) -> Result<Option<Answer>, ConnectError> {
        let mut conversation = self.open(at).await?;
        let answer = timeout(self.timeout, conversation.ask(&self.master)).await;
        answer.unwrap_or_else(|_| Err(self.timed_out(at)))
    }

    async fn open(&self, at: usize) -> Result<Conversation, ConnectError> {
        let endpoint = &self.endpoints[at];
        let open = Conversation::open(&self.dialer, endpoint, self.credentials.as_deref());
        timeout(self.timeout, open).await.unwrap_or_else(|_| Err(self.timed_out(at)))
    }

    fn timed_out(&self, at: usize) -> ConnectError {
        ConnectError::TimedOut { endpoint: self.endpoints[at].clone(), after: self.timeout }
    }

    /// Takes what a sentinel says, or that it says nothing, and tells whether the master is another one now.
    fn learn(&self, at: usize, answer: Option<Answer>) -> bool {
        let mut known = self.known();
        if answer.is_some() {
            known.order.retain(|other| *other != at);
            known.order.insert(0, at);
        }
        if known.answers[at].as_ref().map(|(answer, _)| answer) != answer.as_ref() {
            known.changes += 1;
            known.answers[at] = answer.map(|answer| (answer, known.changes));
        }
        let newest = known.answers.iter().flatten().max_by_key(|(answer, since)| (answer.epoch, *since));
        let Some(endpoint) = newest.map(|(answer, _)| answer.endpoint.clone()) else { return false };
        if known.followed.as_ref() == Some(&endpoint) {
            return false;
        }
        let before = known.followed.replace(endpoint.clone());
        if let Some(before) = &before {
            tracing::warn!(master = %self.master, from = %before, to = %endpoint, "the sentinels name another master");
        }
        before.is_some()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing in here panics half-way.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoints, master, dialer: _, credentials: _, timeout: _, known: _ } = self;
        f.debug_struct("Sentinels")
            .field("endpoints", endpoints)
            .field("master", master)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
