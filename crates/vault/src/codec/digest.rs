//! A digest of what a value tells serde, in which the order of elements does not count.

use std::fmt::{self, Write as _};
use std::hash::{BuildHasher as _, DefaultHasher, Hasher as _, RandomState};

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{Codec, guard};

/// The digest of a value as it is written with a codec; `None` if it cannot be written. Digests under the same keys
/// are equal for equal values, and for others with a chance of 2^-64. However large the value, it takes no memory.
pub(super) fn digest<T: Serialize + ?Sized>(value: &T, codec: Codec, keys: &RandomState) -> Option<u64> {
    let mut digest = Digest { hasher: keys.build_hasher(), keys, codec };
    // The guard bounds how deep this goes.
    guard::serialize(value, &mut digest, &codec.watch()).ok()?;
    Some(digest.hasher.finish())
}

/// A digest in the making.
struct Digest<'k> {
    hasher: DefaultHasher,
    keys: &'k RandomState,
    codec: Codec,
}

impl Digest<'_> {
    /// Adds something of a kind of its own, so that what follows is not taken for anything else.
    fn add(&mut self, kind: Kind, bytes: &[u8]) {
        self.hasher.write_u8(kind as u8);
        self.hasher.write(bytes);
    }

    fn variant(&mut self, index: u32) {
        self.add(Kind::Variant, &index.to_le_bytes());
    }

    /// An empty digest for one element.
    fn fresh(&self) -> Self {
        Self { hasher: self.keys.build_hasher(), ..*self }
    }
}

/// What serde is told, as the byte that it begins with.
#[derive(Clone, Copy)]
enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    Str,
    Bytes,
    None,
    Some,
    Unit,
    Variant,
    Elements,
    Map,
    Parts,
    End,
}

macro_rules! leaves {
    ($($method:ident $type:ty, $kind:ident;)*) => {
        $(fn $method(self, v: $type) -> fmt::Result {
            self.add(Kind::$kind, &v.to_le_bytes());
            Ok(())
        })*
    };
}

impl<'d, 'k> Serializer for &'d mut Digest<'k> {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Elements<'d, 'k>;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Elements<'d, 'k>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    leaves! {
        serialize_i8 i8, I8;
        serialize_i16 i16, I16;
        serialize_i32 i32, I32;
        serialize_i64 i64, I64;
        serialize_i128 i128, I128;
        serialize_u8 u8, U8;
        serialize_u16 u16, U16;
        serialize_u32 u32, U32;
        serialize_u64 u64, U64;
        serialize_u128 u128, U128;
        serialize_f32 f32, F32;
        serialize_f64 f64, F64;
    }

    fn serialize_bool(self, v: bool) -> fmt::Result {
        self.add(Kind::Bool, &[u8::from(v)]);
        Ok(())
    }

    fn serialize_char(self, v: char) -> fmt::Result {
        self.add(Kind::Char, &u32::from(v).to_le_bytes());
        Ok(())
    }

    fn serialize_str(self, v: &str) -> fmt::Result {
        self.collect_str(v)
    }

    /// Takes in the text as it is displayed, which allocates no copy of it.
    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> fmt::Result {
        self.add(Kind::Str, &[]);
        write!(Text(&mut self.hasher), "{value}")?;
        // No text holds this byte, so it ends one.
        self.hasher.write_u8(0xff);
        Ok(())
    }

    fn serialize_bytes(self, v: &[u8]) -> fmt::Result {
        self.add(Kind::Bytes, &v.len().to_le_bytes());
        self.hasher.write(v);
        Ok(())
    }

    fn serialize_none(self) -> fmt::Result {
        self.add(Kind::None, &[]);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> fmt::Result {
        self.add(Kind::Some, &[]);
        value.serialize(self)
    }

    fn serialize_unit(self) -> fmt::Result {
        self.add(Kind::Unit, &[]);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> fmt::Result {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> fmt::Result {
        self.variant(index);
        self.serialize_unit()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> fmt::Result {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> fmt::Result {
        self.variant(index);
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements<'d, 'k>, fmt::Error> {
        Ok(Elements::begin(self, Kind::Elements))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Elements<'d, 'k>, fmt::Error> {
        Ok(Elements::begin(self, Kind::Map))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, fmt::Error> {
        self.add(Kind::Parts, &[]);
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Self, fmt::Error> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        len: usize,
    ) -> Result<Self, fmt::Error> {
        self.variant(index);
        self.serialize_tuple(len)
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Self, fmt::Error> {
        self.serialize_tuple(len)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        len: usize,
    ) -> Result<Self, fmt::Error> {
        self.variant(index);
        self.serialize_tuple(len)
    }

    /// As the codec says, since some types tell a format for people something else.
    fn is_human_readable(&self) -> bool {
        self.codec == Codec::Json
    }
}

/// Text on its way into a digest.
struct Text<'d>(&'d mut DefaultHasher);

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// A sequence or map in the making. Its elements are digested one by one and added up, so that their order does not
/// count.
struct Elements<'d, 'k> {
    digest: &'d mut Digest<'k>,
    element: Digest<'k>,
    sum: u64,
    count: u64,
}

impl<'d, 'k> Elements<'d, 'k> {
    fn begin(digest: &'d mut Digest<'k>, kind: Kind) -> Self {
        digest.add(kind, &[]);
        let element = digest.fresh();
        Self { digest, element, sum: 0, count: 0 }
    }

    fn finish_element(&mut self) {
        self.sum = self.sum.wrapping_add(self.element.hasher.finish());
        self.count += 1;
        self.element = self.digest.fresh();
    }

    fn end(self) {
        self.digest.add(Kind::End, &self.count.to_le_bytes());
        self.digest.hasher.write_u64(self.sum);
    }
}

impl SerializeSeq for Elements<'_, '_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        value.serialize(&mut self.element)?;
        self.finish_element();
        Ok(())
    }

    fn end(self) -> fmt::Result {
        self.end();
        Ok(())
    }
}

impl SerializeMap for Elements<'_, '_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> fmt::Result {
        key.serialize(&mut self.element)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        value.serialize(&mut self.element)?;
        self.finish_element();
        Ok(())
    }

    fn end(self) -> fmt::Result {
        self.end();
        Ok(())
    }
}

macro_rules! positions {
    ($($trait:ident $method:ident;)*) => {
        $(impl $trait for &mut Digest<'_> {
            type Ok = ();
            type Error = fmt::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
                value.serialize(&mut **self)
            }

            fn end(self) -> fmt::Result {
                self.add(Kind::End, &[]);
                Ok(())
            }
        })*
    };
}

positions! {
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! fields {
    ($($trait:ident)*) => {
        $(impl $trait for &mut Digest<'_> {
            type Ok = ();
            type Error = fmt::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> fmt::Result {
                // The name too: an untagged enum may come back as a variant that has the same values.
                (**self).serialize_str(name)?;
                value.serialize(&mut **self)
            }

            fn end(self) -> fmt::Result {
                self.add(Kind::End, &[]);
                Ok(())
            }
        })*
    };
}

fields! { SerializeStruct SerializeStructVariant }
