//! How time passes in a sequence.
//!
//! No sequence waits. The embedded store runs on tokio's paused clock, which is moved on. The clock of a server cannot be
//! moved, so everything that it keeps until a time is moved back instead: for a store, which knows of no other time than
//! that of its server, the one is as good as the other.

use std::sync::Arc;
use std::time::Duration;

use roomkey_testkit::RedisServer;
use tokio::time::Instant;

/// Time in the sequences passes in ticks. What lives for `n` of them is there at the tick in which it begins and the
/// `n - 1` that follow.
pub(crate) type Tick = u32;

/// How long a tick is. So long that a sequence on a server is over in far less than half of one, and so short that
/// nothing is forgotten, an hour after it has changed, in [`MOST`] of them.
pub(crate) const TICK: Duration = Duration::from_secs(60);

/// How many ticks may pass before something else than time has to.
pub(crate) const MOST: Tick = 55;

/// How long so many ticks are for a store. It is half a tick less: what begins anywhere in the first half of a tick
/// ends in the second half of another, and what happens in the first half of a tick, as everything does, is never near
/// that end.
pub(crate) fn span(ticks: Tick) -> Duration {
    TICK * ticks - TICK / 2
}

/// The clock of a sequence.
#[derive(Debug)]
pub(crate) struct Clock {
    begun: Instant,
    server: Option<Moved>,
}

/// What a server keeps is moved instead of its clock.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) server: Arc<RedisServer>,
    /// Which application's.
    pub(crate) app: String,
}

impl Clock {
    pub(crate) fn new(server: Option<Moved>) -> Self {
        Self { begun: Instant::now(), server }
    }

    /// Lets ticks pass.
    pub(crate) async fn pass(&mut self, ticks: Tick) {
        self.skip(TICK * ticks).await;
    }

    /// Lets so long pass at once.
    pub(crate) async fn skip(&mut self, duration: Duration) {
        match &self.server {
            None => {
                tokio::time::advance(duration).await;
                self.begun += duration;
            }
            Some(server) => server.move_back(duration),
        }
    }

    /// Whether the first half of a tick is over, by the time that passes by itself. What was said then may be as true a
    /// tick later, and is worth nothing.
    pub(crate) fn is_late(&self) -> bool {
        self.begun.elapsed() > TICK / 3
    }
}

impl Moved {
    /// Moves back what is there until a time: keys, and members of rankings whose scores are times.
    fn move_back(&self, by: Duration) {
        const SCRIPT: &str = "
            for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
                if redis.call('TYPE', key).ok == 'zset' then
                    local members = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
                    for at = 1, #members, 2 do
                        -- Other scores are numbers of members, or their order.
                        if tonumber(members[at + 1]) > 1e12 then
                            redis.call('ZINCRBY', key, -ARGV[2], members[at])
                        end
                    end
                end
                local left = redis.call('PTTL', key)
                if left >= 0 then
                    redis.call('PEXPIRE', key, left - ARGV[2])
                end
            end";
        let (keys, by) = (format!("{}:*", self.app), by.as_millis().to_string());
        self.server.command(&["EVAL", SCRIPT, "0", &keys, &by]);
    }
}
