//! Connections that were given up while a write may still have been under way on them.
//!
//! A frozen server, or a network that holds bytes back, may run such a write long after: after its repetition, and after
//! whatever was written since. Closing our end of the connection changes nothing of that, for the bytes are on their way.
//! The server's end has to be closed, which takes another connection: `CLIENT KILL ID`. So a connection that is given up
//! so becomes a *grave*, and no write is sent to the node before all its graves are closed. Whatever is written after a
//! kill has been answered can no longer be overtaken by what was written before.
//!
//! Where a write may run in spite of that:
//!
//! - Of two writes that are under way at the same time either may be the last, so a grave that is dug while a write is
//!   under way need not hold that write up.
//! - The server was started anew: its connections ended with it, so graves of another run of it are void.
//! - The login may not use `CLIENT KILL`, or the server would not tell us who we are: then nothing can be closed, the
//!   store does not repeat writes that may have happened, and [`health`](roomkey_core::Store::health) says so.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{Pipeline, Value};
use roomkey_core::{Error, Result};

use crate::error::{Refusal, refusal};
use crate::link::Link;

/// The graves of one node.
#[derive(Debug)]
pub(crate) struct Graves {
    /// How many there are, so that in good times a write need only read a number.
    count: AtomicUsize,
    graves: Mutex<Vec<Grave>>,
    /// Held by the one write that closes graves, while the others wait for it to be done.
    closing: tokio::sync::Mutex<()>,
    /// Whether graves can be closed at all.
    able: AtomicBool,
}

/// A connection, as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Grave {
    /// The run of the server.
    run: Arc<str>,
    /// What `CLIENT ID` answered on it; unique within the run.
    client: u64,
}

impl Graves {
    /// None yet; `able` says whether the login may close connections.
    pub(crate) fn new(able: bool) -> Self {
        Self {
            count: AtomicUsize::new(0),
            graves: Mutex::default(),
            closing: tokio::sync::Mutex::default(),
            able: AtomicBool::new(able),
        }
    }

    /// Whether a write that may have happened can be kept from happening later.
    pub(crate) fn able(&self) -> bool {
        self.able.load(Ordering::Acquire)
    }

    /// Remembers a connection on which a write may still be under way, by the run of the server and its id there, if
    /// the server told one.
    pub(crate) fn dig(&self, run: &Arc<str>, client: Option<u64>) {
        let Some(client) = client else { return self.give_up() };
        let grave = Grave { run: Arc::clone(run), client };
        let mut graves = self.lock();
        if self.able() && !graves.contains(&grave) {
            graves.push(grave);
            self.count.store(graves.len(), Ordering::SeqCst);
        }
    }

    pub(crate) fn are_none(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Closes all graves by way of a connection on which a write is about to be sent.
    ///
    /// # Errors
    ///
    /// [`Error::NotExecuted`] if they could not be closed just now; they stay.
    pub(crate) async fn close(&self, link: &Link) -> Result<()> {
        let _alone = self.closing.lock().await;
        let graves = self.of(&link.server.run);
        if graves.is_empty() {
            return Ok(());
        }
        let mut kills = Pipeline::with_capacity(graves.len());
        for grave in &graves {
            kills.add_command(redis::cmd("CLIENT").arg("KILL").arg("ID").arg(grave.client).clone());
        }
        let lost = |_| Error::not_executed("the connection broke before an earlier one was closed");
        let answers = link.send_all(&kills).await.map_err(lost)?;
        for (grave, answer) in graves.iter().zip(answers) {
            // A connection that the server does not know, because it has ended, is closed too.
            let Value::ServerError(error) = answer else {
                self.fill(grave);
                continue;
            };
            match refusal(&error) {
                Refusal::Error(error @ Error::NotExecuted(_)) => return Err(error),
                _ => self.give_up(),
            }
        }
        Ok(())
    }

    /// The graves of this run of the server; those of others are void.
    fn of(&self, run: &str) -> Vec<Grave> {
        let mut graves = self.lock();
        graves.retain(|grave| *grave.run == *run);
        self.count.store(graves.len(), Ordering::SeqCst);
        graves.clone()
    }

    fn fill(&self, grave: &Grave) {
        let mut graves = self.lock();
        graves.retain(|other| other != grave);
        self.count.store(graves.len(), Ordering::SeqCst);
    }

    fn give_up(&self) {
        let mut graves = self.lock();
        if self.able.swap(false, Ordering::AcqRel) {
            tracing::warn!("{UNABLE}");
        }
        graves.clear();
        self.count.store(0, Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Grave>> {
        // A panic elsewhere cannot leave a vector half-pushed.
        self.graves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an operator is told of a login that cannot close connections.
pub(crate) const UNABLE: &str = "the login may not use CLIENT ID and CLIENT KILL: writes that got lost are not repeated, and \
     one that is stuck on the way may run late; grant +client|id +client|kill";

#[cfg(test)]
mod tests {
    use super::*;

    fn grave(run: &str, client: u64) -> Grave {
        Grave { run: run.into(), client }
    }

    #[test]
    fn a_connection_has_one_grave() {
        let graves = Graves::new(true);
        assert!(graves.are_none());
        for client in [1, 2, 1] {
            graves.dig(&"a".into(), Some(client));
        }
        assert_eq!(graves.of("a"), [grave("a", 1), grave("a", 2)]);
        graves.fill(&grave("a", 1));
        assert_eq!(graves.of("a"), [grave("a", 2)]);
        graves.fill(&grave("a", 2));
        assert!(graves.are_none());
    }

    #[test]
    fn a_new_run_of_the_server_voids_those_of_the_old() {
        let graves = Graves::new(true);
        graves.dig(&"a".into(), Some(1));
        graves.dig(&"b".into(), Some(1));
        assert_eq!(graves.of("b"), [grave("b", 1)]);
        assert_eq!(graves.of("a"), []);
        assert!(graves.are_none());
    }

    #[test]
    fn where_none_can_be_closed_none_is_dug() {
        let graves = Graves::new(false);
        graves.dig(&"a".into(), Some(1));
        assert!(graves.are_none() && !graves.able());

        // Nor any more once one connection cannot be named.
        let graves = Graves::new(true);
        graves.dig(&"a".into(), Some(1));
        graves.dig(&"a".into(), None);
        assert!(graves.are_none() && !graves.able());
    }
}
