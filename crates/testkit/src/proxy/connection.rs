//! One connection of a proxy: two directions, each read at once and written when its time has come.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::spoil::{Out, Spoiler};
use super::state::Shared;
use super::{Door, Way, frame};

/// The commands of a connection that have no reply yet.
type Unanswered = Mutex<VecDeque<String>>;

/// What is under way in one direction, and when it arrives.
type Piece = (Instant, Out);

/// Serves one client until either side or the proxy ends the connection.
pub(super) async fn serve(client: TcpStream, shared: Arc<Shared>) {
    let (id, door, server) = {
        let mut state = shared.state();
        let id = state.next_id;
        state.next_id += 1;
        state.open += 1;
        (id, state.door, state.server)
    };
    let _open = Open(&shared);
    let passed = async {
        if door == Door::Silent {
            return std::future::pending().await;
        }
        // However a connection ends, both sides see it.
        let _ = pass(id, client, server, &shared).await;
    };
    if door != Door::HangUp {
        tokio::select! {
            () = passed => {}
            () = shared.until(|state| id < state.cut_before) => {}
        }
    }
}

struct Open<'a>(&'a Shared);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.state().open -= 1;
    }
}

async fn pass(id: u64, client: TcpStream, server: u16, shared: &Shared) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", server)).await?;
    // What is chopped has to leave as it is chopped.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let unanswered = Unanswered::default();
    let (requests, requested) = unbounded_channel();
    let (replies, replied) = unbounded_channel();
    // The first error ends all; an orderly end in one direction leaves the other open.
    tokio::try_join!(
        read_requests(from_client, requests, &unanswered, shared),
        read_replies(from_server, replies, &unanswered, shared),
        write(id, Way::ToServer, requested, to_server, shared),
        write(id, Way::ToClient, replied, to_client, shared),
    )?;
    Ok(())
}

async fn read_requests(
    mut from: OwnedReadHalf,
    to: UnboundedSender<Piece>,
    unanswered: &Unanswered,
    shared: &Shared,
) -> io::Result<()> {
    let mut messages = Messages::default();
    while let Some((message, is_resp)) = messages.next(&mut from).await {
        {
            let mut state = shared.state();
            if is_resp {
                let command = frame::command(&message);
                *state.commands.entry(command.clone()).or_default() += 1;
                unanswered.lock().unwrap_or_else(PoisonError::into_inner).push_back(command);
            }
            // The writer outlives its sender, except when the connection is over.
            let _ = to.send((Instant::now() + state.travel(Way::ToServer), Out::Bytes(message)));
        }
    }
    Ok(())
}

async fn read_replies(
    mut from: OwnedReadHalf,
    to: UnboundedSender<Piece>,
    unanswered: &Unanswered,
    shared: &Shared,
) -> io::Result<()> {
    let mut messages = Messages::default();
    let mut spoiler = Spoiler::default();
    while let Some((message, is_resp)) = messages.next(&mut from).await {
        {
            let mut state = shared.state();
            let arrival = Instant::now() + state.travel(Way::ToClient);
            let out = if is_resp {
                let command = unanswered.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                spoiler.reply(&command.unwrap_or_default(), message, &mut state)
            } else {
                vec![Out::Bytes(message)]
            };
            for piece in out {
                let _ = to.send((arrival, piece));
            }
        }
    }
    Ok(())
}

async fn write(
    id: u64,
    way: Way,
    mut from: UnboundedReceiver<Piece>,
    mut to: OwnedWriteHalf,
    shared: &Shared,
) -> io::Result<()> {
    while let Some((arrival, out)) = from.recv().await {
        sleep_until(arrival).await;
        shared.until(|state| id >= state.held_before[way as usize]).await;
        match out {
            Out::Bytes(bytes) => write_paced(&bytes, way, &mut to, shared).await?,
            Out::Cut => return Err(io::ErrorKind::ConnectionAborted.into()),
            Out::Endless(again) => loop {
                to.write_all(&again).await?;
            },
        }
    }
    shared.until(|state| id >= state.held_before[way as usize]).await;
    to.shutdown().await
}

async fn write_paced(bytes: &[u8], way: Way, to: &mut OwnedWriteHalf, shared: &Shared) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (now, cut, rate) = {
            let mut state = shared.state();
            let pace = state.pace[way as usize];
            // A bandwidth is kept in steps that are small against what is sent.
            let whole = if pace.bytes_per_second.is_some() { 1024 } else { usize::MAX };
            let step = pace.chunk.unwrap_or(whole);
            let step = step.clamp(1, rest.len());
            let (now, cut) = state.before_the_cut(way, step);
            (now, cut, pace.bytes_per_second)
        };
        to.write_all(&rest[..now]).await?;
        if cut {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        rest = &rest[now..];
        if let Some(rate) = rate {
            sleep(Duration::from_secs_f64(now as f64 / rate.max(1) as f64)).await;
        }
    }
    Ok(())
}

/// Cuts a stream into messages. From the first byte on that is no RESP, it is passed on as it comes.
#[derive(Default)]
struct Messages {
    bytes: Vec<u8>,
    garbled: bool,
}

impl Messages {
    /// The next message, and whether it is one; `None` at the end of the stream, which a broken connection has reached too.
    async fn next(&mut self, from: &mut OwnedReadHalf) -> Option<(Vec<u8>, bool)> {
        loop {
            match frame::length(&self.bytes) {
                _ if self.garbled && !self.bytes.is_empty() => break,
                Ok(Some(length)) => return Some((self.bytes.drain(..length).collect(), true)),
                Ok(None) => {}
                Err(frame::Garbled) => {
                    self.garbled = true;
                    break;
                }
            }
            self.bytes.reserve(64 * 1024);
            match from.read_buf(&mut self.bytes).await {
                Ok(1..) => {}
                // The beginning of a message is passed on as well.
                _ if !self.bytes.is_empty() => break,
                _ => return None,
            }
        }
        Some((std::mem::take(&mut self.bytes), false))
    }
}
