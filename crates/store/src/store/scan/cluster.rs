//! A walk over all nodes of a cluster.
//!
//! It goes from node to node, in the order of their slots, and would miss the keys of a slot that moves from where it has
//! not been yet to where it has. So it proves that nothing moves: with every page the node says again what it serves and
//! what is on its way, and all nodes do before the first page, whenever one is finished, and at the end. What is not as it
//! was is [`Error::CursorLost`].

use bytes::Bytes;
use redis::{Pipeline, Value};
use roomkey_core::{Cursor, Error, Page, Result, Scan};
use tokio::time::{Instant, sleep, timeout_at};

use super::{command, read_page};
use crate::backoff::Backoff;
use crate::cluster::Cluster;
use crate::cluster::survey::{State, Survey};
use crate::error::{Refusal, lost, refusal, unexpected_answer};
use crate::node::Errand;

/// Reads one page. It may always be read again, and is until the deadline.
pub(super) async fn page(cluster: &Cluster, scan: &Scan, deadline: Instant) -> Result<Page> {
    let place = scan.cursor().map(Place::read).transpose()?;
    let mut last = None;
    let attempts = async {
        let mut backoff = Backoff::of_a_call();
        loop {
            match attempt(cluster, scan, place).await {
                Err(error @ (Error::NotExecuted(_) | Error::Ambiguous(_))) => last = Some(error),
                page => return page,
            }
            sleep(backoff.pause()).await;
        }
    };
    let page = timeout_at(deadline, attempts).await;
    page.unwrap_or_else(|_| Err(last.unwrap_or_else(|| Error::ambiguous("no answer within the deadline"))))
}

async fn attempt(cluster: &Cluster, scan: &Scan, place: Option<Place>) -> Result<Page> {
    let place = match place {
        Some(place) => place,
        None => {
            let survey = cluster.survey().await?;
            if survey.is_moving() {
                return Err(Error::not_executed("a slot is on its way from one node to another"));
            }
            Place::at(&survey, 0).ok_or_else(unexpected_answer)?
        }
    };
    let nodes = cluster.masters();
    let node = nodes.get(place.node).ok_or(Error::CursorLost)?;
    let (cursor, keys, state) = {
        let wire = cluster.wire(node, Errand::LOOK).await?;
        let mut question = Pipeline::with_capacity(2);
        question.add_command(command(scan, place.cursor));
        question.add_command(State::question());
        let answers =
            wire.link().send_all(&question).await.map_err(lost).inspect_err(|_| cluster.suspect())?;
        let [page, state] = <[Value; 2]>::try_from(answers).map_err(|_| unexpected_answer())?;
        let state = State::read(&wire.answered().run, &state)?;
        if let Value::ServerError(error) = &page
            && let Refusal::Error(error) = refusal(error)
        {
            return Err(error);
        }
        let (cursor, keys) = read_page(page).ok_or_else(unexpected_answer)?;
        (cursor, keys, state)
    };
    if state.fingerprint() != place.state {
        return Err(Error::CursorLost);
    }
    if cursor != 0 {
        return Ok(Page { keys, next: Some(Place { cursor, ..place }.write()) });
    }
    let survey = cluster.survey().await?;
    if survey.fingerprint() != place.cluster {
        return Err(Error::CursorLost);
    }
    Ok(Page { keys, next: Place::at(&survey, place.node + 1).map(Place::write) })
}

/// Where a walk goes on, as the bytes of a [`Cursor`]: `<fingerprint of all>.<number of the node>.<its
/// fingerprint>:<cursor>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// The fingerprint of all nodes.
    cluster: u64,
    /// Which of them it is at, in the order of their slots.
    node: usize,
    /// The fingerprint of that one.
    state: u64,
    /// What that one calls the place.
    cursor: u64,
}

impl Place {
    /// Where the walk over a node begins; `None` behind the last.
    fn at(survey: &Survey, node: usize) -> Option<Self> {
        let (_, state) = survey.nodes.get(node)?;
        Some(Self { cluster: survey.fingerprint(), node, state: state.fingerprint(), cursor: 0 })
    }

    fn read(cursor: &Cursor) -> Result<Self> {
        std::str::from_utf8(cursor.as_bytes()).ok().and_then(Self::parse).ok_or(Error::CursorLost)
    }

    fn parse(text: &str) -> Option<Self> {
        let (nodes, cursor) = text.split_once(':')?;
        let mut parts = nodes.splitn(3, '.');
        let hex = |part: &str| u64::from_str_radix(part, 16).ok();
        Some(Self {
            cluster: hex(parts.next()?)?,
            node: parts.next()?.parse().ok()?,
            state: hex(parts.next()?)?,
            cursor: cursor.parse().ok()?,
        })
    }

    fn write(self) -> Cursor {
        let Self { cluster, node, state, cursor } = self;
        Cursor::from_bytes(Bytes::from(format!("{cluster:x}.{node}.{state:x}:{cursor}")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_and_garbage_is_lost() {
        let place = Place { cluster: u64::MAX, node: 2, state: 0xabc, cursor: 17 };
        assert_eq!(Place::read(&place.write()).unwrap(), place);
        // The last is one of a single server.
        for bad in
            [&b""[..], b"17", b"ff.2.abc", b"ff.2:1", b"ff.x.abc:1", b"ff.2.xyz:1", b"\xff.2.a:1", b"0123:4"]
        {
            let read = Place::read(&Cursor::from_bytes(Bytes::copy_from_slice(bad)));
            assert!(matches!(read, Err(Error::CursorLost)), "{bad:?}");
        }
    }
}
