//! Within a crate: front ends stay apart, and top-level modules form no cycle.
//!
//! Imports are read from the text: every `crate::x` and `crate::{x, y}` in code. What goes through the crate's root (`crate::Name`) is not
//! an import of a module.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{heads, is_test, module_of, numbered_code};
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

/// Crates whose modules are a pile of layers. The kernel is one mechanism whose parts know each other, and programs are their owners' affair.
const LAYERED: [&str; 2] = ["crates/taskweave-sys", "crates/taskweave"];

/// Between the top-level modules of a layered crate, uses go one way. Tests may look anywhere.
pub(crate) fn modules_form_no_cycle(tree: &Tree) -> Vec<String> {
    let mut uses: BTreeMap<&str, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
    for (path, text) in tree.rust() {
        let Some((package, module)) =
            module_of(path).filter(|(package, _)| LAYERED.contains(package))
        else {
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
    use super::{front_ends_stay_apart, modules_form_no_cycle};
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
                "crates/taskweave-sys/src/task.rs",
                "use crate::worker::Worker;",
            ),
            (
                "crates/taskweave-sys/src/worker/mod.rs",
                "use crate::{pool, queue};",
            ),
            (
                "crates/taskweave-sys/src/pool.rs",
                "fn f() { crate::task::g() }",
            ),
            ("crates/taskweave-sys/src/queue.rs", ""),
        ];
        assert_found(
            modules_form_no_cycle,
            &files,
            "crates/taskweave-sys: pool -> task -> worker -> pool",
        );
    }

    #[test]
    fn tests_may_look_upwards() {
        let files = [
            (
                "crates/taskweave-sys/src/task.rs",
                "#[cfg(test)]\nmod tests {\n    use crate::pool::Pool;\n}",
            ),
            (
                "crates/taskweave-sys/src/task/tests.rs",
                "use crate::pool::Pool;",
            ),
            ("crates/taskweave-sys/src/pool.rs", "use crate::task::Task;"),
        ];
        assert_clean(modules_form_no_cycle, &files);
    }
}
