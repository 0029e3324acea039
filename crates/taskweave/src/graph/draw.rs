//! A graph as text: for `dot`, and for people.

use std::fmt::{self, Write};

use taskweave_core::pass::FrozenPass;

use super::run::Graph;

impl Graph<'_> {
    /// The graph in the DOT language, for `dot -Tsvg`. Branches are dashed and carry their number; a graph inside of a task is a box beside it.
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph taskweave {\n  node [shape=box];\n");
        draw(&mut text, &self.frozen, "", "  ");
        text.push_str("}\n");
        text
    }

    /// The graph as plain text, a task a line, with what comes after it; `?0` marks its first branch. What a task runs inside is indented below it.
    ///
    /// ```
    /// # use taskweave::graph::GraphBuilder;
    /// let mut builder = GraphBuilder::new();
    /// let ask = builder.task("ask", || ());
    /// let yes = builder.task("yes", || ());
    /// let no = builder.task("no", || ());
    /// builder.branches(ask, [yes, no])?;
    /// assert_eq!(builder.build()?.text(), "ask -> ?0 yes, ?1 no\nyes\nno\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn text(&self) -> String {
        let mut text = String::new();
        tell(&mut text, &self.frozen, 0);
        text
    }
}

/// Writing to a string can't fail.
fn write(text: &mut String, what: fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}

/// What comes after a vertex, by the branch if it's one, in the order of branches and numbers: rows are in the order that suits the run.
fn edges(graph: &FrozenPass<'_>, vertex: usize) -> Vec<(u32, Option<usize>)> {
    let mut edges: Vec<_> = graph
        .successors(vertex)
        .iter()
        .enumerate()
        .map(|(place, &next)| (next, graph.branch(vertex, place)))
        .collect();
    edges.sort_unstable_by_key(|&(next, branch)| (branch, next));
    edges
}

fn draw(text: &mut String, graph: &FrozenPass<'_>, prefix: &str, indent: &str) {
    for vertex in 0..graph.vertices() {
        let label = Quoted(graph.name(vertex));
        write(
            text,
            format_args!("{indent}{prefix}{vertex} [label={label}];\n"),
        );
        let Some(inner) = graph.nested(vertex) else {
            continue;
        };
        let (prefix, deeper) = (format!("{prefix}{vertex}_"), format!("{indent}  "));
        // Names of nodes begin with a letter or are numbers.
        let prefix = if prefix.starts_with('n') {
            prefix
        } else {
            format!("n{prefix}")
        };
        write(
            text,
            format_args!("{indent}subgraph cluster_{prefix} {{\n{deeper}label={label};\n"),
        );
        draw(text, inner, &prefix, &deeper);
        write(text, format_args!("{indent}}}\n"));
    }
    for vertex in 0..graph.vertices() {
        for (next, branch) in edges(graph, vertex) {
            let edge = format_args!("{indent}{prefix}{vertex} -> {prefix}{next}").to_string();
            match branch {
                None => write(text, format_args!("{edge};\n")),
                Some(branch) => write(
                    text,
                    format_args!("{edge} [style=dashed, label=\"{branch}\"];\n"),
                ),
            }
        }
    }
}

fn tell(text: &mut String, graph: &FrozenPass<'_>, depth: usize) {
    for vertex in 0..graph.vertices() {
        let name = Plain(graph.name(vertex));
        write(text, format_args!("{:1$}{name}", "", 2 * depth));
        for (place, (next, branch)) in edges(graph, vertex).into_iter().enumerate() {
            let before = if place == 0 { " -> " } else { ", " };
            text.push_str(before);
            if let Some(branch) = branch {
                write(text, format_args!("?{branch} "));
            }
            write(text, format_args!("{}", Plain(graph.name(next as usize))));
        }
        text.push('\n');
        if let Some(inner) = graph.nested(vertex) {
            tell(text, inner, depth + 1);
        }
    }
}

/// A name in one line.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// A string as DOT writes it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                // Labels may hold entities.
                '&' => f.write_str("&amp;")?,
                // Neither `dot` nor the SVG that it writes can hold them.
                c if c.is_control() && c != '\t' => f.write_char(char::REPLACEMENT_CHARACTER)?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}
