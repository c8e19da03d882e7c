//! bincode, guarded: nothing is written that cannot be read, and nothing that is read can exhaust the process.

use std::any::type_name;
use std::marker::PhantomData;

use bincode::config::{self, Configuration, Limit, LittleEndian, Varint};
use bincode::error::DecodeError;
use roomkey_core::MAX_VALUE_BYTES;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::guard::{Guarded, Mark, Watch};
use super::sink::Sink;
use super::{Codec, guard};
use crate::{Error, Result};

/// The format: little-endian, integers as short as they are.
///
/// The limit counts an integer as its full width, up to 16 bytes for one that took one byte, so it is 16 times what a
/// value may take. Strings and bytes are borrowed from the payload before they are copied, so no length that the
/// payload claims is ever allocated.
const CONFIG: Configuration<LittleEndian, Varint, Limit<{ 16 * MAX_VALUE_BYTES }>> =
    config::standard().with_limit();

pub(super) fn encode<T: Serialize + ?Sized>(value: &T, limit: usize) -> Result<Vec<u8>> {
    encode_watched(value, limit, &Watch::over_bincode())
}

/// Writes bytes at once, as [`encode`] writes them one by one.
pub(super) fn encode_bytes(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let watch = Watch::over_bincode();
    let mut sink = Sink::new(Codec::Bincode, limit, &watch);
    // The only thing that can go wrong is the sink's limit.
    bincode::encode_into_writer(bytes, &mut sink, CONFIG).map_err(|_| Error::TooLarge { limit })?;
    Ok(sink.into_payload())
}

/// Reads bytes at once, as [`decode`] reads them one by one.
pub(super) fn decode_bytes(payload: &[u8]) -> Result<Vec<u8>> {
    let body = Codec::Bincode.body::<Vec<u8>>(payload)?;
    let fault = |reason| Error::Decode { type_name: type_name::<Vec<u8>>(), reason };
    match bincode::borrow_decode_from_slice::<&[u8], _>(body, CONFIG) {
        Ok((bytes, read)) if read == body.len() => Ok(bytes.to_vec()),
        Ok(_) => Err(fault("bytes are left over")),
        Err(error) => Err(fault(reason(&error))),
    }
}

/// Reads `payload`, which `value` was just written as, and writes it again: the same must come out.
pub(super) fn check<T, Owned>(value: &T, payload: &[u8], limit: usize) -> Result<()>
where
    T: Serialize + ?Sized,
    Owned: Serialize + DeserializeOwned,
{
    let not_round_trip = |reason| Error::NotRoundTrip {
        type_name: type_name::<Owned>(),
        codec: Codec::Bincode.name(),
        reason,
    };
    let watch = Watch::over_bincode();
    let back: Owned = match (decode_watched(payload, &watch), watch.fault()) {
        (Ok(back), _) => back,
        (Err(Error::Decode { type_name, reason }), Some(fault)) if !fault.is_of_type() => {
            return Err(Error::Encode { type_name, reason });
        }
        (Err(Error::Decode { reason, .. }), _) => return Err(not_round_trip(reason)),
        (Err(other), _) => return Err(other),
    };
    // A reader that takes less than was written may leave what its writer then refuses or cannot bound.
    let again = encode(&back, limit).map_err(|_| not_round_trip("it comes back as something else"))?;
    if again == payload || canonical(&back, limit)? == canonical(value, limit)? {
        Ok(())
    } else {
        Err(not_round_trip("it comes back as something else"))
    }
}

pub(super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T> {
    decode_watched(payload, &Watch::over_bincode())
}

fn decode_watched<T: DeserializeOwned>(payload: &[u8], watch: &Watch) -> Result<T> {
    let body = Codec::Bincode.body::<T>(payload)?;
    let seed = Guarded::new(PhantomData::<T>, watch);
    // Not the error itself: its text may quote the value.
    let fault = |reason| Error::Decode { type_name: type_name::<T>(), reason };
    match bincode::serde::seed_decode_from_slice(seed, body, CONFIG) {
        Ok((value, read)) if read == body.len() => Ok(value),
        Ok(_) => Err(fault("bytes are left over")),
        Err(error) => Err(fault(watch.fault().map_or_else(|| reason(&error), guard::Fault::reason))),
    }
}

fn encode_watched<T: Serialize + ?Sized>(value: &T, limit: usize, watch: &Watch) -> Result<Vec<u8>> {
    let type_name = type_name::<T>();
    let mut sink = Sink::new(Codec::Bincode, limit, watch);
    let done = bincode::serde::encode_into_writer(Guarded::new(value, watch), &mut sink, CONFIG);
    match (done, watch.fault()) {
        _ if sink.is_full() => Err(Error::TooLarge { limit }),
        (Ok(()), _) => Ok(sink.into_payload()),
        (Err(_), Some(fault)) if fault.is_of_type() => {
            Err(Error::NotRoundTrip { type_name, codec: Codec::Bincode.name(), reason: fault.reason() })
        }
        (Err(_), Some(fault)) => Err(Error::Encode { type_name, reason: fault.reason() }),
        (Err(_), None) => Err(Error::Encode { type_name, reason: "its Serialize failed" }),
    }
}

/// What a value is written as, with the elements of every sequence and map in the order of their bytes: two values
/// that differ only in how a hash map or set happens to be ordered are written the same.
fn canonical<T: Serialize + ?Sized>(value: &T, limit: usize) -> Result<Vec<u8>> {
    let watch = Watch::marking();
    let payload = encode_watched(value, limit, &watch)?;
    let mut at = 0;
    let mut open: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut current = vec![Vec::new()];
    for (end, mark) in watch.into_marks() {
        current.last_mut().expect("there is a buffer at every depth").extend_from_slice(&payload[at..end]);
        at = end;
        match mark {
            Mark::Open => {
                open.push(Vec::new());
                current.push(Vec::new());
            }
            Mark::Element => {
                let element = current.last_mut().map(std::mem::take).unwrap_or_default();
                open.last_mut().expect("an element stands in a sequence").push(element);
            }
            Mark::Close => {
                current.pop();
                let mut elements = open.pop().unwrap_or_default();
                elements.sort_unstable();
                current.last_mut().expect("a sequence stands in something").extend(elements.concat());
            }
        }
    }
    let mut whole = current.pop().unwrap_or_default();
    whole.extend_from_slice(&payload[at..]);
    Ok(whole)
}

/// Why bincode could not read, without what it read.
const fn reason(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::UnexpectedEnd { .. } => "it ends too early",
        DecodeError::LimitExceeded => "it claims more than a value may have",
        DecodeError::Serde(_) => {
            "its Deserialize asks what comes next, which only a format with names can tell"
        }
        DecodeError::OtherString(_) => "its Deserialize refuses it",
        _ => "a part of it is out of range",
    }
}
