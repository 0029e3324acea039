//! The few forms of JSON that a report needs.

use std::fmt::{Display, Write};

/// An object under construction.
#[derive(Debug)]
pub(crate) struct Object(String);

impl Object {
    /// `{}`.
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    /// A text, escaped.
    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        self.raw(key, quoted(value))
    }

    /// An integer.
    pub(crate) fn integer(self, key: &str, value: impl Into<u128>) -> Self {
        self.raw(key, value.into())
    }

    /// A number in the shortest form that reads back as the same value; `null` for what JSON has no number for.
    pub(crate) fn float(self, key: &str, value: f64) -> Self {
        if value.is_finite() {
            self.raw(key, format_args!("{value:?}"))
        } else {
            self.raw(key, "null")
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(self, key: &str, value: bool) -> Self {
        self.raw(key, value)
    }

    /// A list of objects.
    pub(crate) fn list(self, key: &str, items: impl IntoIterator<Item = Object>) -> Self {
        let items: Vec<String> = items.into_iter().map(Object::finish).collect();
        self.raw(key, format_args!("[{}]", items.join(",")))
    }

    /// The finished text.
    pub(crate) fn finish(self) -> String {
        self.0 + "}"
    }

    fn raw(mut self, key: &str, value: impl Display) -> Self {
        let comma = if self.0.len() > 1 { "," } else { "" };
        // Writing to a string can't fail.
        let _ = write!(self.0, "{comma}{}:{value}", quoted(key));
        self
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[test]
fn an_object_reads_as_json() {
    let text = Object::new()
        .text("name", "a \"b\"\n\\ é")
        .integer("count", 3_u64)
        .float("value", 1.0)
        .float("none", f64::NAN)
        .boolean("yes", true)
        .list("list", [Object::new(), Object::new().float("small", 1e-7)])
        .finish();
    assert_eq!(
        text,
        r#"{"name":"a \"b\"\u000a\\ é","count":3,"value":1.0,"none":null,"yes":true,"list":[{},{"small":1e-7}]}"#
    );
}
