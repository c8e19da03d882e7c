//! From typed values to bytes and back.

mod binary;
mod digest;
mod guard;
mod json;
mod round_trip;
mod sink;

use std::any::{Any, TypeId, type_name};
use std::collections::HashSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use self::guard::Watch;
use crate::{Error, Result};

pub use json::Json;
pub use sink::Payload;

/// A value that can be sealed: any serde type that owns its data, a [`str`], a slice of such types, or [`Json`].
///
/// Serde types are written with bincode, which is small and fast and keeps no names. It cannot read back everything
/// that serde can write: what `skip_serializing_if` left out, what `untagged`, an internal `tag` or `flatten`
/// made, or a `serde_json::Value`. So every value is read back and compared before it is sent, and what does not
/// come back is [`Error::NotRoundTrip`]; [`Json`] takes such types. The comparison costs about as much as writing
/// twice and reading once: [`trust`](crate::Builder::trust) a type to save it. Text, bytes and numbers are not
/// compared.
///
/// # Order
/// The comparison overlooks the order of elements in sequences and maps: a hash set comes back in another one, and to
/// serde it is a sequence like any other. So a `Deserialize` that reverses a list, or a map whose order means
/// something, is not noticed; a test of the type must do that.
///
/// A hash map or set inside a text field, such as one that `#[serde(with = "…")]` writes as text, is text to the
/// comparison. It may come back in another order, and is then refused: [`trust`](crate::Builder::trust) such a type.
///
/// # Threads
/// What is written is [`Sync`] and what is read is [`Send`], so that a call can move between threads.
pub trait Encode: sealed::Encode {}

/// A value that can be opened: any serde type that owns its data, or [`Json`].
pub trait Decode: sealed::Decode {}

impl<T: sealed::Encode + ?Sized> Encode for T {}
impl<T: sealed::Decode> Decode for T {}

/// Decodes what [`Vault::encode`](crate::Vault::encode) wrote, for crates that keep values inside records of their own.
///
/// # Errors
/// [`Error::WrongCodec`](crate::Error::WrongCodec) and [`Error::Decode`](crate::Error::Decode).
pub fn decode<T: Decode>(payload: &[u8]) -> Result<T> {
    T::decode(payload)
}

/// How values are encoded: what a [`Builder`](crate::Builder) set.
#[derive(Clone, Debug)]
#[expect(unnameable_types, reason = "only the sealed traits below take it")]
pub struct Policy {
    /// The most bytes of an encoded value.
    pub(crate) limit: usize,
    /// Types that are not read back before they are sent.
    pub(crate) trusted: HashSet<TypeId>,
}

impl Policy {
    /// Whether a value of the type is sent without being read back.
    fn trusts<T: ?Sized + 'static>(&self) -> bool {
        !self.trusted.is_empty() && self.trusted.contains(&TypeId::of::<T>())
    }
}

/// Whether bincode itself defines how the type is written, so that it comes back.
fn is_plain<T: ?Sized + 'static>() -> bool {
    is::<T, String>()
        || is::<T, bool>()
        || is::<T, u8>()
        || is::<T, u32>()
        || is::<T, u64>()
        || is::<T, i32>()
        || is::<T, i64>()
        || is::<T, f64>()
}

fn is<T: ?Sized + 'static, U: 'static>() -> bool {
    TypeId::of::<T>() == TypeId::of::<U>()
}

// What is inside the seal: codec u8 | what the codec writes
//
// The numbers are in stores; none is ever used again for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Codec {
    Bincode = 1,
    Json = 2,
}

impl Codec {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bincode => "bincode",
            Self::Json => "JSON",
        }
    }

    const fn watch(self) -> Watch {
        match self {
            Self::Bincode => Watch::over_bincode(),
            Self::Json => Watch::over_json(),
        }
    }

    /// Reads, under a watch where the format itself does not bound what it reads.
    fn decode<T: DeserializeOwned>(self, payload: &[u8], watch: &Watch) -> Result<T> {
        match self {
            Self::Bincode => binary::decode(payload, watch),
            Self::Json => json::decode(payload),
        }
    }

    /// What follows the number of this codec.
    fn body<T>(self, payload: &[u8]) -> Result<&[u8]> {
        match payload.split_first() {
            Some((&id, body)) if id == self as u8 => Ok(body),
            Some((&id, _)) => {
                let found = [Self::Bincode, Self::Json].into_iter().find(|codec| *codec as u8 == id);
                let found = found.map_or("an unknown codec", Self::name);
                Err(Error::WrongCodec { found, expected: self.name() })
            }
            None => Err(Error::Decode { type_name: type_name::<T>(), reason: "it is empty" }),
        }
    }
}

#[expect(
    unnameable_types,
    reason = "what is inside a seal is read by every version, so no other crate may add to it"
)]
mod sealed {
    use super::{Payload, Policy, Result};

    /// Writes the codec's number and the value. `Sync`, so that a call with a reference to one can move to another
    /// thread.
    pub trait Encode: Sync {
        fn encode(&self, policy: &Policy) -> Result<Payload>;
    }

    /// Reads what [`Encode`] wrote.
    pub trait Decode: Send + Sized {
        fn decode(payload: &[u8]) -> Result<Self>;
    }
}

// Bytes are by far the most common long values, and serde hands them over one by one. So they take a shorter way,
// to the same payload.

impl<T: Serialize + DeserializeOwned + Sync + 'static> sealed::Encode for T {
    fn encode(&self, policy: &Policy) -> Result<Payload> {
        if let Some(bytes) = (self as &dyn Any).downcast_ref::<Vec<u8>>() {
            return binary::encode_bytes(bytes, policy.limit);
        }
        let payload = binary::encode(self, policy.limit)?;
        if !is_plain::<T>() && !policy.trusts::<T>() {
            round_trip::check::<T, T>(Codec::Bincode, self, &payload)?;
        }
        Ok(payload)
    }
}

impl sealed::Encode for str {
    fn encode(&self, policy: &Policy) -> Result<Payload> {
        binary::encode(self, policy.limit)
    }
}

impl<T: Serialize + DeserializeOwned + Sync + 'static> sealed::Encode for [T] {
    fn encode(&self, policy: &Policy) -> Result<Payload> {
        let byte = |element: &T| (element as &dyn Any).downcast_ref::<u8>().copied();
        if is::<T, u8>() {
            let mut bytes = Zeroizing::new(Vec::with_capacity(self.len()));
            bytes.extend(self.iter().filter_map(byte));
            return binary::encode_bytes(&bytes, policy.limit);
        }
        let payload = binary::encode(self, policy.limit)?;
        if !is_plain::<T>() && !policy.trusts::<[T]>() {
            round_trip::check::<[T], Vec<T>>(Codec::Bincode, self, &payload)?;
        }
        Ok(payload)
    }
}

impl<T: DeserializeOwned + Send + 'static> sealed::Decode for T {
    fn decode(payload: &[u8]) -> Result<Self> {
        let mut value: Option<T> = None;
        if let Some(bytes) = (&mut value as &mut dyn Any).downcast_mut::<Option<Vec<u8>>>() {
            *bytes = Some(binary::decode_bytes(payload)?);
        }
        value.map_or_else(|| binary::decode(payload, &Watch::over_bincode()), Ok)
    }
}

impl<T: Serialize + DeserializeOwned + Sync + 'static> sealed::Encode for Json<T> {
    fn encode(&self, policy: &Policy) -> Result<Payload> {
        let payload = json::encode(&self.0, policy.limit)?;
        if !policy.trusts::<T>() {
            round_trip::check::<T, T>(Codec::Json, &self.0, &payload)?;
        }
        Ok(payload)
    }
}

impl<T: DeserializeOwned + Send + 'static> sealed::Decode for Json<T> {
    fn decode(payload: &[u8]) -> Result<Self> {
        json::decode(payload).map(Self)
    }
}

#[cfg(test)]
mod tests;
