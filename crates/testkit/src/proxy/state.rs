//! What the faults of a proxy are at the moment.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::{Door, Pace, Spoil, Way};

/// The state, and who is to hear of its changes.
pub(super) struct Shared {
    state: Mutex<State>,
    changes: watch::Sender<()>,
}

pub(super) struct State {
    pub(super) server: u16,
    pub(super) door: Door,
    pub(super) pace: [Pace; 2],
    /// Connections with a lower number are held, by direction.
    pub(super) held_before: [u64; 2],
    /// Connections with a lower number are to end.
    pub(super) cut_before: u64,
    pub(super) cut_after: [Option<u64>; 2],
    pub(super) rules: Vec<Rule>,
    /// The number of the next connection.
    pub(super) next_id: u64,
    pub(super) open: usize,
    pub(super) commands: BTreeMap<String, u64>,
    chance: u64,
}

pub(super) struct Rule {
    /// `None` means any.
    pub(super) command: Option<String>,
    pub(super) left: u32,
    pub(super) spoil: Spoil,
}

impl Shared {
    pub(super) fn new(server: u16, seed: u64) -> Self {
        let state = State {
            server,
            door: Door::Open,
            pace: [Pace::default(); 2],
            held_before: [0; 2],
            cut_before: 0,
            cut_after: [None; 2],
            rules: Vec::new(),
            next_id: 0,
            open: 0,
            commands: BTreeMap::new(),
            chance: seed,
        };
        Self { state: Mutex::new(state), changes: watch::Sender::new(()) }
    }

    /// Never held across an await.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Every change is a few assignments; a panic elsewhere has left none of them half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changes.send_replace(());
    }

    /// Waits until the state is so.
    pub(super) async fn until(&self, so: impl Fn(&State) -> bool) {
        let mut changes = self.changes.subscribe();
        while !so(&self.state()) {
            // The sender is part of us, so it cannot be gone.
            let _ = changes.changed().await;
        }
    }
}

impl State {
    /// The spoil of the next reply to this command, if it has one.
    pub(super) fn spoil_of(&mut self, command: &str) -> Option<Spoil> {
        let rule = self
            .rules
            .iter_mut()
            .find(|rule| rule.left > 0 && rule.command.as_deref().is_none_or(|wanted| wanted == command))?;
        rule.left -= 1;
        Some(rule.spoil.clone())
    }

    /// How long a piece that sets out now is under way.
    pub(super) fn travel(&mut self, way: Way) -> Duration {
        let Pace { delay, jitter, .. } = self.pace[way as usize];
        let micros = u64::try_from(jitter.as_micros()).unwrap_or(u64::MAX);
        delay + Duration::from_micros(self.below(micros.saturating_add(1)))
    }

    /// How many of so many bytes still get through in this direction, and whether the connection is cut behind them.
    pub(super) fn before_the_cut(&mut self, way: Way, bytes: usize) -> (usize, bool) {
        let cut = &mut self.cut_after[way as usize];
        let Some(left) = cut else { return (bytes, false) };
        let through = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes);
        if through == bytes {
            *left -= through as u64;
            return (through, false);
        }
        *cut = None;
        (through, true)
    }

    /// A number below `bound` by chance (SplitMix64).
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.chance = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}
