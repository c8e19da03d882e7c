//! A layer between serde types and a format that bounds nesting and numbers of elements, both ways, and refuses to
//! write what the format cannot read back.

mod de;
mod ser;

use std::cell::Cell;

use roomkey_core::MAX_VALUE_BYTES;

pub(super) use ser::serialize;

/// How deep values may nest, counting options, newtypes, sequences, maps, structs and variants. Deeper ones would
/// overflow the stack, which ends the process. As deep as serde_json reads.
const MAX_NESTING: u32 = 127;

/// How many elements the sequences and maps of one value may have together: as many as it may have bytes. It
/// matters for elements that take no bytes, of which nine bytes can claim 2^64.
const MAX_ELEMENTS: usize = MAX_VALUE_BYTES;

/// What a guard sees while one value passes, in either direction.
#[derive(Debug)]
pub(super) struct Watch {
    /// Whether the format keeps no names.
    nameless: bool,
    elements: Cell<usize>,
    fault: Cell<Option<Fault>>,
}

impl Watch {
    pub(super) const fn over_bincode() -> Self {
        Self::new(true)
    }

    pub(super) const fn over_json() -> Self {
        Self::new(false)
    }

    const fn new(nameless: bool) -> Self {
        Self { nameless, elements: Cell::new(0), fault: Cell::new(None) }
    }

    /// What the guard refused, if it did: the format's own error then only repeats it.
    pub(super) const fn fault(&self) -> Option<Fault> {
        self.fault.get()
    }

    /// Counts elements that are about to come.
    fn count(&self, elements: usize) -> Result<(), Fault> {
        self.elements.set(self.elements.get().saturating_add(elements));
        if self.elements.get() > MAX_ELEMENTS { self.refuse(Fault::TooManyElements) } else { Ok(()) }
    }

    fn deeper(&self, depth: u32) -> Result<u32, Fault> {
        if depth >= MAX_NESTING { self.refuse(Fault::TooDeep) } else { Ok(depth + 1) }
    }

    fn refuse<T>(&self, fault: Fault) -> Result<T, Fault> {
        self.fault.set(Some(fault));
        Err(fault)
    }
}

/// What a guard refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    SkippedField,
    UnknownLength,
    WrongLength,
    TooDeep,
    TooManyElements,
    NotFinite,
}

impl Fault {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::SkippedField => "a field was skipped (skip_serializing_if)",
            Self::UnknownLength => "its length is not known when it begins (flatten, or an iterator)",
            Self::WrongLength => "it has another length than it said when it began",
            Self::TooDeep => "it nests deeper than 127",
            Self::TooManyElements => "it has more than 16 777 216 elements",
            Self::NotFinite => "it has a number that is not finite, for which JSON has no form",
        }
    }

    /// Whether the type is at fault, and not this one value.
    pub(super) const fn is_of_type(self) -> bool {
        matches!(self, Self::SkippedField | Self::UnknownLength | Self::WrongLength)
    }
}

/// Anything that passes under a watch: a value or serializer on the way in, a seed, visitor or access on the way out.
#[derive(Clone, Copy)]
pub(super) struct Guarded<'w, T> {
    inner: T,
    watch: &'w Watch,
    depth: u32,
}

impl<'w, T> Guarded<'w, T> {
    /// Puts the outermost value or seed under a watch.
    pub(super) const fn new(inner: T, watch: &'w Watch) -> Self {
        Self { inner, watch, depth: 0 }
    }

    /// Puts something else of the same depth under the same watch.
    const fn with<U>(&self, inner: U) -> Guarded<'w, U> {
        Guarded { inner, watch: self.watch, depth: self.depth }
    }

    /// Puts something that lies inside this under the same watch.
    fn inside<U>(&self, inner: U) -> Result<Guarded<'w, U>, Fault> {
        Ok(Guarded { inner, watch: self.watch, depth: self.watch.deeper(self.depth)? })
    }

    /// Puts the parts of a variant under the same watch. A format with names writes them as a sequence or map inside
    /// a map of one entry, and so reads them as one level more.
    fn inside_variant<U>(&self, inner: U) -> Result<Guarded<'w, U>, Fault> {
        let variant = self.inside(())?;
        if self.watch.nameless { Ok(variant.with(inner)) } else { variant.inside(inner) }
    }
}
