//! How a wire type is described once, and what a format must offer to read or write it.
//!
//! [`Record`] and [`Value`] are the description, [`Source`] is a format being read and [`Sink`] one
//! being written. The traits carry no format knowledge beyond names and orders.

use std::borrow::Cow;
use std::fmt;

use super::validate::Check;
use crate::types::Fen;

/// Text as a body carries it: absent or null, or characters borrowed from the body if possible.
pub type Text<'de> = Option<Cow<'de, str>>;

/// The body cannot be read any further; the model state already says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fatal;

/// Validation attributes of one member. Source: docs/protocols/ota.md, "Validation".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// `[Required]`: null is refused, and so is a text of nothing but white space.
    pub required: bool,
    /// `[MaxLength]` in UTF-16 code units, as .NET counts them.
    pub max_len: Option<u32>,
}

impl Rules {
    /// No attribute.
    pub const NONE: Self = Self { required: false, max_len: None };
    /// `[Required]`.
    pub const REQUIRED: Self = Self { required: true, max_len: None };

    /// `[MaxLength(units)]`.
    #[must_use]
    pub const fn max(units: u32) -> Self {
        Self { required: false, max_len: Some(units) }
    }

    /// `[Required, MaxLength(units)]`.
    #[must_use]
    pub const fn required_max(units: u32) -> Self {
        Self { required: true, max_len: Some(units) }
    }
}

/// One member of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name on the wire, in every format.
    pub name: &'static str,
    /// Its validation attributes.
    pub rules: Rules,
}

/// An object type of a partner: a data contract.
pub trait Record<'de>: Default + Sized {
    /// Element name of a root and of a list element.
    const NAME: &'static str;
    /// XML namespace of the type's elements.
    const NAMESPACE: &'static str;
    /// The members in declaration order, which is the JSON order.
    const MEMBERS: &'static [Member];
    /// Positions in `MEMBERS`, in the ordinal order of the names: the XML order.
    const XML_ORDER: &'static [usize];

    /// Reads the member at position `member` of `MEMBERS`.
    ///
    /// # Errors
    /// [`Fatal`] when the body ends here.
    fn read_member<S: Source<'de>>(&mut self, member: usize, source: &mut S) -> Result<(), Fatal>;

    /// Writes the member at position `member`.
    fn write_member<W: Sink>(&self, member: usize, sink: &mut W);

    /// Checks the member at position `member` against its rules.
    fn check_member(&self, member: usize, check: &mut Check<'_>);
}

/// A type a member can have.
pub trait Value<'de>: Sized {
    /// Reads one value.
    ///
    /// # Errors
    /// [`Fatal`] when the body ends here.
    fn read<S: Source<'de>>(source: &mut S) -> Result<Self, Fatal>;

    /// Writes the value.
    fn write<W: Sink>(&self, sink: &mut W);

    /// Checks the value and what is below it.
    fn check(&self, rules: Rules, check: &mut Check<'_>);

    /// Shows the value without any text in it: bodies carry names, documents and passwords.
    ///
    /// # Errors
    /// What the formatter reports.
    fn shape(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// A type a list can hold.
pub trait Item<'de>: Sized {
    /// Element name and namespace in XML.
    const ELEMENT: (&'static str, &'static str);

    /// Reads one element; `None` when it is null or unusable.
    ///
    /// # Errors
    /// [`Fatal`] when the body ends here.
    fn read_item<S: Source<'de>>(source: &mut S) -> Result<Option<Self>, Fatal>;

    /// Writes one element.
    fn write_item<W: Sink>(&self, sink: &mut W);

    /// Checks what is below the element.
    fn check_item(&self, check: &mut Check<'_>);

    /// As [`Value::shape`].
    ///
    /// # Errors
    /// What the formatter reports.
    fn shape_item(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// A body being read, positioned at a value. Every method consumes exactly that value. What does
/// not fit is recorded and becomes the null or zero the framework leaves in its place.
pub trait Source<'de> {
    /// A string member.
    ///
    /// # Errors
    /// [`Fatal`] when the body ends here.
    fn text(&mut self) -> Result<Text<'de>, Fatal>;

    /// A 32-bit integer member; null and missing are 0.
    ///
    /// # Errors
    /// [`Fatal`] when the body ends here.
    fn int32(&mut self) -> Result<i32, Fatal>;

    /// A 64-bit integer member; null and missing are 0.
    ///
    /// # Errors
    /// [`Fatal`] when the body ends here.
    fn int64(&mut self) -> Result<i64, Fatal>;

    /// An object member.
    ///
    /// # Errors
    /// [`Fatal`] when the body ends here.
    fn record<T: Record<'de>>(&mut self) -> Result<Option<T>, Fatal>;

    /// A list member.
    ///
    /// # Errors
    /// [`Fatal`] when the body ends here.
    fn list<T: Item<'de>>(&mut self) -> Result<Option<Vec<T>>, Fatal>;
}

/// A body being written, positioned where a value belongs.
pub trait Sink {
    /// Null.
    fn null(&mut self);
    /// A string.
    fn text(&mut self, text: &str);
    /// An integer.
    fn integer(&mut self, number: i64);
    /// A number of hundredths, written as a decimal.
    fn decimal(&mut self, hundredths: i64);
    /// An object.
    fn record<'de, T: Record<'de>>(&mut self, record: &T);
    /// A list.
    fn list<'de, T: Item<'de>>(&mut self, items: &[T]);
}

/// Namespace of the elements of a list of strings.
pub(super) const ARRAYS_NAMESPACE: &str =
    "http://schemas.microsoft.com/2003/10/Serialization/Arrays";

impl<'de> Value<'de> for Text<'de> {
    fn read<S: Source<'de>>(source: &mut S) -> Result<Self, Fatal> {
        source.text()
    }

    fn write<W: Sink>(&self, sink: &mut W) {
        match self {
            Some(text) => sink.text(text),
            None => sink.null(),
        }
    }

    fn check(&self, rules: Rules, check: &mut Check<'_>) {
        check.text(self.as_deref(), rules);
    }

    fn shape(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Some(text) => write!(f, "text({})", text.len()),
            None => f.write_str("null"),
        }
    }
}

impl<'de> Value<'de> for i32 {
    fn read<S: Source<'de>>(source: &mut S) -> Result<Self, Fatal> {
        source.int32()
    }

    fn write<W: Sink>(&self, sink: &mut W) {
        sink.integer(i64::from(*self));
    }

    fn check(&self, _: Rules, _: &mut Check<'_>) {}

    fn shape(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<'de> Value<'de> for i64 {
    fn read<S: Source<'de>>(source: &mut S) -> Result<Self, Fatal> {
        source.int64()
    }

    fn write<W: Sink>(&self, sink: &mut W) {
        sink.integer(*self);
    }

    fn check(&self, _: Rules, _: &mut Check<'_>) {}

    fn shape(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Money is a decimal member in yuan. No request has one, so what cannot be read is simply nothing.
impl<'de> Value<'de> for Fen {
    fn read<S: Source<'de>>(source: &mut S) -> Result<Self, Fatal> {
        let text = source.text()?;
        Ok(text.and_then(|text| Self::parse_yuan(text.trim()).ok()).unwrap_or_default())
    }

    fn write<W: Sink>(&self, sink: &mut W) {
        sink.decimal(self.get());
    }

    fn check(&self, _: Rules, _: &mut Check<'_>) {}

    fn shape(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_yuan())
    }
}

impl<'de, T: Record<'de> + fmt::Debug> Value<'de> for Option<T> {
    fn read<S: Source<'de>>(source: &mut S) -> Result<Self, Fatal> {
        source.record()
    }

    fn write<W: Sink>(&self, sink: &mut W) {
        match self {
            Some(record) => sink.record(record),
            None => sink.null(),
        }
    }

    fn check(&self, rules: Rules, check: &mut Check<'_>) {
        match self {
            Some(record) => check.record(record),
            None => check.null(rules),
        }
    }

    fn shape(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl<'de, T: Item<'de>> Value<'de> for Option<Vec<T>> {
    fn read<S: Source<'de>>(source: &mut S) -> Result<Self, Fatal> {
        source.list()
    }

    fn write<W: Sink>(&self, sink: &mut W) {
        match self {
            Some(items) => sink.list(items),
            None => sink.null(),
        }
    }

    fn check(&self, rules: Rules, check: &mut Check<'_>) {
        match self {
            Some(items) => check.items(items),
            None => check.null(rules),
        }
    }

    fn shape(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(items) = self else { return f.write_str("null") };
        let mut list = f.debug_list();
        for item in items {
            list.entry(&fmt::from_fn(|f| item.shape_item(f)));
        }
        list.finish()
    }
}

impl<'de, T: Record<'de> + fmt::Debug> Item<'de> for T {
    const ELEMENT: (&'static str, &'static str) = (T::NAME, T::NAMESPACE);

    fn read_item<S: Source<'de>>(source: &mut S) -> Result<Option<Self>, Fatal> {
        source.record()
    }

    fn write_item<W: Sink>(&self, sink: &mut W) {
        sink.record(self);
    }

    fn check_item(&self, check: &mut Check<'_>) {
        check.record(self);
    }

    fn shape_item(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl<'de> Item<'de> for Cow<'de, str> {
    const ELEMENT: (&'static str, &'static str) = ("string", ARRAYS_NAMESPACE);

    fn read_item<S: Source<'de>>(source: &mut S) -> Result<Option<Self>, Fatal> {
        source.text()
    }

    fn write_item<W: Sink>(&self, sink: &mut W) {
        sink.text(self);
    }

    fn check_item(&self, _: &mut Check<'_>) {}

    fn shape_item(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "text({})", self.len())
    }
}

/// The shortest text of a number of hundredths, without a fraction where it has none: `120`, `9.9`,
/// `-0.05`.
pub(super) fn decimal(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let (whole, rest) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
    match (rest, rest % 10) {
        (0, _) => format!("{sign}{whole}"),
        (_, 0) => format!("{sign}{whole}.{}", rest / 10),
        _ => format!("{sign}{whole}.{rest:02}"),
    }
}

/// Positions of `names` in the ordinal (byte) order of the names. Evaluated at compile time.
#[must_use]
pub const fn alphabetical<const N: usize>(names: [&str; N]) -> [usize; N] {
    let mut order = [0; N];
    let mut sorted = 0;
    while sorted < N {
        order[sorted] = sorted;
        let mut at = sorted;
        while at > 0 && before(names[order[at]], names[order[at - 1]]) {
            let moved = order[at];
            order[at] = order[at - 1];
            order[at - 1] = moved;
            at -= 1;
        }
        sorted += 1;
    }
    order
}

const fn before(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut at = 0;
    while at < left.len() && at < right.len() {
        if left[at] != right[at] {
            return left[at] < right[at];
        }
        at += 1;
    }
    left.len() < right.len()
}

/// Declares a [`Record`]: a struct whose members are named and ordered as in JSON, each with its
/// type and, after `=>`, its [`Rules`].
macro_rules! wire_record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident<$lt:lifetime> in $namespace:path {
            $( $(#[$member_meta:meta])* $member:ident : $type:ty $(=> $rules:expr)? ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Default, PartialEq, Eq)]
        pub struct $name<$lt> {
            $( $(#[$member_meta])* pub $member: $type, )*
        }

        const _: () = {
            #[expect(non_camel_case_types, reason = "the variants are wire names")]
            enum Index { $( $member ),* }

            impl<$lt> $crate::wire::codec::Record<$lt> for $name<$lt> {
                const NAME: &'static str = stringify!($name);
                const NAMESPACE: &'static str = $namespace;
                const MEMBERS: &'static [$crate::wire::codec::Member] = &[
                    $( $crate::wire::codec::Member {
                        name: stringify!($member),
                        rules: wire_record!(@rules $($rules)?),
                    } ),*
                ];
                const XML_ORDER: &'static [usize] =
                    &$crate::wire::codec::alphabetical([ $( stringify!($member) ),* ]);

                #[inline]
                fn read_member<S: $crate::wire::codec::Source<$lt>>(
                    &mut self,
                    member: usize,
                    source: &mut S,
                ) -> Result<(), $crate::wire::codec::Fatal> {
                    match member {
                        $( at if at == Index::$member as usize => {
                            self.$member = $crate::wire::codec::Value::read(source)?;
                        } )*
                        _ => {}
                    }
                    Ok(())
                }

                #[inline]
                fn write_member<W: $crate::wire::codec::Sink>(&self, member: usize, sink: &mut W) {
                    match member {
                        $( at if at == Index::$member as usize => {
                            $crate::wire::codec::Value::write(&self.$member, sink);
                        } )*
                        _ => {}
                    }
                }

                fn check_member(
                    &self,
                    member: usize,
                    check: &mut $crate::wire::codec::Check<'_>,
                ) {
                    match member {
                        $( at if at == Index::$member as usize => {
                            $crate::wire::codec::Value::check(
                                &self.$member,
                                wire_record!(@rules $($rules)?),
                                check,
                            );
                        } )*
                        _ => {}
                    }
                }
            }

            /// Shows structure and lengths, never a text.
            impl std::fmt::Debug for $name<'_> {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.debug_struct(stringify!($name))
                        $( .field(
                            stringify!($member),
                            &std::fmt::from_fn(|f| {
                                $crate::wire::codec::Value::shape(&self.$member, f)
                            }),
                        ) )*
                        .finish()
                }
            }
        };
    };
    (@rules) => { $crate::wire::codec::Rules::NONE };
    (@rules $rules:expr) => { $rules };
}
pub(crate) use wire_record;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_has_no_more_digits_than_it_needs() {
        let check = |hundredths: i64, expected: &str| assert_eq!(decimal(hundredths), expected);
        check(12_000, "120");
        check(990, "9.9");
        check(1005, "10.05");
        check(-5, "-0.05");
        check(0, "0");
        check(i64::MIN, "-92233720368547758.08");
    }

    #[test]
    fn the_xml_order_is_the_order_of_the_bytes_of_the_names() {
        assert_eq!(alphabetical(["b", "a"]), [1, 0]);
        // The underscore sorts after the capitals and before the small letters.
        assert_eq!(alphabetical(["sku", "sku_id", "Sku", "sk"]), [2, 3, 0, 1]);
        assert_eq!(alphabetical([]), [0; 0]);
        let names = ["orderid", "sendid", "orderstatus", "resultcode", "returnmessgage"];
        let sorted: Vec<_> = alphabetical(names).iter().map(|&at| names[at]).collect();
        assert_eq!(sorted, ["orderid", "orderstatus", "resultcode", "returnmessgage", "sendid"]);
    }
}
