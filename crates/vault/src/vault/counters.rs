//! Counters: integers that the store adds to.

use roomkey_core::{Key, Kind, Op, Reply, Store};

use super::{Vault, broken};
use crate::{Error, Expiry, Name, Result};

/// Counters are the one thing that is not sealed: the store has to add, so whoever sees the store sees the number,
/// but not what it counts. A name that holds nothing counts as 0. None of these is repeated after a lost reply, as
/// that could count twice: [`Error::Store`] with [`Ambiguous`](roomkey_core::Error::Ambiguous) says that it may
/// have counted.
impl<S: Store> Vault<S> {
    /// Adds 1 and returns the new number. A counter that this creates never expires; see
    /// [`incr_for`](Self::incr_for).
    ///
    /// # Errors
    /// [`Error::NotANumber`] if the name holds a value, [`Error::Overflow`] beyond `i64`, both without a change; and
    /// see [`Vault`].
    pub async fn incr<'n>(&self, name: impl Into<Name<'n>>) -> Result<i64> {
        self.incr_for(name, 1, Expiry::Keep).await
    }

    /// Subtracts 1 and returns the new number, which may be negative.
    ///
    /// # Errors
    /// Those of [`incr`](Self::incr).
    pub async fn decr<'n>(&self, name: impl Into<Name<'n>>) -> Result<i64> {
        self.incr_for(name, -1, Expiry::Keep).await
    }

    /// Adds any number, or subtracts a negative one, and returns the new number.
    ///
    /// # Errors
    /// Those of [`incr`](Self::incr).
    pub async fn incr_by<'n>(&self, name: impl Into<Name<'n>>, by: i64) -> Result<i64> {
        self.incr_for(name, by, Expiry::Keep).await
    }

    /// Adds any number and sets when the counter expires, in one step. [`Expiry::AtLeast`] suits a counter that lives
    /// as long as it is used.
    ///
    /// # Errors
    /// [`Error::Expiry`], and those of [`incr`](Self::incr).
    pub async fn incr_for<'n>(
        &self,
        name: impl Into<Name<'n>>,
        by: i64,
        expiry: impl Into<Expiry>,
    ) -> Result<i64> {
        let key = self.key(Kind::Value, name)?;
        let reply = self.run(Op::add(&key, by, expiry.into().life()?)).await?;
        reply.number().ok_or_else(|| broken("another reply than a number"))
    }

    /// The number that a counter stands at; 0 if there is none.
    ///
    /// # Errors
    /// [`Error::NotANumber`] if the name holds a value, and see [`Vault`].
    pub async fn counter<'n>(&self, name: impl Into<Name<'n>>) -> Result<i64> {
        self.counter_at(&self.key(Kind::Value, name)?).await
    }

    /// The number that a counter of another layout stands at, for crates that keep structures of their own; 0 if
    /// there is none.
    ///
    /// # Errors
    /// [`Error::NotANumber`] if the key holds another value, [`Error::WrongType`] and [`Error::Store`].
    pub async fn counter_at(&self, key: &Key) -> Result<i64> {
        match self.run(Op::get(key)).await? {
            Reply::Bytes(None) => Ok(0),
            Reply::Bytes(Some(text)) => canonical(&text).ok_or(Error::NotANumber),
            _ => Err(broken("another reply than the bytes of a value")),
        }
    }
}

/// The number that a store would add to: an `i64` as it is printed, without a plus or leading zeros.
fn canonical(text: &[u8]) -> Option<i64> {
    let text = str::from_utf8(text).ok()?;
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_store_would_write_is_a_number() {
        for (text, number) in [("0", 0), ("-1", -1), ("9223372036854775807", i64::MAX)] {
            assert_eq!(canonical(text.as_bytes()), Some(number));
        }
        for text in ["", "+1", "01", "-0", " 1", "1 ", "1.0", "9223372036854775808", "\u{661}"] {
            assert_eq!(canonical(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(canonical(&[0xff, 0x01]), None);
    }
}
