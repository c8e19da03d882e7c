//! The way in: what is refused before a format writes it.

use std::fmt::Display;

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{Fault, Guarded, Watch};

/// Serializes the outermost value under a watch.
pub(in super::super) fn serialize<S: Serializer>(
    value: &(impl Serialize + ?Sized),
    serializer: S,
    watch: &Watch,
) -> Result<S::Ok, S::Error> {
    Guarded::new(value, watch).serialize(serializer)
}

/// A value, which will serialize into whatever serializer the format hands it: that one gets the guard.
impl<T: Serialize + ?Sized> Serialize for Guarded<'_, &T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(self.with(serializer))
    }
}

macro_rules! pass_on {
    ($($method:ident($($arg:ident: $type:ty),*);)*) => {
        $(fn $method(self, $($arg: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($arg),*)
        })*
    };
}

impl<'w, S: Serializer> Serializer for Guarded<'w, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Elements<'w, S::SerializeSeq>;
    type SerializeTuple = Guarded<'w, S::SerializeTuple>;
    type SerializeTupleStruct = Guarded<'w, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Guarded<'w, S::SerializeTupleVariant>;
    type SerializeMap = Elements<'w, S::SerializeMap>;
    type SerializeStruct = Guarded<'w, S::SerializeStruct>;
    type SerializeStructVariant = Guarded<'w, S::SerializeStructVariant>;

    pass_on! {
        serialize_bool(v: bool);
        serialize_i8(v: i8);
        serialize_i16(v: i16);
        serialize_i32(v: i32);
        serialize_i64(v: i64);
        serialize_i128(v: i128);
        serialize_u8(v: u8);
        serialize_u16(v: u16);
        serialize_u32(v: u32);
        serialize_u64(v: u64);
        serialize_u128(v: u128);
        serialize_char(v: char);
        serialize_str(v: &str);
        serialize_bytes(v: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    fn serialize_f32(self, v: f32) -> Result<S::Ok, S::Error> {
        self.number(v.is_finite()).map_err(refused)?;
        self.inner.serialize_f32(v)
    }

    fn serialize_f64(self, v: f64) -> Result<S::Ok, S::Error> {
        self.number(v.is_finite()).map_err(refused)?;
        self.inner.serialize_f64(v)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let value = self.inside(value).map_err(refused)?;
        self.inner.serialize_some(&value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.inside(value).map_err(refused)?;
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.inside(value).map_err(refused)?;
        self.inner.serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let (inside, left) = self.begin(len).map_err(refused)?;
        Ok(Elements { guarded: inside.with(self.inner.serialize_seq(len)?), left })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let (inside, left) = self.begin(len).map_err(refused)?;
        Ok(Elements { guarded: inside.with(self.inner.serialize_map(len)?), left })
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        Ok(self.inside(()).map_err(refused)?.with(self.inner.serialize_tuple(len)?))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        Ok(self.inside(()).map_err(refused)?.with(self.inner.serialize_tuple_struct(name, len)?))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        Ok(self
            .inside_variant(())
            .map_err(refused)?
            .with(self.inner.serialize_tuple_variant(name, index, variant, len)?))
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        Ok(self.inside(()).map_err(refused)?.with(self.inner.serialize_struct(name, len)?))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        Ok(self
            .inside_variant(())
            .map_err(refused)?
            .with(self.inner.serialize_struct_variant(name, index, variant, len)?))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A sequence or map in the making.
pub(in super::super) struct Elements<'w, C> {
    guarded: Guarded<'w, C>,
    /// How many are still to come, where the format relies on it.
    left: Option<usize>,
}

impl<'w, S> Guarded<'w, S> {
    /// Looks at a number: JSON would write one that is not finite as `null`.
    fn number(&self, is_finite: bool) -> Result<(), Fault> {
        if is_finite || self.watch.nameless { Ok(()) } else { self.watch.refuse(Fault::NotFinite) }
    }

    /// Looks at a sequence or map before the format begins it; see [`Elements::left`].
    fn begin(&self, len: Option<usize>) -> Result<(Guarded<'w, ()>, Option<usize>), Fault> {
        let left = match (self.watch.nameless, len) {
            (true, None) => return self.watch.refuse(Fault::UnknownLength),
            (true, Some(len)) => Some(len),
            (false, _) => None,
        };
        self.watch.count(left.unwrap_or(0))?;
        Ok((self.inside(())?, left))
    }
}

impl<C> Elements<'_, C> {
    fn next(&mut self) -> Result<(), Fault> {
        if let Some(left) = &mut self.left {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => return self.guarded.watch.refuse(Fault::WrongLength),
            }
        }
        Ok(())
    }

    fn end(self) -> Result<C, Fault> {
        if self.left.is_some_and(|left| left > 0) {
            return self.guarded.watch.refuse(Fault::WrongLength);
        }
        Ok(self.guarded.inner)
    }
}

impl<C: SerializeSeq> SerializeSeq for Elements<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.next().map_err(refused)?;
        let value = self.guarded.with(value);
        self.guarded.inner.serialize_element(&value)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.end().map_err(refused)?.end()
    }
}

impl<C: SerializeMap> SerializeMap for Elements<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.next().map_err(refused)?;
        let key = self.guarded.with(key);
        self.guarded.inner.serialize_key(&key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let value = self.guarded.with(value);
        self.guarded.inner.serialize_value(&value)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.end().map_err(refused)?.end()
    }
}

macro_rules! positions {
    ($($trait:ident $method:ident;)*) => {
        $(impl<C: $trait> $trait for Guarded<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                let value = self.with(value);
                self.inner.$method(&value)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
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
        $(impl<C: $trait> $trait for Guarded<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                let value = self.with(value);
                self.inner.serialize_field(name, &value)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                if self.watch.nameless {
                    return self.watch.refuse(Fault::SkippedField).map_err(refused);
                }
                self.inner.skip_field(name)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

fields! { SerializeStruct SerializeStructVariant }

/// The format's error for a refusal. The watch keeps the refusal itself.
fn refused<E: Error>(fault: Fault) -> E {
    E::custom(fault.reason())
}
