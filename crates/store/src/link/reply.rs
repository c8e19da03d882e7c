//! What one command or unit of commands is answered, while it comes in.

use std::vec;

use redis::Value;
use tokio::time::Instant;

use super::Lost;
use super::outbox::{Answer, Outbox, Waiter};
use super::resp::{Item, Malformed, Reader};

/// What comes in, and who gets it. Who has given up does not listen.
pub(super) enum Reply {
    One(Answer),
    Many { wanted: usize, values: Vec<Value>, answer: Answer<Vec<Value>> },
    Gathered(Gathered),
}

impl From<Waiter> for Reply {
    fn from(waiter: Waiter) -> Self {
        match waiter {
            Waiter::One(answer) => Self::One(answer),
            Waiter::Many { wanted, answer } => {
                Self::Many { wanted, values: Vec::with_capacity(wanted), answer }
            }
        }
    }
}

impl Reply {
    /// Reads on and gives out what is complete; tells whether all of it is.
    pub(super) fn read(
        &mut self,
        reader: &mut Reader,
        input: &[u8],
        at: &mut usize,
    ) -> Result<bool, Malformed> {
        match self {
            Self::One(answer) => {
                let Some(value) = reader.value(input, at)? else { return Ok(false) };
                answer.give(Ok(value));
            }
            Self::Many { wanted, values, answer } => {
                while values.len() < *wanted {
                    let Some(value) = reader.value(input, at)? else { return Ok(false) };
                    values.push(value);
                }
                answer.give(Ok(std::mem::take(values)));
            }
            Self::Gathered(gathered) => return gathered.read(reader, input, at),
        }
        Ok(true)
    }

    /// Says that no more will come.
    pub(super) fn lost(self, why: impl Fn() -> Lost) {
        match self {
            Self::One(mut answer) => answer.give(Err(why())),
            Self::Many { mut answer, .. } => answer.give(Err(why())),
            Self::Gathered(gathered) => {
                let open = gathered.again.into_iter().map(|(_, answer)| answer);
                for mut answer in open.chain(gathered.open.map(|(_, answer)| answer)) {
                    answer.give(Err(why()));
                }
            }
        }
    }

    /// Tells those whose time is up that they need not wait.
    pub(super) fn tell_overdue(&mut self, now: Instant) {
        match self {
            Self::One(answer) => answer.give_if_overdue(now, Lost::Overdue),
            Self::Many { answer, .. } => answer.give_if_overdue(now, Lost::Overdue),
            Self::Gathered(gathered) => {
                let open = gathered.open.as_mut_slice().iter_mut().map(|(_, answer)| answer);
                let again = gathered.again.iter_mut().map(|(_, answer)| answer);
                open.chain(again).for_each(|answer| answer.give_if_overdue(now, Lost::Overdue));
            }
        }
    }
}

/// The values that one `MGET` asks for.
pub(super) struct Gathered {
    /// The keys as they stand in the command.
    keys: Vec<u8>,
    /// Where the next key begins.
    start: usize,
    /// Whose value has not come yet, each with where its key ends.
    open: vec::IntoIter<(usize, Answer)>,
    /// Who has to ask by himself, with his key.
    again: Vec<(Vec<u8>, Answer)>,
    wanted: usize,
    begun: bool,
}

impl Gathered {
    pub(super) fn new(keys: Vec<u8>, waiters: Vec<(usize, Answer)>) -> Self {
        let wanted = waiters.len();
        Self { keys, start: 0, open: waiters.into_iter(), again: Vec::new(), wanted, begun: false }
    }

    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// Whether so much had to be asked again that it had been better not to ask for all at once.
    pub(super) fn was_in_vain(&self) -> bool {
        self.again.len() * 4 > self.wanted
    }

    /// Asks by themselves for those whose value was not among the others.
    pub(super) fn ask_again(self, outbox: &Outbox) {
        if self.again.is_empty() {
            return;
        }
        for (key, answer) in self.again {
            outbox.add_single_get(&key, answer);
        }
    }

    fn read(&mut self, reader: &mut Reader, input: &[u8], at: &mut usize) -> Result<bool, Malformed> {
        if !self.begun {
            match reader.head(input, at)? {
                None => return Ok(false),
                Some(Item::Array(values)) if values == self.wanted => self.begun = true,
                // Another may be the one that is refused.
                Some(Item::Whole(Value::ServerError(_))) => {
                    while let Some((end, answer)) = self.open.next() {
                        self.put_aside(end, answer);
                    }
                    return Ok(true);
                }
                Some(_) => return Err(Malformed::Unasked),
            }
        }
        while self.open.len() > 0 {
            let Some(value) = reader.value(input, at)? else { return Ok(false) };
            let Some((end, mut answer)) = self.open.next() else { break };
            match value {
                Value::Nil => self.put_aside(end, answer),
                value => {
                    self.start = end;
                    answer.give(Ok(value));
                }
            }
        }
        Ok(true)
    }

    fn put_aside(&mut self, end: usize, answer: Answer) {
        self.again.push((self.keys[self.start..end].to_vec(), answer));
        self.start = end;
    }
}
