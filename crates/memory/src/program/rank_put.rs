//! Writing members of a ranking: who is admitted.

use bytes::Bytes;
use roomkey_core::{Kind, MAX_SCORE, Only, RankPut, Reply, Result, Score, StoreTime};

use super::act::Done;
use super::{Machine, Planned, args};
use crate::entry::{Data, Structure as _};
use crate::structures::{Ranking, ranking_score};

impl Machine<'_> {
    pub(super) fn rank_put(
        &mut self,
        put: &RankPut,
        limit: Option<i64>,
        earlier: &[Planned<'_>],
    ) -> Result<Done> {
        let members = args::list(&put.members, earlier).items;
        let score = match put.score {
            Score::After(until) => Some(ranking_score(until.resolve(self.now))),
            Score::Is(score) => Some(score),
            Score::From(op) => match args::score(op, earlier) {
                Some(score) => Some(score),
                None => return Ok(Reply::Skipped.into()),
            },
            Score::Last => None,
        };
        if members.is_empty() {
            return Ok(Reply::Skipped.into());
        }
        let (key, now) = (put.key.bytes(), self.now);
        let (reply, _) = self.keyspace.write(key, now, put.life, Data::empty(Kind::Ranking), |data| {
            let ranking = Ranking::of_mut(data)?;
            let score = score.unwrap_or_else(|| last(ranking));
            let written = admit(ranking, &members, score, put.only, limit, now);
            let wrote = !written.is_empty();
            Ok((Reply::Ranked { members: written, score: wrote.then_some(score) }, wrote))
        })?;
        Ok(reply.into())
    }
}

/// The score behind all others.
fn last(ranking: &Ranking) -> i64 {
    ranking.highest().map_or(1, |highest| (highest + 1).min(MAX_SCORE))
}

/// Writes those of the members that are admitted, each seeing what the ones before it changed; returns them.
fn admit(
    ranking: &mut Ranking,
    members: &[Bytes],
    score: i64,
    only: Only,
    limit: Option<i64>,
    now: StoreTime,
) -> Vec<Bytes> {
    let is_live = |score: i64| score > ranking_score(now);
    // Counted only where it matters, and then once.
    let mut live = limit.map_or(0, |_| ranking.live(now) as i64);
    let mut written = Vec::new();
    for member in members {
        let old = ranking.score(member);
        let was_live = old.is_some_and(is_live);
        let eligible = match only {
            Only::Any => true,
            Only::New => old.is_none(),
            Only::NotLive => !was_live,
            Only::Live => was_live,
        };
        if !eligible || (!was_live && limit.is_some_and(|limit| live >= limit)) {
            continue;
        }
        ranking.put(member.clone(), score);
        live += i64::from(is_live(score)) - i64::from(was_live);
        written.push(member.clone());
    }
    written
}
