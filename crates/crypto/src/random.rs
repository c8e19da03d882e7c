//! Random bytes of the operating system: straight for keys, sixteen salts at a time for messages.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::Result;

pub(crate) const SALT_LEN: usize = 24;

/// How many salts one system call fetches. A call costs as much as encrypting 256 bytes, so one per message
/// would be a fifth of the work on small ones; at sixteen what is left is the cost of the bytes themselves.
const SALTS: usize = 16;

thread_local! {
    /// Salts fetched and not yet used. One pool per thread, because a shared one would need a lock per
    /// message.
    static POOL: RefCell<Pool> = const { RefCell::new(Pool::EMPTY) };
}

/// Fills `bytes` with secrets. They come from the operating system directly and are copied nowhere.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(Into::into)
}

/// A salt that no other message has.
pub(crate) fn salt() -> Result<[u8; SALT_LEN]> {
    // A clock before 1970 gives zero, which is as good: see `Pool::next`.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    POOL.with_borrow_mut(|pool| pool.next(now, fill))
}

#[derive(Clone)]
struct Pool {
    salts: [[u8; SALT_LEN]; SALTS],
    /// How many of `salts`, from the front, have not been given out.
    left: usize,
}

impl Pool {
    const EMPTY: Self = Self { salts: [[0; SALT_LEN]; SALTS], left: 0 };

    /// Takes the next salt, after fetching new ones if none is left.
    ///
    /// A process that forks, or a virtual machine that is cloned, copies this pool with all else. So the time
    /// is added to each salt: the copies part at the first nanosecond that differs, and a sum of random bits
    /// with anything independent of them is as random as before. Should two copies meet even so, and in one
    /// context, it is the key of that one message that repeats, and no other.
    fn next(&mut self, now: u128, fill: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<[u8; SALT_LEN]> {
        if self.left == 0 {
            fill(self.salts.as_flattened_mut())?;
            self.left = SALTS;
        }
        self.left -= 1;
        let mut salt = self.salts[self.left];
        for (byte, time) in salt.iter_mut().zip(now.to_be_bytes()) {
            *byte ^= time;
        }
        Ok(salt)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::HashSet;

    use super::*;
    use crate::Error;

    #[test]
    fn salts_of_many_threads_do_not_repeat() {
        const EACH: usize = 50_000;
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..EACH).map(|_| salt().unwrap()).collect::<Vec<_>>()))
            .collect();
        let seen: HashSet<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(seen.len(), 4 * EACH);
    }

    #[test]
    fn a_copied_pool_gives_other_salts_at_another_time() {
        let mut parent = Pool::EMPTY;
        parent.next(1, fill).unwrap();
        let mut child = parent.clone();
        for tick in 2..2 + SALTS as u128 - 1 {
            assert_ne!(parent.next(tick, fill).unwrap(), child.next(tick + 1, fill).unwrap());
        }
    }

    #[test]
    fn without_randomness_there_is_no_salt_and_none_is_given_twice() {
        let mut pool = Pool::EMPTY;
        let broken = |_: &mut [u8]| Err(getrandom::Error::UNSUPPORTED.into());
        assert!(matches!(pool.next(0, broken), Err(Error::Random(_))));

        let given: HashSet<_> = (0..SALTS).map(|_| pool.next(0, fill).unwrap()).collect();
        assert_eq!(given.len(), SALTS);
        assert!(matches!(pool.next(0, broken), Err(Error::Random(_))));
        assert!(!given.contains(&pool.next(0, fill).unwrap()));
    }
}
