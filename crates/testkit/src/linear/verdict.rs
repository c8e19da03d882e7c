//! What a check came to.

use std::fmt::{self, Debug, Display};

/// How many calls before a dead end are told.
const TOLD: usize = 12;

/// What a check came to.
#[derive(Clone, Debug)]
#[must_use = "a verdict that nobody looks at is no check"]
#[expect(clippy::exhaustive_enums, reason = "there is an order, there is none, or it is unknown")]
pub enum Verdict {
    /// There is an order that explains every answer.
    Linearizable {
        /// How many steps it took to find.
        steps: usize,
    },
    /// There is none.
    Broken(Box<DeadEnd>),
    /// None was found within the steps that were allowed. Fewer callers at a time, more parts, or a model with fewer
    /// states help better than more steps.
    Undecided(Box<DeadEnd>),
}

/// How far the search for an order came at best.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DeadEnd {
    /// The part, if parts were checked.
    pub part: Option<String>,
    /// How many steps were taken.
    pub steps: usize,
    /// How many calls have an answer.
    pub answers: usize,
    /// How many of those have their place in the order.
    pub explained: usize,
    /// The order, each call in a line: when it began and ended, who asked, what, and the answer.
    pub order: Vec<String>,
    /// What the model is left with.
    pub state: String,
    /// The calls that would have to come next. None of those with an answer can have got it from this state.
    pub stuck: Vec<String>,
}

impl Verdict {
    /// Whether there is an order.
    #[must_use]
    pub fn is_linearizable(&self) -> bool {
        matches!(self, Self::Linearizable { .. })
    }

    /// Asserts that there is an order. `told` is printed where there is none: the seed, above all.
    ///
    /// # Panics
    /// When there is none, and when that is undecided.
    #[track_caller]
    pub fn assert_linearizable(&self, told: impl Display) {
        assert!(self.is_linearizable(), "{self}\n{told}");
    }

    /// The same verdict, with the part that it is about.
    pub(super) fn of(mut self, part: &impl Debug) -> Self {
        if let Self::Broken(dead_end) | Self::Undecided(dead_end) = &mut self {
            dead_end.part = Some(format!("{part:?}"));
        }
        self
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linearizable { steps } => write!(f, "linearizable, in {steps} steps"),
            Self::Broken(dead_end) => write!(f, "not linearizable{dead_end}"),
            Self::Undecided(dead_end) => write!(f, "undecided, so not known to be linearizable{dead_end}"),
        }
    }
}

impl Display for DeadEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, steps, answers, explained, order, state, stuck } = self;
        if let Some(part) = part {
            write!(f, ", part {part}")?;
        }
        write!(
            f,
            ": {explained} of {answers} answers explained at best, in {steps} steps, by an order that ends"
        )?;
        let untold = order.len().saturating_sub(TOLD);
        if untold > 0 {
            write!(f, "\n  … {untold} calls")?;
        }
        order[untold..].iter().try_for_each(|call| write!(f, "\n  {call}"))?;
        write!(f, "\nand leads to\n  {state}\nwhere one of these would have to come next:")?;
        stuck.iter().try_for_each(|call| write!(f, "\n  {call}"))
    }
}
