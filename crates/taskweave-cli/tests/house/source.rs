//! Where a source file belongs, and what its code names.

use crate::lexer;

/// The folder of the package and the top-level module that a source file belongs to; nothing for a crate's root, tests and examples.
pub(crate) fn module_of(path: &str) -> Option<(&str, &str)> {
    let (package, inner) = path.split_once("/src/")?;
    if !(package.starts_with("crates/") || package.starts_with("apps/")) {
        return None;
    }
    let module = inner.split('/').next()?.trim_end_matches(".rs");
    (!["lib", "main", "bin"].contains(&module)).then_some((package, module))
}

/// Whether the file is a test or a model.
pub(crate) fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || path.ends_with("/models.rs")
        || path.contains("/tests/")
        || path.ends_with("_tests.rs")
}

/// The lines of code with their numbers, statements that go over several lines joined to their first.
pub(crate) fn numbered_code(text: &str) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    let mut open = 0_usize;
    for (index, line) in lexer::lines(text).into_iter().enumerate() {
        let code = line.code.trim();
        match joined.last_mut().filter(|_| open > 0) {
            Some((_, statement)) => statement.push_str(code),
            None => joined.push((index + 1, code.to_owned())),
        }
        // Only the braces of a `use` are joined; those of a block would swallow the file.
        if open > 0 || code.starts_with("use ") || code.contains(" use ") {
            open = (open + code.matches('{').count()).saturating_sub(code.matches('}').count());
        }
    }
    joined
}

/// The names that follow `root` in `code`: one, or those at the outer level of a group in braces.
pub(crate) fn heads<'a>(code: &'a str, root: &str) -> Vec<&'a str> {
    let mut heads = Vec::new();
    for (at, _) in code.match_indices(root) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + root.len()..];
        match rest.strip_prefix('{') {
            None => heads.push(identifier(rest)),
            Some(group) => heads.extend(outer_names(group)),
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

/// The first identifier of each item in a group, up to the brace that closes it.
fn outer_names(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut names) = (0_usize, 0, Vec::new());
    for (at, next) in group.char_indices() {
        match next {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(identifier(group[start..at].trim()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(identifier(group[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    &text[..end]
}
