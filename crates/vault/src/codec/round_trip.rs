//! Whether a value comes back: it is read from what was just written, and compared, before anything is sent.

use std::any::type_name;
use std::hash::RandomState;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::digest::digest;
use super::{Codec, binary};
use crate::{Error, Result};

/// Reads `payload`, which `value` was just written as: the same must come out.
///
/// The same is what serde is told about both, which says more than bytes: JSON writes `Some(None)` and `None` alike.
/// The order of elements is no part of it. Hash sets come back in another one, serde hands a set over as it does a
/// list, and no experiment tells the two apart: two elements of a set without a random key may trade places each time
/// that they are read, just as those of a list that is read backwards.
pub(super) fn check<T, Owned>(codec: Codec, value: &T, payload: &[u8]) -> Result<()>
where
    T: Serialize + ?Sized,
    Owned: Serialize + DeserializeOwned,
{
    let refuse =
        |reason| Err(Error::NotRoundTrip { type_name: type_name::<Owned>(), codec: codec.name(), reason });
    let watch = codec.watch();
    let back: Owned = match (codec.decode(payload, &watch), watch.fault()) {
        (Ok(back), _) => back,
        // What is too deep or too many is so for this value only.
        (Err(Error::Decode { type_name, reason }), Some(fault)) if !fault.is_of_type() => {
            return Err(Error::Encode { type_name, reason });
        }
        (Err(Error::Decode { reason, .. }), _) => return refuse(reason),
        (Err(other), _) => return Err(other),
    };
    // By far the most values end here. bincode has no two values of a type with the same bytes.
    if codec == Codec::Bincode && binary::is_written_as(&back, payload) {
        return Ok(());
    }
    let keys = RandomState::new();
    match (digest(value, codec, &keys), digest(&back, codec, &keys)) {
        (Some(value), Some(back)) if value == back => Ok(()),
        _ => refuse("it comes back as something else"),
    }
}
