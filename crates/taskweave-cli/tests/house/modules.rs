//! Within a crate: front ends stay apart, top-level modules form no cycle, and primitives come through the facade.
//!
//! Imports are read from the text: every `crate::x` and `crate::{x, y}` in code. What goes through the crate's root (`crate::Name`) is not
//! an import of a module.

use std::collections::{BTreeMap, BTreeSet};

use crate::lexer;
use crate::tree::Tree;

/// Siblings in the crate `taskweave`: what two of them share lives in the kernel.
const FRONT_ENDS: [&str; 4] = ["graph", "cown", "flow", "cyclic"];

/// No front end names another.
pub(crate) fn front_ends_stay_apart(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust() {
        let Some(("crates/taskweave", module)) = module_of(path) else {
            continue;
        };
        if !FRONT_ENDS.contains(&module) {
            continue;
        }
        for (number, line) in numbered_code(text) {
            let others: BTreeSet<&str> = ["crate::", "super::", "taskweave::"]
                .iter()
                .flat_map(|root| heads(&line, root))
                .filter(|head| *head != module && FRONT_ENDS.contains(head))
                .collect();
            findings.extend(
                others
                    .into_iter()
                    .map(|other| format!("{path}:{number}: `{module}` uses `{other}`")),
            );
        }
    }
    findings
}

/// Between the top-level modules of a crate, uses go one way. Tests may look anywhere.
pub(crate) fn modules_form_no_cycle(tree: &Tree) -> Vec<String> {
    let mut uses: BTreeMap<&str, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
    for (path, text) in tree.rust() {
        let Some((package, module)) = module_of(path) else {
            continue;
        };
        let found = uses.entry(package).or_default().entry(module).or_default();
        if is_test(path) {
            continue;
        }
        let code = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or(text);
        for (_, line) in numbered_code(code) {
            found.extend(heads(&line, "crate::").into_iter().map(str::to_owned));
        }
    }
    uses.iter()
        .filter_map(|(package, modules)| {
            Some(format!("{package}: {}", cycle(modules)?.join(" -> ")))
        })
        .collect()
}

/// Names that only the facade may say: a model checker sees nothing of what goes past it.
pub(crate) fn facade_is_used(tree: &Tree) -> Vec<String> {
    const FACADE: &str = "crates/taskweave-sys/src/sync";
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
            for name in FORBIDDEN.iter().filter(|name| says(&line, name)) {
                findings.push(format!(
                    "{path}:{number}: `{name}` is named outside the facade"
                ));
            }
        }
    }
    findings
}

/// The folder of the package and the top-level module that a source file belongs to; nothing for a crate's root, tests and examples.
fn module_of(path: &str) -> Option<(&str, &str)> {
    let (package, inner) = path.split_once("/src/")?;
    if !(package.starts_with("crates/") || package.starts_with("apps/")) {
        return None;
    }
    let module = inner.split('/').next()?.trim_end_matches(".rs");
    (!["lib", "main", "bin"].contains(&module)).then_some((package, module))
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") || path.ends_with("_tests.rs")
}

/// The lines of code with their numbers, statements that go over several lines joined to their first.
fn numbered_code(text: &str) -> Vec<(usize, String)> {
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
fn heads<'a>(code: &'a str, root: &str) -> Vec<&'a str> {
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

/// Whether `code` has `name` at the start of a path.
fn says(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = &code[..at];
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
            && (!before.ends_with("::") || before.ends_with(" ::"))
    })
}

/// A cycle among `modules`, its first name repeated at the end.
fn cycle<'a>(modules: &BTreeMap<&'a str, BTreeSet<String>>) -> Option<Vec<&'a str>> {
    let mut done = BTreeSet::new();
    modules
        .keys()
        .find_map(|module| visit(module, modules, &mut Vec::new(), &mut done))
}

fn visit<'a>(
    at: &str,
    modules: &BTreeMap<&'a str, BTreeSet<String>>,
    path: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    // A name that is no module of this crate (an item of the root, say) leads nowhere.
    let (&at, next) = modules.get_key_value(at)?;
    if let Some(start) = path.iter().position(|module| *module == at) {
        return Some(path[start..].iter().copied().chain([at]).collect());
    }
    if done.contains(at) {
        return None;
    }
    path.push(at);
    let found = next
        .iter()
        .filter(|next| *next != at)
        .find_map(|next| visit(next, modules, path, done));
    path.pop();
    done.insert(at);
    found
}

#[cfg(test)]
mod tests {
    use super::{facade_is_used, front_ends_stay_apart, modules_form_no_cycle};
    use crate::{assert_clean, assert_found};

    #[test]
    fn a_front_end_that_uses_another_is_found_however_it_is_written() {
        for import in [
            "use crate::flow::Buffer;",
            "use crate::{cancel, flow};",
            "use crate::{\n    cancel::{self, flow_of},\n    flow::Buffer,\n};",
            "fn f() { super::flow::g() }",
            "pub(crate) use crate::flow as other;",
        ] {
            assert_found(
                front_ends_stay_apart,
                &[("crates/taskweave/src/graph/run.rs", import)],
                "`graph` uses `flow`",
            );
            assert_found(
                front_ends_stay_apart,
                &[("crates/taskweave/src/graph.rs", import)],
                "`graph` uses `flow`",
            );
        }
    }

    #[test]
    fn a_front_end_may_use_itself_the_kernel_and_words() {
        let text = "//! See [`crate::flow`].\nuse crate::graph::row::{Row, flow};\nuse taskweave_core::flow;\nlet s = \"crate::flow\";";
        assert_clean(
            front_ends_stay_apart,
            &[
                ("crates/taskweave/src/graph/run.rs", text),
                ("crates/taskweave/src/lib.rs", "use crate::flow;"),
            ],
        );
    }

    #[test]
    fn a_cycle_of_modules_is_found_with_its_path() {
        let files = [
            (
                "crates/taskweave-core/src/task.rs",
                "use crate::worker::Worker;",
            ),
            (
                "crates/taskweave-core/src/worker/mod.rs",
                "use crate::{pool, queue};",
            ),
            (
                "crates/taskweave-core/src/pool.rs",
                "fn f() { crate::task::g() }",
            ),
            ("crates/taskweave-core/src/queue.rs", ""),
        ];
        assert_found(
            modules_form_no_cycle,
            &files,
            "crates/taskweave-core: pool -> task -> worker -> pool",
        );
    }

    #[test]
    fn tests_may_look_upwards() {
        let files = [
            (
                "crates/taskweave-core/src/task.rs",
                "#[cfg(test)]\nmod tests {\n    use crate::pool::Pool;\n}",
            ),
            (
                "crates/taskweave-core/src/task/tests.rs",
                "use crate::pool::Pool;",
            ),
            (
                "crates/taskweave-core/src/pool.rs",
                "use crate::task::Task;",
            ),
        ];
        assert_clean(modules_form_no_cycle, &files);
    }

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
