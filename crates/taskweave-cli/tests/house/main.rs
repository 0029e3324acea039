//! The rules of the house, checked over the whole checkout: which crate and module may use which, how long a file may be, what no file may say.
//!
//! Every rule is a function from a [`Tree`] to findings, so that its negative tests plant a violation in a tree made of strings.

mod crates;
mod facade;
mod lexer;
mod links;
mod modules;
mod source;
mod text;
mod tree;

use tree::Tree;

/// A rule: what it finds in a tree, one line each.
type Rule = fn(&Tree) -> Vec<String>;

const RULES: [(&str, Rule); 7] = [
    ("crates depend downwards", crates::dependencies_go_down),
    ("front ends stay apart", modules::front_ends_stay_apart),
    ("modules form no cycle", modules::modules_form_no_cycle),
    ("the facade is used", facade::facade_is_used),
    ("files are short", text::files_are_short),
    ("nothing is left undone", text::nothing_is_left_undone),
    ("links lead somewhere", links::links_lead_somewhere),
];

#[test]
fn the_checkout_keeps_the_rules() {
    let tree = Tree::checkout();
    assert!(
        tree.contains("Cargo.toml") && tree.contains("README.md"),
        "the checkout was not found"
    );
    let findings: Vec<String> = RULES
        .iter()
        .flat_map(|(name, rule)| {
            rule(&tree)
                .into_iter()
                .map(move |finding| format!("{name}: {finding}"))
        })
        .collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// Asserts that `rule` finds exactly one thing in `files`, and that the finding names `expected`.
#[track_caller]
fn assert_found(rule: Rule, files: &[(&str, &str)], expected: &str) {
    let findings = rule(&Tree::planted(files));
    assert_eq!(
        findings.len(),
        1,
        "one violation was planted, these were found: {findings:?}"
    );
    assert!(
        findings[0].contains(expected),
        "{:?} does not name {expected:?}",
        findings[0]
    );
}

/// Asserts that `rule` has nothing to say about `files`.
#[track_caller]
fn assert_clean(rule: Rule, files: &[(&str, &str)]) {
    let findings = rule(&Tree::planted(files));
    assert!(
        findings.is_empty(),
        "nothing was planted, these were found: {findings:?}"
    );
}
