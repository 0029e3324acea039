//! Words of a text, and of a window.

use std::collections::HashMap;

/// What a window holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) files: usize,
    pub(crate) lines: u64,
    pub(crate) words: u64,
    /// How often each word occurs.
    each: HashMap<String, u64>,
}

impl Count {
    /// Counts one text, calling `line` after each of its lines.
    pub(crate) fn text<'a>(text: &'a str, mut line: impl FnMut()) -> TextCount<'a> {
        let mut count = TextCount::default();
        for content in text.lines() {
            let words = content.split(|letter: char| !letter.is_alphanumeric());
            for word in words.filter(|word| !word.is_empty()) {
                *count.each.entry(word).or_default() += 1;
                count.words += 1;
            }
            count.lines += 1;
            line();
        }
        count
    }

    /// Adds a text.
    pub(crate) fn add(&mut self, text: TextCount<'_>) {
        self.files += 1;
        self.lines += text.lines;
        self.words += text.words;
        for (word, count) in text.each {
            match self.each.get_mut(word) {
                Some(sum) => *sum += count,
                None => {
                    self.each.insert(word.to_owned(), count);
                }
            }
        }
    }

    /// How many different words there are.
    pub(crate) fn distinct(&self) -> usize {
        self.each.len()
    }

    /// The most frequent word, and of several the first by letters.
    pub(crate) fn most_frequent(&self) -> Option<(&str, u64)> {
        let most = self
            .each
            .iter()
            .max_by(|one, other| one.1.cmp(other.1).then_with(|| other.0.cmp(one.0)));
        most.map(|(word, count)| (word.as_str(), *count))
    }
}

/// What a text holds.
#[derive(Debug, Default)]
pub(crate) struct TextCount<'a> {
    lines: u64,
    words: u64,
    each: HashMap<&'a str, u64>,
}
