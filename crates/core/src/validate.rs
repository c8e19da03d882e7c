//! The rules that programs are checked against when they are built.

use bytes::Bytes;

use crate::{
    Args, Bound, Check, FieldTest, Fork, Invalid, Key, Kind, Life, Limit, MAX_CHECKS, MAX_ELEMENTS,
    MAX_FIELD_BYTES, MAX_KEYS, MAX_LIMIT, MAX_PROGRAM_BYTES, MAX_SCORE, MAX_VALUE_BYTES, Op, OpId, Partition,
    ReplyShape, Score, Step, ValueTest,
};

/// Walks the tree of a transaction in the order in which it runs.
pub(crate) struct Validator {
    /// The keys named so far. A program names few, so a walk over them beats hashing.
    keys: Vec<Key>,
    /// By op: the shape of its reply while the op is visible, which is until the branch that it stands in ends.
    visible: Vec<Option<ReplyShape>>,
    /// The keys that some earlier op of the same path may have written, newest last.
    written: Vec<Bytes>,
    bytes: usize,
    checks: usize,
    uses_clock: bool,
    writes: bool,
}

/// What is known of a transaction that breaks no rule.
pub(crate) struct Found {
    pub(crate) partition: Partition,
    pub(crate) uses_clock: bool,
    /// Whether any op writes, on whatever path.
    pub(crate) writes: bool,
    /// Of all arguments together.
    pub(crate) bytes: usize,
}

impl Validator {
    /// Checks a whole transaction of so many ops.
    pub(crate) fn check(ops: usize, steps: &[Step]) -> Result<Found, Invalid> {
        let mut validator = Self::new(ops);
        validator.steps(steps)?;
        validator.finish()
    }

    fn new(ops: usize) -> Self {
        Self {
            keys: Vec::new(),
            visible: vec![None; ops],
            written: Vec::new(),
            bytes: 0,
            checks: 0,
            uses_clock: false,
            writes: false,
        }
    }

    /// Checks the steps of one branch. Its ops are no longer visible afterwards, but their writes are.
    fn steps(&mut self, steps: &[Step]) -> Result<(), Invalid> {
        for step in steps {
            match step {
                Step::Op(id, op) => self.op(*id, op)?,
                Step::Fork(fork) => self.fork(fork)?,
            }
        }
        for step in steps {
            if let Step::Op(id, _) = step {
                self.visible[id.index()] = None;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Found, Invalid> {
        let Self { keys, bytes, uses_clock, writes, .. } = self;
        if bytes > MAX_PROGRAM_BYTES {
            return Err(Invalid::ProgramTooLarge);
        }
        let partition = keys.first().ok_or(Invalid::NoKey)?.partition();
        Ok(Found { partition, uses_clock, writes, bytes })
    }

    fn fork(&mut self, fork: &Fork) -> Result<(), Invalid> {
        self.checks += fork.when.len();
        if self.checks > MAX_CHECKS {
            return Err(Invalid::TooManyChecks);
        }
        for check in &fork.when {
            self.bytes += check_check(check)?;
            if let Some(key) = check.key() {
                self.key(key)?;
            }
            if let Check::Below { limit: Limit::Stored { key, .. }, .. } = check {
                self.key(key)?;
            }
            self.uses_clock |= check.uses_clock();
        }
        // Both branches see the writes before the fork; a step after it must expect those of either.
        let before = self.written.len();
        self.steps(&fork.then)?;
        let by_then = self.written.split_off(before);
        self.steps(&fork.otherwise)?;
        self.written.extend(by_then);
        Ok(())
    }

    fn op(&mut self, id: OpId, op: &Op) -> Result<(), Invalid> {
        self.bytes += check_op(op)?;
        self.key(op.key())?;
        if let Some(Limit::Stored { key, .. }) = op.limit() {
            self.key(key)?;
        }
        for reference in op.list_references() {
            if !self.shape_of(reference)?.has_list() {
                return Err(Invalid::ReferenceShape);
            }
        }
        if let Some(reference) = op.number_reference()
            && !self.shape_of(reference)?.has_number()
        {
            return Err(Invalid::ReferenceShape);
        }
        if matches!(op, Op::Add { .. }) && self.written.contains(op.key().bytes()) {
            return Err(Invalid::AddAfterWrite);
        }
        // An expiry that cannot remove the key leaves its number alone, so that a program may free before it adds.
        let keeps_number = matches!(op, Op::Expire { life: Life::Keep | Life::Never | Life::AtLeast(_), .. });
        if op.writes() && !op.is_empty() && !keeps_number {
            self.written.push(op.key().bytes().clone());
        }
        self.uses_clock |= op.uses_clock();
        self.writes |= op.writes();
        self.visible[id.index()] = Some(op.shape());
        Ok(())
    }

    fn shape_of(&self, reference: OpId) -> Result<ReplyShape, Invalid> {
        self.visible.get(reference.index()).copied().flatten().ok_or(Invalid::Reference)
    }

    fn key(&mut self, key: &Key) -> Result<(), Invalid> {
        match self.keys.iter().find(|known| known.bytes() == key.bytes()) {
            Some(known) if known.kind() == key.kind() => return Ok(()),
            Some(_) => return Err(Invalid::TwoKinds),
            None => {}
        }
        if self.keys.first().is_some_and(|first| first.partition() != key.partition()) {
            return Err(Invalid::TwoPartitions);
        }
        self.keys.push(key.clone());
        if self.keys.len() > MAX_KEYS { Err(Invalid::TooManyKeys) } else { Ok(()) }
    }
}

/// Checks what an op says by itself; returns the bytes of its arguments.
pub(crate) fn check_op(op: &Op) -> Result<usize, Invalid> {
    let kind = op.key().kind();
    if op.kind().is_some_and(|needed| needed != kind) {
        return Err(Invalid::WrongKind);
    }
    if let Some(until) = op.life().and_then(Life::until) {
        until.validate()?;
    }
    let mut bytes = 0;
    match op {
        Op::Put { value, .. } => bytes += check_args(value, MAX_VALUE_BYTES)?,
        Op::MapGet { fields, .. } | Op::MapRemove { fields, .. } => {
            bytes += check_args(fields, MAX_FIELD_BYTES)?
        }
        Op::MapPut { fields, values, .. } => {
            bytes += check_args(fields, MAX_FIELD_BYTES)? + check_args(values, MAX_VALUE_BYTES)?;
        }
        Op::MapMatch { fields, prefixes, .. } => {
            if fields.len() != prefixes.len() {
                return Err(Invalid::Uneven);
            }
            bytes += check_list(fields, MAX_FIELD_BYTES)? + check_list(prefixes, MAX_VALUE_BYTES)?;
        }
        Op::Push { values, .. } => bytes += check_args(values, MAX_VALUE_BYTES)?,
        Op::Pop { count, .. } => check_limit(*count)?,
        Op::RankPut(put) => {
            bytes += check_args(&put.members, MAX_FIELD_BYTES)?;
            match put.score {
                Score::After(until) => until.validate()?,
                Score::Is(score) => check_score(score)?,
                Score::From(_) | Score::Last => {}
            }
            bytes += put.within.as_ref().map_or(Ok(0), check_limit_source)?;
            // In a transaction this holds for all keys; the op of a batch is the one that names two as well.
            if let Some(Limit::Stored { key, .. }) = &put.within {
                if key.bytes() == put.key.bytes() {
                    return Err(Invalid::TwoKinds);
                }
                if key.partition() != put.key.partition() {
                    return Err(Invalid::TwoPartitions);
                }
            }
        }
        Op::RankRemove { members, .. } | Op::RankScores { members, .. } => {
            bytes += check_args(members, MAX_FIELD_BYTES)?;
        }
        Op::RankTake { limit, .. } | Op::LogRange { limit, .. } => check_limit(*limit)?,
        Op::RankRange { min, max, limit, .. } => {
            check_limit(*limit)?;
            for bound in [min, max] {
                if let Bound::Is(score) = bound {
                    check_score(*score)?;
                }
            }
        }
        Op::RankPlace { member, .. } => bytes += check_size(member, MAX_FIELD_BYTES)?,
        Op::Append(append) => {
            if append.keep == 0 {
                return Err(Invalid::Limit);
            }
            bytes += check_log_fields(&append.fields)?;
        }
        Op::Walk { count, cursor, .. } => {
            if !matches!(kind, Kind::Map | Kind::Ranking) {
                return Err(Invalid::WrongKind);
            }
            check_limit(*count)?;
            bytes += cursor.as_ref().map_or(0, |cursor| cursor.as_bytes().len());
        }
        Op::Ttl { .. }
        | Op::Expire { .. }
        | Op::Delete { .. }
        | Op::Get { .. }
        | Op::Take { .. }
        | Op::Add { .. }
        | Op::MapAll { .. }
        | Op::Range { .. }
        | Op::RankCount { .. } => {}
    }
    Ok(bytes)
}

/// Checks what a check says by itself; returns the bytes of its arguments.
fn check_check(check: &Check) -> Result<usize, Invalid> {
    let needs = |key: &Key, kind| if key.kind() == kind { Ok(()) } else { Err(Invalid::WrongKind) };
    match check {
        Check::Exists(_) | Check::Missing(_) | Check::Before(_) => Ok(0),
        Check::Value { key, is } => {
            needs(key, Kind::Value)?;
            let (ValueTest::Equals(bytes) | ValueTest::StartsWith(bytes)) = is;
            check_size(bytes, MAX_VALUE_BYTES)
        }
        Check::Field { key, field, is } => {
            needs(key, Kind::Map)?;
            let compared = match is {
                FieldTest::Present | FieldTest::Absent => 0,
                FieldTest::Equals(bytes) | FieldTest::StartsWith(bytes) => {
                    check_size(bytes, MAX_VALUE_BYTES)?
                }
            };
            Ok(check_size(field, MAX_FIELD_BYTES)? + compared)
        }
        Check::Number { key, .. } => needs(key, Kind::Value).map(|()| 0),
        Check::Ranked { key, member, .. } => {
            needs(key, Kind::Ranking)?;
            check_size(member, MAX_FIELD_BYTES)
        }
        Check::Below { key, limit } => {
            needs(key, Kind::Ranking)?;
            check_limit_source(limit)
        }
        Check::Size { key, .. } if key.kind() == Kind::Value => Err(Invalid::WrongKind),
        Check::Size { .. } => Ok(0),
    }
}

fn check_args(args: &Args, largest: usize) -> Result<usize, Invalid> {
    match args {
        Args::Given(list) => check_list(list, largest),
        Args::From(_) => Ok(0),
    }
}

fn check_list(list: &[Bytes], largest: usize) -> Result<usize, Invalid> {
    if list.len() > MAX_ELEMENTS {
        return Err(Invalid::TooManyElements);
    }
    list.iter().try_fold(0, |sum, bytes| Ok(sum + check_size(bytes, largest)?))
}

fn check_size(bytes: &Bytes, largest: usize) -> Result<usize, Invalid> {
    match bytes.len() {
        len if len <= largest => Ok(len),
        _ if largest == MAX_FIELD_BYTES => Err(Invalid::FieldTooLarge),
        _ => Err(Invalid::ValueTooLarge),
    }
}

fn check_limit(limit: u32) -> Result<(), Invalid> {
    if (1..=MAX_LIMIT).contains(&limit) { Ok(()) } else { Err(Invalid::Limit) }
}

fn check_score(score: i64) -> Result<(), Invalid> {
    if (-MAX_SCORE..=MAX_SCORE).contains(&score) { Ok(()) } else { Err(Invalid::Score) }
}

fn check_limit_source(limit: &Limit) -> Result<usize, Invalid> {
    match limit {
        Limit::Given(_) => Ok(0),
        Limit::Stored { key, .. } if key.kind() != Kind::Map => Err(Invalid::WrongKind),
        Limit::Stored { field, .. } => check_size(field, MAX_FIELD_BYTES),
    }
}

fn check_log_fields(fields: &[(&'static str, Args)]) -> Result<usize, Invalid> {
    let readable = |name: &str| {
        (1..=16).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !(1..=16).contains(&fields.len()) || !fields.iter().all(|(name, _)| readable(name)) {
        return Err(Invalid::LogFields);
    }
    fields.iter().try_fold(0, |sum, (_, args)| Ok(sum + check_args(args, MAX_VALUE_BYTES)?))
}

#[cfg(test)]
mod tests;
