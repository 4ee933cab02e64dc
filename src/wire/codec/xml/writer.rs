//! XML as the DataContractSerializer writes it: no declaration, no indentation, members in
//! ordinal order, nulls as `nil`.

use std::fmt::Write as _;

use super::INSTANCE_NAMESPACE;
use crate::wire::codec::schema::{Item, Record, Sink, decimal};

/// Ends an element without content.
pub(crate) const NIL_END: &str = "/>";

/// Writes `record` as a document.
#[must_use]
pub fn to_xml<'de, T: Record<'de>>(record: &T) -> String {
    let mut writer = Writer {
        out: String::with_capacity(512),
        depth: 0,
        name: T::NAME,
        prefix: None,
        inner: Scope { namespace: T::NAMESPACE, prefix: None },
    };
    let _ = write!(
        writer.out,
        "<{name} xmlns:i=\"{INSTANCE_NAMESPACE}\" xmlns=\"{namespace}\"",
        name = T::NAME,
        namespace = T::NAMESPACE
    );
    writer.depth = 1;
    writer.members(record);
    writer.out
}

/// Writes `items` as a document: `ArrayOf` and the name of an element, in the elements' namespace.
#[must_use]
pub fn to_xml_list<'de, T: Item<'de>>(items: &[T]) -> String {
    let (name, namespace) = T::ELEMENT;
    let mut out = format!("<ArrayOf{name} xmlns:i=\"{INSTANCE_NAMESPACE}\" xmlns=\"{namespace}\"");
    if items.is_empty() {
        out.push_str(NIL_END);
        return out;
    }
    out.push('>');
    let inner = Scope { namespace, prefix: None };
    let mut writer = Writer { out, depth: 1, name, prefix: None, inner };
    for item in items {
        writer.name = name;
        item.write_item(&mut writer);
    }
    let _ = write!(writer.out, "</ArrayOf{name}>");
    writer.out
}

/// Where child elements belong, and the prefix that says so; none for the default namespace.
#[derive(Clone, Copy)]
struct Scope {
    namespace: &'static str,
    prefix: Option<usize>,
}

struct Writer {
    out: String,
    /// Open elements, counting one whose start tag is being written.
    depth: usize,
    /// Name of the element the next value fills.
    name: &'static str,
    /// Its prefix: `d3p1` for `Some(3)`.
    prefix: Option<usize>,
    /// The namespace in force around it.
    inner: Scope,
}

impl Writer {
    fn qualified(&mut self, name: &str, prefix: Option<usize>) {
        if let Some(depth) = prefix {
            let _ = write!(self.out, "d{depth}p1:");
        }
        self.out.push_str(name);
    }

    /// Opens the pending element up to where its attributes go.
    fn start(&mut self) {
        self.out.push('<');
        self.qualified(self.name, self.prefix);
        self.depth += 1;
    }

    fn end(&mut self, name: &str, prefix: Option<usize>) {
        self.out.push_str("</");
        self.qualified(name, prefix);
        self.out.push('>');
        self.depth -= 1;
    }

    /// Makes `namespace` the one of the children, declaring a prefix for it where it is new.
    fn enter(&mut self, namespace: &'static str) -> Scope {
        let outer = self.inner;
        if namespace != outer.namespace {
            let depth = self.depth;
            let _ = write!(self.out, " xmlns:d{depth}p1=\"{namespace}\"");
            self.inner = Scope { namespace, prefix: Some(depth) };
        }
        outer
    }

    /// The members and the end tag of a record whose start tag is open.
    fn members<'de, T: Record<'de>>(&mut self, record: &T) {
        let (name, prefix) = (self.name, self.prefix);
        let outer = self.enter(T::NAMESPACE);
        self.out.push('>');
        for &member in T::XML_ORDER {
            self.name = T::MEMBERS[member].name;
            self.prefix = self.inner.prefix;
            record.write_member(member, self);
        }
        self.inner = outer;
        self.end(name, prefix);
    }
}

impl Sink for Writer {
    fn null(&mut self) {
        self.start();
        self.out.push_str(" i:nil=\"true\"");
        self.out.push_str(NIL_END);
        self.depth -= 1;
    }

    fn text(&mut self, text: &str) {
        self.start();
        if text.is_empty() {
            self.out.push_str(NIL_END);
            self.depth -= 1;
            return;
        }
        self.out.push('>');
        write_text(&mut self.out, text);
        self.end(self.name, self.prefix);
    }

    fn integer(&mut self, number: i64) {
        self.start();
        let _ = write!(self.out, ">{number}");
        self.end(self.name, self.prefix);
    }

    fn decimal(&mut self, hundredths: i64) {
        self.start();
        let _ = write!(self.out, ">{}", decimal(hundredths));
        self.end(self.name, self.prefix);
    }

    fn record<'de, T: Record<'de>>(&mut self, record: &T) {
        self.start();
        self.members(record);
    }

    fn list<'de, T: Item<'de>>(&mut self, items: &[T]) {
        let (name, prefix) = (self.name, self.prefix);
        let (element, namespace) = T::ELEMENT;
        self.start();
        let outer = self.enter(namespace);
        if items.is_empty() {
            self.out.push_str(NIL_END);
            self.depth -= 1;
            self.inner = outer;
            return;
        }
        self.out.push('>');
        for item in items {
            self.name = element;
            self.prefix = self.inner.prefix;
            item.write_item(self);
        }
        self.inner = outer;
        self.end(name, prefix);
    }
}

/// Appends `text` as element content. As .NET's writer does on Windows, every line break becomes
/// a carriage return and a line feed, and a control character a reference.
pub(crate) fn write_text(out: &mut String, text: &str) {
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\r' | '\n' => {
                if sign == '\r' && signs.peek() == Some(&'\n') {
                    signs.next();
                }
                out.push_str("\r\n");
            }
            '\t' => out.push('\t'),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "&#x{:X};", u32::from(sign));
            }
            _ => out.push(sign),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Fen;
    use crate::wire::codec::{Text, to_json_list, wire_record};

    const NAMESPACE: &str = "urn:n";

    wire_record! {
        /// A thing with a price.
        #[expect(unreachable_pub, reason = "the macro makes partners' types, which are public")]
        pub struct Thing<'a> in NAMESPACE {
            /// Its name.
            name: Text<'a>,
            /// Its price.
            cost: Fen,
        }
    }

    #[test]
    fn a_list_is_named_after_its_elements() {
        let thing =
            |name: &'static str, fen| Thing { name: Some(name.into()), cost: Fen::new(fen) };
        let root = format!("<ArrayOfThing xmlns:i=\"{INSTANCE_NAMESPACE}\" xmlns=\"urn:n\"");
        assert_eq!(to_xml_list::<Thing<'_>>(&[]), format!("{root}/>"));
        let things = [thing("a & b", 990), Thing { cost: Fen::ZERO, name: None }];
        let expected = "><Thing><cost>9.9</cost><name>a &amp; b</name></Thing>\
                        <Thing><cost>0</cost><name i:nil=\"true\"/></Thing></ArrayOfThing>";
        assert_eq!(to_xml_list(&things), format!("{root}{expected}"));
        let json = to_json_list(&things);
        let expected = r#"[{"name":"a & b","cost":9.9},{"name":null,"cost":0.0}]"#;
        assert_eq!(json, expected);
        assert_eq!(to_json_list::<Thing<'_>>(&[]), "[]");
    }

    #[test]
    fn text_is_escaped_as_the_net_writer_escapes_it() {
        let check = |text: &str, expected: &str| {
            let mut out = String::new();
            write_text(&mut out, text);
            assert_eq!(out, expected);
        };
        check("a<b>&\"'", "a&lt;b&gt;&amp;\"'");
        check("1\n2\r3\r\n4", "1\r\n2\r\n3\r\n4");
        check("\t\u{1}", "\t&#x1;");
        check("\u{fffd}\u{fffe}\u{ffff}", "\u{fffd}&#xFFFE;&#xFFFF;");
    }
}
