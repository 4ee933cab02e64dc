//! Version 2. Each type here is the twin of a domain value and decides alone how it looks on disk.
//!
//! The order of a struct's fields and of an enum's variants *is* the format: a variant's number is
//! its position, written beside it. Variants are never reordered, removed or put in between, and,
//! once the version is released fields never change at all: whoever needs that writes version 3. Adding
//! a variant at the end is the one change that a released version allows.

mod account;
mod after_sale;
mod catalogue;
mod inventory;
mod limits;
mod order;
mod product;
mod rules;
mod run;
mod seats;
mod transaction;
mod voucher;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

use crate::schema::SchemaError;

/// Elements room is made for before any is read: a forged length costs no more memory than this.
const RESERVE_MAX: usize = 64;

/// A value that is well formed on disk and still none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Invalid;

/// A domain value with a twin on disk. The twin borrows, so that writing copies nothing.
pub(super) trait Mirrored: Clone {
    /// The twin.
    type Mirror<'a>: Serialize + Deserialize<'a>
    where
        Self: 'a;

    /// The twin of this value.
    fn mirror(&self) -> Self::Mirror<'_>;

    /// The value of a twin that was read.
    ///
    /// # Errors
    /// [`Invalid`] when the domain has no such value.
    fn restore(mirror: Self::Mirror<'_>) -> Result<Self, Invalid>;
}

/// Appends a twin to `out`.
pub(super) fn write<T: Serialize>(mirror: &T, out: &mut Vec<u8>) {
    postcard::serialize_with_flavor(mirror, Sink(out))
        .expect("a sink takes every byte, and every list of a twin knows its length");
}

/// Reads a twin and says what follows it.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), SchemaError> {
    postcard::take_from_bytes(bytes).map_err(|error| match error {
        postcard::Error::DeserializeUnexpectedEnd => SchemaError::Truncated,
        _ => SchemaError::Invalid,
    })
}

/// The end of a caller's buffer.
struct Sink<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Sink<'_> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// A list of domain values, on disk as a list of their twins. Written from where it lies and read
/// into the collection the domain keeps it in, so that neither way makes a list of twins.
pub(super) enum List<'a, T, C = Vec<T>> {
    Borrowed(&'a [T]),
    Owned(C),
}

/// A collection that a list can be read into.
pub(super) trait Collection<T>: Deref<Target = [T]> + FromIterator<T> {
    fn with_room(len: usize) -> Self;
    fn put(&mut self, value: T);
}

impl<T> Collection<T> for Vec<T> {
    fn with_room(len: usize) -> Self {
        Self::with_capacity(len)
    }

    fn put(&mut self, value: T) {
        self.push(value);
    }
}

impl<T, const N: usize> Collection<T> for SmallVec<[T; N]> {
    fn with_room(len: usize) -> Self {
        Self::with_capacity(len)
    }

    fn put(&mut self, value: T) {
        self.push(value);
    }
}

impl<T: Clone, C: Collection<T>> List<'_, T, C> {
    fn into_owned(self) -> C {
        match self {
            Self::Borrowed(values) => values.iter().cloned().collect(),
            Self::Owned(values) => values,
        }
    }
}

impl<T: Mirrored, C: Collection<T>> Serialize for List<'_, T, C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values: &[T] = match self {
            Self::Borrowed(values) => values,
            Self::Owned(values) => values,
        };
        serializer.collect_seq(values.iter().map(T::mirror))
    }
}

impl<'de: 'a, 'a, T, C> Deserialize<'de> for List<'a, T, C>
where
    T: Mirrored + 'de,
    C: Collection<T>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData)).map(List::Owned)
    }
}

struct ListVisitor<T, C>(PhantomData<(T, C)>);

impl<'de, T, C> Visitor<'de> for ListVisitor<T, C>
where
    T: Mirrored + 'de,
    C: Collection<T>,
{
    type Value = C;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<C, A::Error> {
        let mut values = C::with_room(seq.size_hint().unwrap_or(0).min(RESERVE_MAX));
        while let Some(mirror) = seq.next_element::<T::Mirror<'de>>()? {
            values.put(T::restore(mirror).map_err(|Invalid| out_of_range())?);
        }
        Ok(values)
    }
}

/// A domain value behind a pointer, on disk as its twin. Written from where it lies and put behind
/// the pointer as soon as it is read, so that a large twin does not make every event's twin large.
pub(super) enum Whole<'a, T, P = Box<T>> {
    Borrowed(&'a T),
    Owned(P),
}

impl<T: Clone, P: From<T>> Whole<'_, T, P> {
    fn into_owned(self) -> P {
        match self {
            Self::Borrowed(value) => value.clone().into(),
            Self::Owned(value) => value,
        }
    }
}

impl<T: Mirrored, P: Deref<Target = T>> Serialize for Whole<'_, T, P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: &T = match self {
            Self::Borrowed(value) => value,
            Self::Owned(value) => value,
        };
        value.mirror().serialize(serializer)
    }
}

impl<'de: 'a, 'a, T, P> Deserialize<'de> for Whole<'a, T, P>
where
    T: Mirrored + 'de,
    P: From<T>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = T::restore(T::Mirror::<'de>::deserialize(deserializer)?);
        value.map(|value| Self::Owned(value.into())).map_err(|Invalid| out_of_range())
    }
}

fn out_of_range<E: de::Error>() -> E {
    E::custom("out of range")
}

/// Bytes with their length before them, written in one piece.
pub(super) struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'de [u8]>::deserialize(deserializer).map(Bytes)
    }
}

/// Whether each is less than the next: how sets are written, so that equal sets are equal bytes.
fn is_ascending<T: PartialOrd>(values: impl Iterator<Item = T> + Clone) -> bool {
    values.clone().zip(values.skip(1)).all(|(one, next)| one < next)
}
