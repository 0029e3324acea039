//! What no file may be or say.

use crate::lexer;
use crate::tree::Tree;

/// The ceiling for a file of Rust or prose, in lines.
const LONGEST: usize = 600;

/// No file is longer than a person reads at a sitting.
pub(crate) fn files_are_short(tree: &Tree) -> Vec<String> {
    tree.texts()
        .filter_map(|(path, text)| {
            let lines = text.lines().count();
            (lines > LONGEST).then(|| format!("{path}: {lines} lines, {LONGEST} are allowed"))
        })
        .collect()
}

/// No unfinished code, no test or example that doesn't run, no path of somebody's machine.
pub(crate) fn nothing_is_left_undone(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts() {
        let is_rust = path.ends_with(".rs");
        let lines = if is_rust {
            lexer::lines(text)
        } else {
            prose(text)
        };
        for (index, line) in lines.iter().enumerate() {
            let found = [
                unfinished(&line.code),
                unrun(&line.comment),
                machine_path(text.lines().nth(index).unwrap_or("")),
            ];
            findings.extend(
                found
                    .into_iter()
                    .flatten()
                    .map(|what| format!("{path}:{}: {what}", index + 1)),
            );
        }
    }
    findings
}

/// Files without Rust code count as one comment.
fn prose(text: &str) -> Vec<lexer::Line> {
    text.lines()
        .map(|line| lexer::Line {
            code: String::new(),
            comment: line.to_owned(),
        })
        .collect()
}

fn unfinished(code: &str) -> Option<&'static str> {
    let attribute = code.trim_start();
    if code.contains("todo!") || code.contains("unimplemented!") {
        Some("unfinished code")
    } else if attribute.starts_with("#[ignore")
        || (attribute.starts_with("#[cfg_attr(") && code.contains("ignore"))
    {
        Some("an ignored test")
    } else {
        None
    }
}

/// A fence in documentation that names its language and then opts out of being compiled.
fn unrun(comment: &str) -> Option<&'static str> {
    let text = comment.trim_start_matches(['/', '!', '*', ' ']);
    let info = text.strip_prefix("```")?;
    info.split([',', ' '])
        .any(|word| word.trim() == "ignore")
        .then_some("an example that never runs")
}

fn machine_path(line: &str) -> Option<&'static str> {
    // Spelled in halves, so that this file keeps its own rule.
    let folders = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
    ];
    folders
        .iter()
        .any(|folder| line.contains(folder))
        .then_some("a path of one machine")
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, files_are_short, nothing_is_left_undone};
    use crate::{assert_clean, assert_found};

    #[test]
    fn a_file_over_the_ceiling_is_found() {
        assert_clean(files_are_short, &[("a.rs", &"x\n".repeat(LONGEST))]);
        assert_found(
            files_are_short,
            &[("a.rs", &"x\n".repeat(LONGEST + 1))],
            "601 lines",
        );
    }

    #[test]
    fn unfinished_code_is_found() {
        assert_found(
            nothing_is_left_undone,
            &[("a.rs", "fn f() {\n    todo!()\n}")],
            "a.rs:2: unfinished",
        );
        assert_found(
            nothing_is_left_undone,
            &[("a.rs", "unimplemented!(\"later\")")],
            "a.rs:1: unfinished",
        );
        assert_clean(
            nothing_is_left_undone,
            &[("a.rs", "// never todo!()\nlet s = \"todo!()\";")],
        );
    }

    #[test]
    fn an_ignored_test_is_found() {
        assert_found(
            nothing_is_left_undone,
            &[("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}")],
            "a.rs:2: an ignored test",
        );
        assert_found(
            nothing_is_left_undone,
            &[("a.rs", "#[cfg_attr(miri, ignore)]")],
            "an ignored test",
        );
    }

    #[test]
    fn an_example_that_never_runs_is_found() {
        assert_found(
            nothing_is_left_undone,
            &[("a.rs", "/// ```rust,ignore\n/// f()\n/// ```")],
            "a.rs:1: an example",
        );
        assert_found(
            nothing_is_left_undone,
            &[("a.md", "# A\n```ignore\n```")],
            "a.md:2: an example",
        );
        assert_clean(
            nothing_is_left_undone,
            &[(
                "a.rs",
                "/// ```\n/// ignore()\n/// ```\n/// ```text\n/// ```",
            )],
        );
    }

    #[test]
    fn a_machine_path_is_found_even_in_a_string() {
        let line = concat!("const DATA: &str = \"/ro", "ot/data\";");
        assert_found(
            nothing_is_left_undone,
            &[("a.rs", line)],
            "a path of one machine",
        );
    }
}
