//! Following the master: every sentinel is listened to, and asked now and then.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Sentinels;
use crate::backoff::{Backoff, jittered};
use crate::connect::Connector;
use crate::error::ConnectError;

/// How often a sentinel is asked, should its news have been missed.
const POLL: Duration = Duration::from_secs(5);

/// The tasks that listen, one for each sentinel. They end with this value.
#[derive(Debug)]
pub(crate) struct Watch {
    tasks: Vec<JoinHandle<()>>,
}

impl Watch {
    /// Has the connections of a connector closed whenever its sentinels name another master.
    pub(crate) fn start(connector: &Arc<Connector>, sentinels: &Arc<Sentinels>) -> Self {
        let listen = |at| tokio::spawn(listen(Arc::clone(connector), Arc::clone(sentinels), at));
        Self { tasks: (0..sentinels.endpoints.len()).map(listen).collect() }
    }

    pub(crate) fn stop(&self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn listen(connector: Arc<Connector>, sentinels: Arc<Sentinels>, at: usize) {
    let mut backoff = Backoff::of_a_lane();
    loop {
        let Err(error) = attend(&connector, &sentinels, at, &mut backoff).await;
        tracing::debug!(%error, sentinel = %sentinels.endpoints[at], "a sentinel cannot be listened to, trying again");
        if sentinels.learn(at, None) {
            connector.recall();
        }
        sleep(backoff.pause()).await;
    }
}

async fn attend(
    connector: &Connector,
    sentinels: &Sentinels,
    at: usize,
    backoff: &mut Backoff,
) -> Result<Infallible, ConnectError> {
    let mut conversation = sentinels.open(at).await?;
    conversation.subscribe().await?;
    loop {
        let answer = timeout(sentinels.timeout, conversation.ask(&sentinels.master)).await;
        let answer = answer.unwrap_or_else(|_| Err(sentinels.timed_out(at)))?;
        backoff.reset();
        if sentinels.learn(at, answer) {
            connector.recall();
        }
        if let Ok(news) = timeout(jittered(POLL), conversation.news()).await {
            news?;
        }
    }
}
