//! How long an event of a room takes to all who watch it in a process.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use roomkey_rooms::{Since, What};
use serde::Serialize;
use tokio::sync::{broadcast, mpsc};

use crate::loads::rooms::side::{Ours, Side as _, name};
use crate::loads::rooms::{SCENE, rooms};
use crate::loads::{Setting, peers};
use crate::stats::Spread;
use crate::{Error, Result};

const WATCHERS: usize = 1_000;
const EVENTS: u64 = 500;

/// One event after the other, each to a thousand.
#[derive(Debug, Serialize)]
pub(crate) struct Fanout {
    watchers: usize,
    events: u64,
    /// From the return of the join to the last watcher.
    after_join_us: Spread,
    /// Deliveries per second, the joins included.
    deliveries_per_s: f64,
    /// The same number of tasks woken by a channel of the process: the time from sending to the last.
    channel_us: Spread,
    channel_deliveries_per_s: f64,
}

pub(crate) fn measure(setting: &Setting) -> Result<Fanout> {
    eprintln!("fan-out to {WATCHERS} watchers");
    let store = peers::store(setting)?;
    setting.runtime.block_on(peers::clear(&peers::multiplexed(setting)?))?;
    let ours = Ours(rooms(setting, store.clone())?);
    let (after_join_us, deliveries_per_s) = setting.runtime.block_on(async {
        ours.configure(SCENE, 1_000_000).await?;
        let (last, mut told) = Last::new();
        for _ in 0..WATCHERS {
            let mut events = ours.0.watch(name(SCENE), Since::Now).await?;
            let last = last.clone();
            tokio::spawn(async move {
                while let Some(Ok(event)) = events.next().await {
                    if matches!(event.what, What::Joined(_)) {
                        last.delivered();
                    }
                }
            });
        }
        // Nobody listens before they have read what there is; this one they may find either way.
        ours.join(SCENE, EVENTS).await?.ok_or("no seat")?;
        told.recv().await.ok_or("the watchers are gone")?;
        let (mut after, started) = (Vec::new(), Instant::now());
        for n in 0..EVENTS {
            ours.join(SCENE, n).await?.ok_or("no seat")?;
            let returned = Instant::now();
            let last = told.recv().await.ok_or("the watchers are gone")?;
            // Before the return, if the news was faster than the reply.
            after.push(last.saturating_duration_since(returned).as_secs_f64() * 1e6);
        }
        Ok::<_, Error>((Spread::of(after), per_s(started)))
    })?;
    peers::close(setting, &store)?;
    let (channel_us, channel_deliveries_per_s) = setting.runtime.block_on(by_channel())?;
    Ok(Fanout {
        watchers: WATCHERS,
        events: EVENTS,
        after_join_us,
        deliveries_per_s,
        channel_us,
        channel_deliveries_per_s,
    })
}

/// What waking a thousand tasks costs at the least.
async fn by_channel() -> Result<(Spread, f64)> {
    let (sender, _) = broadcast::channel::<Arc<u64>>(16);
    let (last, mut told) = Last::new();
    for _ in 0..WATCHERS {
        let (mut receiver, last) = (sender.subscribe(), last.clone());
        tokio::spawn(async move {
            while receiver.recv().await.is_ok() {
                last.delivered();
            }
        });
    }
    let (mut after, started) = (Vec::new(), Instant::now());
    for n in 0..EVENTS {
        let sent = Instant::now();
        sender.send(Arc::new(n))?;
        let last = told.recv().await.ok_or("the receivers are gone")?;
        after.push(last.saturating_duration_since(sent).as_secs_f64() * 1e6);
    }
    Ok((Spread::of(after), per_s(started)))
}

fn per_s(started: Instant) -> f64 {
    (EVENTS * WATCHERS as u64) as f64 / started.elapsed().as_secs_f64()
}

/// Tells when as many deliveries have been made as there are watchers.
#[derive(Clone)]
struct Last {
    delivered: Arc<AtomicUsize>,
    tell: mpsc::UnboundedSender<Instant>,
}

impl Last {
    fn new() -> (Self, mpsc::UnboundedReceiver<Instant>) {
        let (tell, told) = mpsc::unbounded_channel();
        (Self { delivered: Arc::default(), tell }, told)
    }

    fn delivered(&self) {
        if (self.delivered.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(WATCHERS) {
            // Who asked may be gone.
            let _ = self.tell.send(Instant::now());
        }
    }
}

/// A sentence.
impl fmt::Display for Fanout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { watchers, events, after_join_us, deliveries_per_s, channel_us, channel_deliveries_per_s } =
            self;
        let spread = |s: &Spread| format!("{:.0} µs (quartiles {:.0}–{:.0})", s.median, s.q1, s.q3);
        write!(
            f,
            "{watchers} tasks of one process watched a room in which {events} members joined, one after the other. The \
             last task had the event {} after the join had returned; in all {:.0} events a second were delivered. Waking \
             as many tasks by a channel of the process took {}, and delivered {:.0} a second.",
            spread(after_join_us),
            deliveries_per_s,
            spread(channel_us),
            channel_deliveries_per_s,
        )
    }
}
