//! Tells the code of a Rust file from its comments and strings, line by line.
//!
//! Rules about code must not trip over a word in a string (these tests are full of such words), nor rules about comments over code.

/// One source line: its code with the contents of strings and characters left out, and its comments.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) code: String,
    pub(crate) comment: String,
}

/// The lines of `source`.
pub(crate) fn lines(source: &str) -> Vec<Line> {
    Lexer {
        rest: source,
        lines: vec![Line::default()],
    }
    .run()
}

struct Lexer<'a> {
    rest: &'a str,
    lines: Vec<Line>,
}

impl Lexer<'_> {
    fn run(mut self) -> Vec<Line> {
        while let Some(next) = self.rest.chars().next() {
            if self.rest.starts_with("//") {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.comment(end);
            } else if self.rest.starts_with("/*") {
                self.comment(block_comment(self.rest));
            } else if let Some(length) = raw_string(self.rest)
                .or_else(|| string(self.rest))
                .or_else(|| character(self.rest))
            {
                self.skip(length);
            } else {
                self.code(next);
                // A raw string's prefix is one only at the start of a word: `var"` can't occur, `r"` inside `attr"` could.
                if next.is_alphanumeric() || next == '_' {
                    while let Some(next) = self
                        .rest
                        .chars()
                        .next()
                        .filter(|c| c.is_alphanumeric() || *c == '_')
                    {
                        self.code(next);
                    }
                }
            }
        }
        self.lines
    }

    fn line(&mut self) -> &mut Line {
        self.lines.last_mut().expect("there is always a line")
    }

    fn code(&mut self, next: char) {
        self.rest = &self.rest[next.len_utf8()..];
        if next == '\n' {
            self.lines.push(Line::default());
        } else {
            self.line().code.push(next);
        }
    }

    fn comment(&mut self, length: usize) {
        for next in self.rest[..length].chars() {
            if next == '\n' {
                self.lines.push(Line::default());
            } else {
                self.line().comment.push(next);
            }
        }
        self.rest = &self.rest[length..];
    }

    /// Leaves out a literal, but keeps its quotes and its line breaks.
    fn skip(&mut self, length: usize) {
        self.line().code.push('"');
        for _ in self.rest[..length].matches('\n') {
            self.lines.push(Line::default());
        }
        self.line().code.push('"');
        self.rest = &self.rest[length..];
    }
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            match text[at..].chars().next() {
                Some(next) => at += next.len_utf8(),
                None => return at,
            }
        }
    }
}

fn raw_string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"]
        .into_iter()
        .find(|prefix| text.starts_with(prefix))?;
    let hashes = text[prefix.len()..]
        .chars()
        .take_while(|&c| c == '#')
        .count();
    let open = prefix.len() + hashes;
    if !text[open..].starts_with('"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let end = text[open + 1..].find(&close)?;
    Some(open + 1 + end + close.len())
}

fn string(text: &str) -> Option<usize> {
    let open = if text.starts_with('"') {
        0
    } else if text.starts_with("b\"") || text.starts_with("c\"") {
        1
    } else {
        return None;
    };
    let mut escaped = false;
    for (at, next) in text.char_indices().skip(open + 1) {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    Some(text.len())
}

/// A character literal; `None` for a lifetime, whose quote is not closed after one character.
fn character(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    chars.next().filter(|(_, quote)| *quote == '\'')?;
    let (_, first) = chars.next()?;
    if first == '\\' {
        let (_, _escaped) = chars.next()?;
        return chars.find(|(_, next)| *next == '\'').map(|(at, _)| at + 1);
    }
    chars
        .next()
        .filter(|(_, quote)| *quote == '\'')
        .map(|(at, _)| at + 1)
}

#[test]
fn code_comments_and_strings_are_told_apart() {
    let source = "let a = \"x // \\\" no\"; // yes \"s\"\nlet b = r#\"a \" b\"#; /* c /* d */\n e */ f<'a>('\\'', '\"', b'x')";
    let code: Vec<String> = lines(source).into_iter().map(|line| line.code).collect();
    assert_eq!(
        code,
        [
            "let a = \"\"; ",
            "let b = \"\"; ",
            " f<'a>(\"\", \"\", b\"\")"
        ]
    );
    let comments: Vec<String> = lines(source).into_iter().map(|line| line.comment).collect();
    assert_eq!(comments, ["// yes \"s\"", "/* c /* d */", " e */"]);
}

#[test]
fn strings_over_several_lines_keep_the_count() {
    assert_eq!(lines("a(\"1\n2\n3\");\nb").len(), 4);
}
