//! The graph as text for `dot`.

use taskweave::graph::GraphBuilder;

use crate::shapes::Shape;

#[test]
fn a_diamond_as_dot() {
    let expected = "\
digraph taskweave {
  node [shape=box];
  0 [label=\"v0\"];
  1 [label=\"v1\"];
  2 [label=\"v2\"];
  3 [label=\"v3\"];
  0 -> 1;
  0 -> 2;
  1 -> 3;
  2 -> 3;
}
";
    assert_eq!(Shape::diamond().graph(|_| || ()).dot(), expected);
}

#[test]
fn one_vertex_as_dot() {
    let expected = "digraph taskweave {\n  node [shape=box];\n  0 [label=\"v0\"];\n}\n";
    assert_eq!(Shape::line(1).graph(|_| || ()).dot(), expected);
}

/// The label that a task of this name gets.
fn label(name: &'static str) -> String {
    let mut builder = GraphBuilder::new();
    builder.task(name, || ());
    let text = builder.build().unwrap().dot();
    let line = text.lines().nth(2).unwrap().to_owned();
    assert_eq!(text.lines().count(), 4, "{text}");
    line.trim()
        .strip_prefix("0 [label=")
        .and_then(|rest| rest.strip_suffix("];"))
        .unwrap()
        .to_owned()
}

#[test]
fn strange_names_are_escaped() {
    for (name, expected) in [
        ("", r#""""#),
        ("a b", r#""a b""#),
        (r#"say "hi""#, r#""say \"hi\"""#),
        (r"back\slash", r#""back\\slash""#),
        // What `dot` would take for the node's name, and for the end of a line.
        (r"\N\l", r#""\\N\\l""#),
        (r#"\""#, r#""\\\"""#),
        ("two\nlines", r#""two\nlines""#),
        ("ends\\", r#""ends\\""#),
        ("\"]; x -> y; //", r#""\"]; x -> y; //""#),
        ("<b>not html</b>", r#""<b>not html</b>""#),
        // `dot` reads entities in labels.
        ("&lt;&#65;", r#""&amp;lt;&amp;#65;""#),
        ("größer → 木", r#""größer → 木""#),
        ("tab\there", "\"tab\there\""),
        // Neither `dot` nor SVG can hold these.
        ("\0\u{1}\r\u{7f}", "\"\u{fffd}\u{fffd}\u{fffd}\u{fffd}\""),
    ] {
        assert_eq!(label(name), expected, "{name:?}");
    }
}

#[test]
fn a_graph_is_drawn_the_same_after_passes() {
    let _watch = taskweave_testing::watch();
    let mut graph = Shape::random(3, 30, 2).graph(|_| || ());
    let before = graph.dot();
    for edge in Shape::random(3, 30, 2).edges {
        assert!(before.contains(&format!("  {} -> {};\n", edge.0, edge.1)));
    }
    graph.run(&taskweave_testing::pool(2)).unwrap();
    assert_eq!(graph.dot(), before);
}
