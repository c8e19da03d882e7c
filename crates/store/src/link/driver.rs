//! The task that moves the bytes of one connection.
//!
//! A command alone costs a wake-up of this task, a write and a read. When many tasks call at once, most of a client's
//! time would go there. So in a crowd nothing leaves at once: the driver first lets everybody run who is ready to, and
//! takes along what they have to send. Nothing waits for a clock, and a command that is alone leaves as it comes.
//!
//! Reads of single values that leave together leave as one `MGET`, which takes four fifths of the server's time (measured
//! with 64 tasks: 1.01 µs for each instead of 1.26). It calls missing what is of a wrong kind, and refuses all if one is
//! refused, so what it does not give is asked for again by a `GET`.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep};

use super::Lost;
use super::outbox::{Load, Outbox, Queue};
use super::reply::{Gathered, Reply};
use super::resp::{Malformed, Reader};
use crate::packed::write_head;

/// Calls that make a crowd.
const CROWD: usize = 4;
/// Room that is made for what comes in.
const READ: usize = 64 * 1024;
/// Values that are asked for at once. The server gives nothing of them before it has them all.
const MOST_GATHERED: usize = 256;
/// Departures whose reads go one by one after many were asked for in vain.
const SINGLY: u32 = 32;
/// How much later than its deadline a call may learn that it is over.
const TICK: Duration = Duration::from_millis(20);
/// A buffer that has grown over this is not kept.
const LARGE: usize = 1024 * 1024;
/// How much is taken in at a time. Who sends without an end must hold up neither the clock nor the other tasks.
const MOST_TAKEN: usize = 256 * 1024;

/// Moves bytes until the connection ends, and tells everybody who then still waits.
pub(super) async fn drive<S: AsyncRead + AsyncWrite + Unpin>(stream: S, outbox: Arc<Outbox>) {
    let mut driver = Driver {
        stream,
        outbox,
        load: Load::default(),
        out: Vec::new(),
        written: 0,
        departed: 0,
        input: BytesMut::new(),
        reader: Reader::default(),
        expected: VecDeque::new(),
        answered: 0,
        yielding: false,
        singly: 0,
        clock: Box::pin(sleep(TICK)),
        ticking: false,
        cause: io::ErrorKind::BrokenPipe.into(),
    };
    driver.cause = poll_fn(|context| driver.poll(context)).await;
}

struct Driver<S> {
    stream: S,
    outbox: Arc<Outbox>,
    /// An empty load, kept for its buffers.
    load: Load,
    /// What is leaving, and how much of it has left.
    out: Vec<u8>,
    written: usize,
    /// Where what is leaving ends in all that was ever to leave.
    departed: u64,
    input: BytesMut,
    reader: Reader,
    /// What is expected to come in, in this order.
    expected: VecDeque<Expected>,
    /// Answers since the last departure: those who have them may have the next command.
    answered: usize,
    /// It lets others run before the next departure.
    yielding: bool,
    /// As many departures go without `MGET`.
    singly: u32,
    /// Runs out when it has to be looked whose time is up. One for all: a timer of its own costs a call more than its
    /// answer. It rests while nobody waits.
    clock: Pin<Box<Sleep>>,
    ticking: bool,
    /// Why there will be no more answers. Until something is known, that the runtime ended or the connection was dropped.
    cause: io::Error,
}

/// What is expected of the server next.
struct Expected {
    /// Where the command ends in all that was ever to leave.
    end: u64,
    reply: Reply,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// Moves what can be moved; ready with the cause when the connection has ended.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let mut yielded = mem::take(&mut self.yielding);
        if self.ticking && self.clock.as_mut().poll(context).is_ready() {
            self.tick();
        }
        let mut taken = 0;
        loop {
            let mut moved = false;
            // A server that is full says so unasked, and that is for the first who asks.
            if self.departed > 0 {
                match self.poll_read(context) {
                    Poll::Ready(Ok(length)) => (moved, taken) = (true, taken + length),
                    Poll::Ready(Err(error)) => return Poll::Ready(error),
                    Poll::Pending => {}
                }
            }
            if self.out.is_empty() {
                moved |= self.board(context, mem::take(&mut yielded));
            }
            if !self.out.is_empty() {
                match self.poll_write(context) {
                    Poll::Ready(Ok(())) => moved = true,
                    Poll::Ready(Err(error)) => {
                        // TLS may have sent whole records of what it took last, and does not say so when it fails.
                        self.written = self.out.len();
                        // What has come in before counts.
                        while let Poll::Ready(Ok(_)) = self.poll_read(context) {}
                        return Poll::Ready(error);
                    }
                    Poll::Pending => {}
                }
            }
            if !moved {
                break;
            }
            if taken >= MOST_TAKEN {
                context.waker().wake_by_ref();
                break;
            }
        }
        // Whoever is not expected yet waits in the outbox because the way is blocked, behind others that are.
        // Nor is one who was refused before all of his was taken.
        while !self.ticking && (!self.expected.is_empty() || !self.out.is_empty()) {
            self.clock.as_mut().reset(Instant::now() + TICK);
            self.ticking = self.clock.as_mut().poll(context).is_pending();
        }
        Poll::Pending
    }

    /// Tells those whose time is up. What has not left never will; of the rest nobody knows.
    fn tick(&mut self) {
        self.ticking = false;
        let now = Instant::now();
        self.outbox.clear(now);
        self.expected.iter_mut().for_each(|expected| expected.reply.tell_overdue(now));
    }

    /// Takes what is to leave, and tells whether there was anything. In a crowd it lets others run before.
    fn board(&mut self, context: &Context<'_>, yielded: bool) -> bool {
        if self.yielding {
            return false;
        }
        let waiting = self.outbox.waiting(context);
        if waiting == 0 {
            return false;
        }
        if !yielded && waiting + self.answered + self.expected.len() > CROWD {
            self.yielding = true;
            context.waker().wake_by_ref();
            return false;
        }
        self.outbox.take(&mut self.load);
        self.answered = 0;
        mem::swap(&mut self.out, &mut self.load.commands.bytes);
        for (end, waiter) in self.load.commands.waiters.drain(..) {
            self.expected.push_back(Expected { end: self.departed + end as u64, reply: waiter.into() });
        }
        self.board_gets();
        self.departed += self.out.len() as u64;
        true
    }

    /// Behind the commands, so that no read is ahead of a write that came before it.
    fn board_gets(&mut self) {
        let gets = &mut self.load.gets;
        let singly = self.singly > 0 || gets.waiters.len() == 1;
        self.singly = self.singly.saturating_sub(1);
        if singly {
            let mut start = 0;
            for (end, answer) in gets.waiters.drain(..) {
                write_get(&gets.bytes[start..end], &mut self.out);
                let end_of_all = self.departed + self.out.len() as u64;
                self.expected.push_back(Expected { end: end_of_all, reply: Reply::One(answer) });
                start = end;
            }
            gets.bytes.clear();
            return;
        }
        let Queue { bytes: mut keys, mut waiters } = mem::take(gets);
        gets.bytes.reserve(keys.len());
        gets.waiters.reserve(waiters.len());
        while !waiters.is_empty() {
            let more = waiters.split_off(waiters.len().min(MOST_GATHERED));
            let end = waiters.last().map_or(0, |(end, _)| *end);
            let rest = keys.split_off(end);
            write_head(b'*', 1 + waiters.len(), &mut self.out);
            self.out.extend_from_slice(b"$4\r\nMGET\r\n");
            self.out.extend_from_slice(&keys);
            let reply = Reply::Gathered(Gathered::new(keys, waiters));
            self.expected.push_back(Expected { end: self.departed + self.out.len() as u64, reply });
            waiters = more.into_iter().map(|(at, answer)| (at - end, answer)).collect();
            keys = rest;
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.out.len() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.out[self.written..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.written = 0;
        self.out.clear();
        if self.out.capacity() > LARGE {
            self.out = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once and gives out what is complete.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.reserve(READ);
        let length = ready!(pin!(self.stream.read_buf(&mut self.input)).poll(context))?;
        if length == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.give_out().map_err(|malformed| io::Error::new(io::ErrorKind::InvalidData, malformed))?;
        if self.input.is_empty() && self.input.capacity() > LARGE {
            self.input = BytesMut::new();
        }
        Poll::Ready(Ok(length))
    }

    /// Gives each answer to who waits for it.
    fn give_out(&mut self) -> Result<(), Malformed> {
        let mut at = 0;
        while at < self.input.len() {
            let Some(expected) = self.expected.front_mut() else { return Err(Malformed::Unasked) };
            if !expected.reply.read(&mut self.reader, &self.input, &mut at)? {
                break;
            }
            let reply = self.expected.pop_front().map(|expected| expected.reply);
            self.answered += 1;
            if let Some(Reply::Gathered(gathered)) = reply {
                self.answered += gathered.wanted();
                if gathered.was_in_vain() {
                    self.singly = SINGLY;
                }
                gathered.ask_again(&self.outbox);
            }
        }
        self.input.advance(at);
        Ok(())
    }
}

/// However the driver ends, nobody goes on waiting.
impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        self.outbox.end();
        let left = self.departed - (self.out.len() - self.written) as u64;
        for Expected { end, reply } in self.expected.drain(..) {
            // Of a command that lacks its end, the server runs nothing.
            reply.lost(|| if end > left { Lost::Unsent } else { Lost::Broken(again(&self.cause)) });
        }
    }
}

/// The same cause once more, without the text that came with it, except for what TLS and our reader say.
fn again(cause: &io::Error) -> io::Error {
    let inner = cause.get_ref();
    if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return io::Error::new(cause.kind(), tls.clone());
    }
    match inner.and_then(|inner| inner.downcast_ref::<Malformed>()) {
        Some(malformed) => io::Error::new(cause.kind(), *malformed),
        None => cause.kind().into(),
    }
}

/// A `GET` of a key that is written as it stands in a command.
pub(super) fn write_get(key: &[u8], to: &mut Vec<u8>) {
    to.extend_from_slice(b"*2\r\n$3\r\nGET\r\n");
    to.extend_from_slice(key);
}

#[cfg(test)]
mod tests;
