//! Where a walk goes on: `<run id>:<cursor>`.
//!
//! A cursor of Redis means something only to the process that gave it, so the run of the server goes with it.

use std::sync::Arc;

use bytes::Bytes;
use roomkey_core::{Cursor, Error, Op, Result, Step, Txn};

/// Splits a cursor into the run that it belongs to and what that run calls it.
pub(super) fn read(cursor: &Cursor) -> Result<(&str, u64)> {
    let parts = std::str::from_utf8(cursor.as_bytes()).ok().and_then(|text| text.split_once(':'));
    let read = parts.and_then(|(run, at)| Some((run, at.parse().ok()?)));
    read.ok_or(Error::CursorLost)
}

/// The cursor of a run; `None` at the end of a walk, which Redis writes as 0.
pub(super) fn write(run: &str, at: &str) -> Option<Cursor> {
    (at != "0").then(|| Cursor::from_bytes(Bytes::from(format!("{run}:{at}"))))
}

/// The run that the cursor of an op belongs to.
pub(super) fn run_of(op: &Op) -> Result<Option<Arc<str>>> {
    match op {
        Op::Walk { cursor: Some(cursor), .. } => Ok(Some(read(cursor)?.0.into())),
        _ => Ok(None),
    }
}

/// The run that all cursors of a transaction belong to, on whichever branch they stand.
pub(super) fn run_of_txn(txn: &Txn) -> Result<Option<Arc<str>>> {
    let mut found = None;
    run_of_steps(txn.steps(), &mut found)?;
    Ok(found)
}

fn run_of_steps(steps: &[Step], found: &mut Option<Arc<str>>) -> Result<()> {
    for step in steps {
        match step {
            Step::Op(_, op) => match (run_of(op)?, &found) {
                (Some(run), Some(other)) if run != *other => return Err(Error::CursorLost),
                (Some(run), _) => *found = Some(run),
                (None, _) => {}
            },
            Step::Fork(fork) => {
                run_of_steps(&fork.then, found)?;
                run_of_steps(&fork.otherwise, found)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_garbage_is_lost() {
        let cursor = write("run", "17").unwrap();
        assert_eq!(read(&cursor).unwrap(), ("run", 17));
        assert_eq!(write("run", "0"), None);
        for bad in [&b""[..], b"17", b"run:", b"run:x", b"run:-1", b"\xff:1"] {
            let cursor = Cursor::from_bytes(Bytes::copy_from_slice(bad));
            assert!(matches!(read(&cursor), Err(Error::CursorLost)), "{bad:?}");
        }
    }
}
