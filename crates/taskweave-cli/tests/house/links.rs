//! Relative links in Markdown files lead to files that exist; rustdoc looks after its own.

use crate::tree::Tree;

/// Every `[text](path)` of every Markdown file.
pub(crate) fn links_lead_somewhere(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| path.ends_with(".md")) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut in_code = false;
        for (index, line) in text.lines().enumerate() {
            in_code ^= line.trim_start().starts_with("```");
            if in_code {
                continue;
            }
            for target in targets(line).filter(|target| is_relative(target)) {
                let file = target.split('#').next().unwrap_or(target);
                if !resolve(folder, file).is_some_and(|file| tree.contains(&file)) {
                    findings.push(format!("{path}:{}: `{target}` does not exist", index + 1));
                }
            }
        }
    }
    findings
}

fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](")
        .filter_map(|(at, _)| line[at + 2..].split([')', ' ']).next())
}

/// Neither another site, nor a place in the same file, nor an item for rustdoc (`crate::x`, `struct@x`).
fn is_relative(target: &str) -> bool {
    !target.is_empty()
        && !target.starts_with('#')
        && !target.contains(':')
        && (target.contains('/') || target.contains('.'))
}

/// `file` as seen from `folder`; nothing if it leaves the tree.
fn resolve(folder: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::links_lead_somewhere;
    use crate::{assert_clean, assert_found};

    #[test]
    fn a_dead_link_is_found() {
        assert_found(
            links_lead_somewhere,
            &[("a/README.md", "# A\nSee [b](../b.md#part).")],
            "a/README.md:2: `../b.md#part`",
        );
        assert_found(
            links_lead_somewhere,
            &[("README.md", "[x](../../x.md)")],
            "`../../x.md`",
        );
    }

    #[test]
    fn live_links_other_sites_and_code_are_left_alone() {
        let text = "[b](b/c.md) [folder](b) [site](https://example.org/x.md) [here](#x) [item](crate::x::Y)\n```text\nv[0](x.y)\n```";
        assert_clean(
            links_lead_somewhere,
            &[("a.md", text), ("b/c.md", "[up](../a.md)")],
        );
    }
}
