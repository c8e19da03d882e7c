//! What one command or unit of commands is answered, while it comes in.

use std::vec;

use redis::Value;

use super::Lost;
use super::outbox::{Answer, Answers, Outbox, Waiter};
use super::resp::{Item, Malformed, Reader};

/// What comes in, and who gets it. Who has given up does not listen.
pub(super) enum Reply {
    One(Option<Answer>),
    Many { wanted: usize, values: Vec<Value>, answers: Option<Answers> },
    Gathered(Gathered),
}

impl From<Waiter> for Reply {
    fn from(waiter: Waiter) -> Self {
        match waiter {
            Waiter::One(answer) => Self::One(Some(answer)),
            Waiter::Many { wanted, answers } => {
                Self::Many { wanted, values: Vec::with_capacity(wanted), answers: Some(answers) }
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
                if let Some(answer) = answer.take() {
                    let _ = answer.send(Ok(value));
                }
            }
            Self::Many { wanted, values, answers } => {
                while values.len() < *wanted {
                    let Some(value) = reader.value(input, at)? else { return Ok(false) };
                    values.push(value);
                }
                if let Some(answers) = answers.take() {
                    let _ = answers.send(Ok(std::mem::take(values)));
                }
            }
            Self::Gathered(gathered) => return gathered.read(reader, input, at),
        }
        Ok(true)
    }

    /// Says that no more will come.
    pub(super) fn lost(self, why: impl Fn() -> Lost) {
        match self {
            Self::One(answer) => answer.into_iter().for_each(|answer| drop(answer.send(Err(why())))),
            Self::Many { answers, .. } => {
                answers.into_iter().for_each(|answers| drop(answers.send(Err(why()))));
            }
            Self::Gathered(gathered) => {
                let open = gathered.again.into_iter().map(|(_, answer)| answer);
                for answer in open.chain(gathered.open.map(|(_, answer)| answer)) {
                    let _ = answer.send(Err(why()));
                }
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
            let Some((end, answer)) = self.open.next() else { break };
            match value {
                Value::Nil => self.put_aside(end, answer),
                value => {
                    self.start = end;
                    let _ = answer.send(Ok(value));
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
