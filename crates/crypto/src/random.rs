//! Random bytes, all of them straight from the operating system.
//!
//! A pool of salts in user space would save a tenth of the time of a small message, and would repeat them
//! where a process forks or a virtual machine is cloned. So there is none.

use crate::error::Result;

pub(crate) const SALT_LEN: usize = 24;

/// Fills `bytes` with what nobody can guess.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(Into::into)
}

/// A salt that no other message has.
pub(crate) fn salt() -> Result<[u8; SALT_LEN]> {
    let mut salt = [0; SALT_LEN];
    fill(&mut salt)?;
    Ok(salt)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::HashSet;

    use super::*;

    #[test]
    fn salts_of_many_threads_do_not_repeat() {
        const EACH: usize = 50_000;
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..EACH).map(|_| salt().unwrap()).collect::<Vec<_>>()))
            .collect();
        let seen: HashSet<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(seen.len(), 4 * EACH);
    }
}
