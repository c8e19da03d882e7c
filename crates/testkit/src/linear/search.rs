//! The search for an order.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::hash::Hash;

use super::bits::{Bits, Packed};
use super::verdict::{DeadEnd, Verdict};
use super::{Call, Model};

/// A search among the calls of one part.
///
/// It goes into the depth: places one call after the other and takes back those after which no other can follow. What
/// comes after a set of placed calls depends on nothing but the state that they have led to, so no pair of both is tried
/// twice, unless with unanswered calls at hand that were used up the first time.
pub(super) struct Search<'a, M: Model> {
    model: &'a M,
    /// By their beginnings.
    answered: Vec<&'a Call<M::Op, M::Answer>>,
    /// Which of those have their place.
    placed: Bits,
    /// Those that ask the same lie together, by their beginnings. One is as good as the other, so they happen in this order:
    /// otherwise there would be as many ways as there are sets of them.
    unanswered: Vec<Vec<&'a Call<M::Op, M::Answer>>>,
    /// How many of each kind have happened.
    happened: Vec<usize>,
}

/// A call that may come next.
#[derive(Clone, Copy)]
enum Choice {
    Answered(usize),
    /// The next of a kind, and which one that is.
    Unanswered(usize, usize),
}

/// A state that was reached, and what may come next and is not tried yet.
struct Node<S> {
    /// The call that led here; none to the start.
    by: Option<Choice>,
    state: S,
    choices: Vec<Choice>,
    /// The states after the call tried last that are not tried yet, and this call.
    next: Vec<(Choice, S)>,
}

impl<'a, M: Model> Search<'a, M> {
    pub(super) fn new(model: &'a M, calls: impl Iterator<Item = &'a Call<M::Op, M::Answer>>) -> Self {
        let mut calls: Vec<_> = calls.collect();
        calls.sort_by_key(|call| call.began.tick);
        let (mut answered, mut unanswered) = (Vec::new(), Vec::<Vec<&Call<_, _>>>::new());
        for call in calls {
            if call.end.is_some() {
                answered.push(call);
            } else if let Some(kind) = unanswered.iter_mut().find(|kind| kind[0].op == call.op) {
                kind.push(call);
            } else {
                unanswered.push(vec![call]);
            }
        }
        let (placed, happened) = (Bits::new(answered.len()), vec![0; unanswered.len()]);
        Self { model, answered, placed, unanswered, happened }
    }

    /// Finds an order, or that there is none, or neither within so many steps.
    pub(super) fn run(mut self, steps: usize) -> Verdict {
        let mut seen = Seen::default();
        let mut farthest = None;
        let mut path = vec![self.node(None, self.model.start())];
        while let Some(node) = path.last_mut() {
            if self.placed.count() == self.answered.len() {
                return Verdict::Linearizable { steps: seen.steps };
            }
            if let Some((choice, state)) = node.next.pop() {
                self.place(choice);
                if !seen.is_new(&self.placed, &self.happened, &state) {
                    self.take_back(choice);
                    continue;
                }
                path.push(self.node(Some(choice), state));
                if seen.steps >= steps {
                    self.note(&path, &mut farthest);
                    return Verdict::Undecided(self.dead_end(farthest, seen.steps));
                }
            } else if let Some(choice) = node.choices.pop() {
                let after = self.after(choice, &node.state);
                node.next.extend(after.into_iter().map(|state| (choice, state)));
            } else {
                self.note(&path, &mut farthest);
                if let Some(choice) = path.pop().and_then(|node| node.by) {
                    self.take_back(choice);
                }
            }
        }
        Verdict::Broken(self.dead_end(farthest, seen.steps))
    }

    fn node(&self, by: Option<Choice>, state: M::State) -> Node<M::State> {
        Node { by, state, choices: self.choices(), next: Vec::new() }
    }

    /// What may come next, the last of it first: calls that began before all others ended that are not placed yet. They
    /// are tried in the order in which they ended, and only when none of them leads on, those that may not have happened
    /// at all.
    fn choices(&self) -> Vec<Choice> {
        let mut answered = Vec::new();
        let mut bound = u64::MAX;
        for number in self.placed.missing(self.answered.len()) {
            let call = self.answered[number];
            if call.began.tick > bound {
                break;
            }
            let end = call.end.as_ref().map_or(u64::MAX, |(moment, _)| moment.tick);
            bound = bound.min(end);
            answered.push((end, number));
        }
        answered.sort_unstable();
        let mut choices = Vec::new();
        for (kind, (calls, happened)) in self.unanswered.iter().zip(&self.happened).enumerate() {
            if calls.get(*happened).is_some_and(|call| call.began.tick <= bound) {
                choices.push(Choice::Unanswered(kind, *happened));
            }
        }
        choices.extend(answered.into_iter().rev().map(|(_, number)| Choice::Answered(number)));
        choices
    }

    /// The states that a call may lead to.
    fn after(&self, choice: Choice, state: &M::State) -> Vec<M::State> {
        let mut next = self.model.step(state, self.call(choice));
        if matches!(choice, Choice::Unanswered(..)) {
            // That it changed nothing is as good as that it never happened.
            next.retain(|after| after != state);
        }
        next
    }

    fn call(&self, choice: Choice) -> &'a Call<M::Op, M::Answer> {
        match choice {
            Choice::Answered(number) => self.answered[number],
            Choice::Unanswered(kind, number) => self.unanswered[kind][number],
        }
    }

    fn place(&mut self, choice: Choice) {
        match choice {
            Choice::Answered(number) => self.placed.insert(number),
            Choice::Unanswered(kind, _) => self.happened[kind] += 1,
        }
    }

    fn take_back(&mut self, choice: Choice) {
        match choice {
            Choice::Answered(number) => self.placed.remove(number),
            Choice::Unanswered(kind, _) => self.happened[kind] -= 1,
        }
    }

    /// Keeps the path if no earlier one has explained more answers, or as many with fewer calls.
    fn note(&self, path: &[Node<M::State>], farthest: &mut Option<Farthest<M::State>>) {
        let Some(last) = path.last() else { return };
        let explained = self.placed.count();
        // The path begins with the start, to which no call led.
        let better = (explained, Reverse(path.len() - 1));
        if farthest.as_ref().is_none_or(|best| (best.explained, Reverse(best.order.len())) < better) {
            let order = path.iter().filter_map(|node| node.by).collect();
            *farthest = Some(Farthest { explained, order, state: last.state.clone(), stuck: self.choices() });
        }
    }

    fn dead_end(&self, farthest: Option<Farthest<M::State>>, steps: usize) -> Box<DeadEnd> {
        let told = |choices: Vec<Choice>| choices.into_iter().map(|choice| told(self.call(choice))).collect();
        let answers = self.answered.len();
        let mut dead_end = DeadEnd { steps, answers, ..DeadEnd::default() };
        if let Some(Farthest { explained, order, state, stuck }) = farthest {
            dead_end.explained = explained;
            dead_end.order = told(order);
            dead_end.state = format!("{state:?}");
            dead_end.stuck = told(stuck.into_iter().rev().collect());
        }
        Box::new(dead_end)
    }
}

/// What was tried before.
struct Seen<S> {
    /// For placed calls and a state, how many unanswered calls of each kind had been used up.
    by: HashMap<(Packed, S), Vec<Vec<usize>>>,
    steps: usize,
}

impl<S: Clone + Eq + Hash> Seen<S> {
    /// Whether something may come of this that could not come of what was tried before: that had used up as much or more.
    fn is_new(&mut self, placed: &Bits, happened: &[usize], state: &S) -> bool {
        let no_more = |used: &Vec<usize>| used.iter().zip(happened).all(|(used, happened)| used <= happened);
        let used = match self.by.entry((placed.packed(), state.clone())) {
            Entry::Occupied(entry) if entry.get().iter().any(no_more) => return false,
            entry => entry.or_default(),
        };
        used.push(happened.to_vec());
        self.steps += 1;
        true
    }
}

impl<S> Default for Seen<S> {
    fn default() -> Self {
        Self { by: HashMap::new(), steps: 0 }
    }
}

/// Where the search came farthest.
struct Farthest<S> {
    explained: usize,
    order: Vec<Choice>,
    state: S,
    stuck: Vec<Choice>,
}

/// A call in one line.
fn told<Op: Debug, Answer: Debug>(call: &Call<Op, Answer>) -> String {
    let Call { caller, op, began, end } = call;
    match end {
        Some((ended, answer)) => {
            format!("{:>6}-{:<6} {caller}: {op:?} -> {answer:?}", began.tick, ended.tick)
        }
        None => format!("{:>6}-{:<6} {caller}: {op:?} -> no answer", began.tick, ""),
    }
}
