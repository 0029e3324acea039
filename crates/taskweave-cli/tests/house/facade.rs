//! Primitives come through the facade, in which a model checker can stand in for the standard library.

use crate::source::{is_test, module_of, numbered_code};
use crate::tree::Tree;

/// Names that only the facade may say: a model checker sees nothing of what goes past it.
pub(crate) fn facade_is_used(tree: &Tree) -> Vec<String> {
    const FACADE: &str = "crates/taskweave-sys/src/sync";
    // What a model checker needs beside the primitives (a static per execution) stays in the lowest crate.
    const CHECKERS: [&str; 2] = ["loom::", "shuttle::"];
    const FORBIDDEN: [&str; 7] = [
        "std::sync::atomic",
        "core::sync::atomic",
        "std::thread::Builder",
        "std::thread::scope",
        "std::thread::park",
        "loom::",
        "shuttle::",
    ];
    let mut findings = Vec::new();
    for (path, text) in tree.rust() {
        if module_of(path).is_none() || is_test(path) || path.starts_with(FACADE) {
            continue;
        }
        for (number, line) in numbered_code(text) {
            let lowest = path.starts_with("crates/taskweave-sys/");
            for name in FORBIDDEN
                .iter()
                .filter(|name| says(&line, name) && !(lowest && CHECKERS.contains(name)))
            {
                findings.push(format!(
                    "{path}:{number}: `{name}` is named outside the facade"
                ));
            }
        }
    }
    findings
}

/// Whether `code` has `name` at the start of a path.
fn says(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = &code[..at];
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
            && (!before.ends_with("::") || before.ends_with(" ::"))
    })
}

#[cfg(test)]
mod tests {
    use super::facade_is_used;
    use crate::{assert_clean, assert_found};

    #[test]
    fn a_primitive_past_the_facade_is_found() {
        for (code, name) in [
            ("use std::sync::atomic::Ordering;", "std::sync::atomic"),
            (
                "let t = std::thread::Builder::new();",
                "std::thread::Builder",
            ),
            ("loom::model(|| ());", "loom::"),
        ] {
            assert_found(
                facade_is_used,
                &[("crates/taskweave-core/src/pool.rs", code)],
                name,
            );
            assert_clean(
                facade_is_used,
                &[("crates/taskweave-sys/src/sync/mod.rs", code)],
            );
        }
        assert_clean(
            facade_is_used,
            &[(
                "crates/taskweave-core/src/pool.rs",
                "use taskweave_sys::sync::atomic; bloom::f();",
            )],
        );
    }
}
