//! The task that keeps the map of a cluster true.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Shared;
use super::layout::{self, Layout};
use crate::backoff::{Backoff, jittered};
use crate::config::Endpoint;
use crate::link::Link;
use crate::node::{Errand, Node};

/// How often the map is read when nothing is wrong. Whatever uses the map corrects it, so this is for nodes that take
/// over slots of which nobody here asks, and for waits, which send nothing for long.
const PERIOD: Duration = Duration::from_secs(30);
/// The least time between two readings.
const GAP: Duration = Duration::from_millis(200);
/// A node that takes longer than this to answer is joined by the next one: it may be frozen.
pub(super) const HEDGE: Duration = Duration::from_millis(100);

/// Reads the map when somebody finds it wrong, while a node is down, and now and then; never twice at a time.
pub(super) async fn keep(shared: Arc<Shared>) {
    let mut backoff = Backoff::new(GAP, Duration::from_secs(2));
    let mut known = true;
    let mut last = Instant::now();
    loop {
        let pause = if known && shared.map().nodes.iter().all(|node| node.lanes.is_up()) {
            backoff.reset();
            jittered(PERIOD)
        } else {
            backoff.pause()
        };
        tokio::select! {
            () = shared.wanted.notified() => {}
            () = sleep(pause) => {}
        }
        sleep_until(last + GAP).await;
        last = Instant::now();
        let layout = read(&shared).await;
        known = layout.is_some();
        match layout {
            Some(layout) => shared.install(&layout, None),
            None => tracing::warn!("no node of the cluster answers who serves what, trying again"),
        }
    }
}

/// Asks one node after another, and takes the first answer that is not older than what is known; otherwise the newest.
async fn read(shared: &Arc<Shared>) -> Option<Layout> {
    let (nodes, epoch) = {
        let map = shared.map();
        // Those that are up first: the others cannot answer before they are.
        let (up, down): (Vec<_>, Vec<_>) = map.nodes.iter().cloned().partition(|node| node.lanes.is_up());
        (up.into_iter().chain(down), map.epoch)
    };
    let patience = shared.config.connect_timeout;
    let mut sources = nodes.map(Source::Node).chain(shared.seeds.iter().cloned().map(Source::Seed));
    let mut asked: JoinSet<Option<Layout>> = JoinSet::new();
    let mut best: Option<Layout> = None;
    loop {
        let next = sources.next();
        let more = next.is_some();
        if let Some(source) = next {
            let shared = Arc::clone(shared);
            asked.spawn(async move { timeout(patience, source.ask(&shared)).await.ok().flatten() });
        } else if asked.is_empty() {
            return best;
        }
        // Until the next one is due, or for as long as it takes.
        let answer = tokio::select! {
            Some(answer) = asked.join_next() => answer.ok().flatten(),
            () = sleep(HEDGE), if more => None,
        };
        match answer {
            Some(layout) if layout.epoch >= epoch => return Some(layout),
            Some(layout) if best.as_ref().is_none_or(|best| best.epoch < layout.epoch) => best = Some(layout),
            _ => {}
        }
    }
}

/// Who may know the map.
enum Source {
    Node(Arc<Node>),
    Seed(Endpoint),
}

impl Source {
    async fn ask(self, shared: &Shared) -> Option<Layout> {
        match self {
            Self::Node(node) => {
                let wire = node.wire(Errand::LOOK).await.ok()?;
                let layout = ask(wire.link(), &node.endpoint()).await?;
                wire.answered();
                Some(layout)
            }
            Self::Seed(seed) => {
                let connection = shared.connector.to(seed.clone()).open().await.ok()?;
                ask(connection.link(), &seed).await
            }
        }
    }
}

async fn ask(link: &Link, asked: &Endpoint) -> Option<Layout> {
    let answers = link.send_all(&layout::question()).await.ok()?;
    Layout::read(&answers, asked).ok()
}
