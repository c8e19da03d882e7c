//! What holds of all rooms in a store after any operation, whatever it was and whoever died meanwhile.
//!
//! It is for rooms of up to 1 000 members, and for moments at which nobody changes them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use roomkey_core::{BranchId, Key, Kind, Op, Scan, Spread, Store, Ttl, TxnBuilder};
use roomkey_crypto::Tag;
use roomkey_testkit::{Content, KeyState, read_state};
use roomkey_vault::Vault;

const SPREAD: Spread = Spread::over(1_024);

/// Every layout that rooms keep something in.
pub(crate) const LAYOUTS: [&str; 13] =
    ["c1", "m1", "i1", "h1", "w1", "o1", "e1", "r1", "d1", "l1", "p1", "q1", "u1"];

type Scores = BTreeMap<Bytes, i64>;

/// Fails, with all that is wrong, unless everything that rooms keep in the store of this vault fits together.
pub(crate) async fn assert_whole<S: Store>(vault: &Vault<S>) {
    let wrong = Rooms::read(vault).await.wrong();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Everything that rooms keep in one layout.
pub(crate) async fn state_of<S: Store>(vault: &Vault<S>, layout: &'static str) -> Vec<KeyState> {
    let (mut keys, mut next) = (Vec::new(), None);
    loop {
        let scan = Scan::new(vault.space(layout, SPREAD).namespace().clone()).after(next);
        let page = vault.store().scan(scan.count(1_000).unwrap()).await.unwrap();
        keys.extend(page.keys);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    keys.sort_unstable();
    keys.dedup();
    // What expires between the walk and the look is gone.
    let state = read_state(vault.store(), keys).await;
    state.into_iter().filter(|state| state.ttl != Ttl::Missing).collect()
}

/// All that is kept, by layout and by what follows it in the name of a key: partition and tag, the same for all keys of a
/// room.
struct Rooms<'v, S> {
    vault: &'v Vault<S>,
    /// The store's time before anything was read.
    now: i64,
    by_layout: BTreeMap<&'static str, BTreeMap<Bytes, KeyState>>,
}

impl<'v, S: Store> Rooms<'v, S> {
    async fn read(vault: &'v Vault<S>) -> Self {
        let mut clock = TxnBuilder::new("test.now").with_now();
        clock.quiet_op(BranchId::ROOT, Op::ttl(&vault.space("c1", SPREAD).key(Kind::Value, [0; 16].into())));
        let now = vault.store().transact(&clock.build().unwrap()).await.unwrap().now().unwrap();
        let mut by_layout = BTreeMap::new();
        for layout in LAYOUTS {
            let front = vault.space(layout, SPREAD).namespace().prefix().len();
            let keys = state_of(vault, layout).await.into_iter();
            by_layout.insert(layout, keys.map(|state| (state.key.slice(front..), state)).collect());
        }
        Self { vault, now: i64::try_from(now.as_millis()).unwrap(), by_layout }
    }

    /// What does not hold.
    fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (layout, keys) in &self.by_layout {
            for state in keys.values().filter(|state| !matches!(state.ttl, Ttl::After(_))) {
                wrong.push(format!("{layout}: {:?} never expires", state.key));
            }
        }
        for place in self.places(&["m1", "i1", "h1", "w1", "o1"]) {
            self.room(&place, &mut wrong);
        }
        self.indexes(&mut wrong);
        wrong
    }

    /// A room by itself.
    fn room(&self, place: &Bytes, wrong: &mut Vec<String>) {
        let mut say = |what: String| wrong.push(format!("{place:?}: {what}"));
        let [seats, held, tickets, queue] = ["m1", "h1", "w1", "o1"].map(|layout| self.scores(layout, place));
        let members = |scores: &Scores| scores.keys().cloned().collect::<BTreeSet<_>>();
        let (seated, waiting) = (members(&seats), members(&tickets));
        for both in seated.intersection(&waiting) {
            say(format!("{both:?} has a seat and waits"));
        }
        let records = match self.content("i1", place) {
            Some(Content::Map(records)) => records.keys().cloned().collect(),
            _ => BTreeSet::new(),
        };
        let known = seated.union(&waiting).cloned().collect();
        if records != known {
            say(format!("there are records of {records:?}, and members {known:?}"));
        }
        if waiting != members(&queue) {
            say(format!("{:?} stand in line, and {waiting:?} have tickets", members(&queue)));
        }
        for (member, until) in &held {
            if seats.get(member) != Some(until) {
                say(format!("{member:?} is held until {until}, and the seat ends {:?}", seats.get(member)));
            }
        }
        let [last_seat, last_ticket] = ["m1", "w1"].map(|layout| self.ends(layout, place));
        for (layout, last) in [
            ("m1", last_seat),
            ("h1", self.ends("h1", place)),
            ("w1", last_ticket),
            ("o1", last_ticket),
            ("i1", last_seat.max(last_ticket)),
        ] {
            if let (Some(last), Some(until)) = (last, self.expires(layout, place))
                && until < last
            {
                say(format!("{layout} expires at {until}, before the last member of it at {last}"));
            }
        }
    }

    /// The rooms in the indexes of their partitions and pools.
    fn indexes(&self, wrong: &mut Vec<String>) {
        let mut listed: BTreeMap<Bytes, i64> = BTreeMap::new();
        let mut due: BTreeMap<Bytes, i64> = BTreeMap::new();
        for (layout, key, id, score) in self.indexed() {
            let Some((place, pooled)) = self.place(&key, &id) else {
                wrong.push(format!("{layout}: {id:?} is no room"));
                continue;
            };
            if layout == "d1" {
                due.insert(place, score);
                continue;
            }
            if let Some((pool, number)) = pooled {
                self.counted(&place, &pool, &number, wrong);
            }
            listed.insert(place, score);
        }
        for place in self.places(&["m1", "w1", "r1"]) {
            let until =
                ["m1", "w1", "r1"].map(|layout| self.ends(layout, &place)).into_iter().max().flatten();
            if listed.get(&place).copied() < until {
                wrong.push(format!(
                    "{place:?} is there until {until:?}, and listed until {:?}",
                    listed.get(&place)
                ));
            }
            let first = self.scores("m1", &place).values().min().copied();
            if let Some(first) = first
                && due.get(&place).is_none_or(|due| *due > first)
            {
                wrong.push(format!("{place:?}: a seat ends at {first}, and due is {:?}", due.get(&place)));
            }
        }
        for (place, due) in due {
            let nothing = self.content("m1", &place).is_none() && self.content("w1", &place).is_none();
            if nothing && due > self.now {
                wrong.push(format!("{place:?}: nothing ends, and due is {due}"));
            }
        }
    }

    /// A room as its pool counts it: the dead count as long as nothing has changed since they died.
    fn counted(&self, place: &Bytes, pool: &Bytes, number: &Bytes, wrong: &mut Vec<String>) {
        let seats = self.scores("m1", place);
        let live = seats.values().filter(|until| **until > self.now).count() as i64;
        let counted = self.scores("p1", pool).get(number).copied();
        if counted.map_or(!seats.is_empty(), |counted| counted < live || counted > seats.len() as i64) {
            wrong.push(format!("{place:?}: {live} of {} live, counted as {counted:?}", seats.len()));
        }
    }

    /// All entries of the indexes of partitions: layout, key, member, score.
    fn indexed(&self) -> Vec<(&'static str, Bytes, Bytes, i64)> {
        let mut all = Vec::new();
        for layout in ["d1", "l1"] {
            for (place, state) in &self.by_layout[layout] {
                let entries = self.scores(layout, place);
                all.extend(entries.into_iter().map(|(id, score)| (layout, state.key.clone(), id, score)));
            }
        }
        all
    }

    /// Where the keys of a room are that an index has under this id; of a room of a pool also where those of the pool are,
    /// and its number.
    fn place(&self, index: &Bytes, id: &Bytes) -> Option<(Bytes, Option<(Bytes, Bytes)>)> {
        let space = self.vault.space("c1", SPREAD);
        let partition = Key::parse(Kind::Ranking, index.clone()).ok()?.partition();
        let front = space.namespace().prefix().len();
        let place = |tag| space.key_in(partition, Kind::Ranking, tag).bytes().slice(front..);
        let (tag, number) = id.split_first_chunk::<16>()?;
        let tag = Tag::from(*tag);
        match number.len() {
            0 => Some((place(tag), None)),
            8 => {
                let room = space.hide("pooled room", &[tag.as_bytes(), number]);
                Some((place(room), Some((place(tag), Bytes::copy_from_slice(number)))))
            }
            _ => None,
        }
    }

    fn places(&self, layouts: &[&str]) -> BTreeSet<Bytes> {
        layouts.iter().flat_map(|layout| self.by_layout[layout].keys().cloned()).collect()
    }

    fn content(&self, layout: &str, place: &Bytes) -> Option<&Content> {
        self.by_layout[layout].get(place).map(|state| &state.content)
    }

    fn scores(&self, layout: &str, place: &Bytes) -> Scores {
        match self.content(layout, place) {
            Some(Content::Ranking(scores)) => {
                assert!(scores.len() < 1_000, "more members than are read");
                scores.iter().cloned().collect()
            }
            _ => Scores::new(),
        }
    }

    /// When the last member of a ranking ends; for a configuration, when it does.
    fn ends(&self, layout: &str, place: &Bytes) -> Option<i64> {
        match self.content(layout, place)? {
            Content::Ranking(scores) => scores.last().map(|(_, until)| *until),
            _ => self.expires(layout, place),
        }
    }

    /// Until when a key lives at least.
    fn expires(&self, layout: &str, place: &Bytes) -> Option<i64> {
        match self.by_layout[layout].get(place)?.ttl {
            Ttl::After(left) => Some(self.now + i64::try_from(left.as_millis()).unwrap()),
            _ => None,
        }
    }
}
