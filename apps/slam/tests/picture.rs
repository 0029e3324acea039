//! The picture: sound XML of a bounded size.

use taskweave_slam::{Options, Picture, Pose, Problem, Solver, default_data_path};

/// The names of the elements, if the text is balanced.
fn elements(svg: &str) -> Vec<String> {
    let (mut open, mut all) = (Vec::new(), Vec::new());
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("tags end");
        let tag = &rest[start + 1..end];
        assert!(!tag.contains('<'), "{tag:?}");
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in {tag:?}");
        let name = tag.trim_matches('/').split_whitespace().next().expect("tags have names").to_owned();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else {
            all.push(name.clone());
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty() && rest.trim().is_empty());
    all
}

#[test]
fn the_picture_of_w10000_is_small_and_complete() {
    let problem = Problem::read(default_data_path().unwrap()).unwrap();
    let mut solver = Solver::new(&problem, Options::default()).unwrap();
    let iterations = solver.solve_sequential().unwrap().iterations.len();
    let svg = Picture { problem: &problem, poses: &solver.poses(), iterations }.svg();
    assert!(svg.len() < 2_000_000, "{} bytes", svg.len());
    let elements = elements(&svg);
    assert_eq!(elements.iter().filter(|name| *name == "path").count(), 2 * 2 + 4, "two maps and a legend");
    for text in
        ["w10000.graph", "10000 poses, 64311 constraints", "9 iterations", "289.7348", "55206295.6402", "Map found"]
    {
        assert!(svg.contains(text), "{text} is missing");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    assert!(!svg.contains("href") && !svg.contains("url("), "needs nothing else");
}

#[test]
fn odd_maps_are_drawn_as_far_as_they_can_be() {
    let text = "VERTEX2 0 0 0 0\nVERTEX2 1 0 0 0\nEDGE2 0 1 0 0 0 1 0 1 1 0 0\n";
    let problem = Problem::parse("a<b>&\"c\"\u{7}/x\u{7}", text).unwrap();
    for x in [0.0, f64::NAN, f64::INFINITY, 1e308, -1e308, 5e-324] {
        let svg = Picture { problem: &problem, poses: &[Pose::default(), Pose::new(x, -x, 0.0)], iterations: 1 }.svg();
        elements(&svg);
        let drawn = svg.split("</style>").nth(1).unwrap().split("<text").next().unwrap();
        assert!(!drawn.contains("NaN"));
    }
    let svg = Picture { problem: &problem, poses: problem.poses(), iterations: 1 }.svg();
    assert!(svg.contains("x\u{fffd}"), "a file's name is shown without its folder, and without what XML can't hold");
}
