//! Every way a file can be wrong is an error of one line that says where and what.

use std::fs;
use std::path::PathBuf;

use taskweave_slam::{Options, ParseCause, Problem, SlamError, Solver, default_data_path};

const GOOD: &str = "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nEDGE2 0 1 1 0 0 1 0 1 1 0 0\n";

/// What follows `GOOD` (or stands alone, after a `!`), and the error.
const CASES: &[(&str, &str)] = &[
    // The file as a whole.
    ("!", "f: holds no records"),
    ("! \n\t\r\n# only a comment\n", "f: holds no records"),
    ("!VERTEX2 0 0 0 0\n", "f: has vertices but no edges"),
    ("!EDGE2 0 1 1 0 0 1 0 1 1 0 0\n", "f: has edges but no vertices"),
    ("!EQUIV 1 2\n", "f: has edges but no vertices"),
    ("VERTEX2 2 0 0 0", "f: the graph has 2 components: no edges lead from fixed vertex 0 to vertex 2"),
    (
        "VERTEX2 8 0 0 0\nVERTEX2 9 0 0 0\nVERTEX2 7 0 0 0\nEDGE2 8 9 1 0 0 1 0 1 1 0 0\nFIX 1",
        "f: the graph has 3 components: no edges lead from fixed vertex 1 to vertex 7",
    ),
    // Records.
    (
        "VERTEX3 2 0 0 0",
        "f:4: unknown record `VERTEX3`; known are VERTEX2, EDGE2, EQUIV (ignored), VERTEX_SE2, EDGE_SE2, FIX",
    ),
    (
        "vertex2 2 0 0 0",
        "f:4: unknown record `vertex2`; known are VERTEX2, EDGE2, EQUIV (ignored), VERTEX_SE2, EDGE_SE2, FIX",
    ),
    (
        "\u{1b}[2J\0",
        "f:4: unknown record `\\u{1b}[2J\\0`; known are VERTEX2, EDGE2, EQUIV (ignored), VERTEX_SE2, EDGE_SE2, FIX",
    ),
    (
        "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee",
        "f:4: unknown record `aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd…`; known are VERTEX2, EDGE2, EQUIV (ignored), VERTEX_SE2, EDGE_SE2, FIX",
    ),
    // Fields that are missing.
    ("VERTEX2", "f:4: VERTEX2 ends before its id"),
    ("VERTEX2 2", "f:4: VERTEX2 ends before its x"),
    ("VERTEX2 2 0", "f:4: VERTEX2 ends before its y"),
    ("VERTEX_SE2 2 0 0 # 0", "f:4: VERTEX_SE2 ends before its theta"),
    ("EDGE2", "f:4: EDGE2 ends before its first id"),
    ("EDGE2 0", "f:4: EDGE2 ends before its second id"),
    ("EDGE2 0 1 1 0", "f:4: EDGE2 ends before its dtheta"),
    ("EDGE2 0 1 1 0 0 1 0 1", "f:4: EDGE2 ends before its I_tt"),
    ("EDGE_SE2 0 1 1 0 0 1 0 0 1 0", "f:4: EDGE_SE2 ends before its I_tt"),
    ("FIX", "f:4: FIX ends before its id"),
    // Fields too many.
    ("VERTEX2 2 0 0 0 7", "f:4: VERTEX2 has 4 fields, but `7` follows them"),
    ("EDGE2 0 1 1 0 0 1 0 1 1 0 0 x", "f:4: EDGE2 has 11 fields, but `x` follows them"),
    ("EDGE_SE2 0 1 1 0 0 1 0 0 1 0 1 1", "f:4: EDGE_SE2 has 11 fields, but `1` follows them"),
    // Fields that are not what they should be.
    ("VERTEX2 2 zero 0 0", "f:4: x is `zero`, which is not a number"),
    ("VERTEX2 2 0 1,5 0", "f:4: y is `1,5`, which is not a number"),
    ("VERTEX2 2 0 0 0x1p3", "f:4: theta is `0x1p3`, which is not a number"),
    ("VERTEX2 2 NaN 0 0", "f:4: x is `NaN`, which is not finite"),
    ("VERTEX2 2 0 inf 0", "f:4: y is `inf`, which is not finite"),
    ("VERTEX2 2 0 0 -1e999", "f:4: theta is `-1e999`, which is not finite"),
    ("EDGE2 0 1 1 0 -infinity 1 0 1 1 0 0", "f:4: dtheta is `-infinity`, which is not finite"),
    ("EDGE2 0 1 1 0 0 1 0 nan 1 0 0", "f:4: I_yy is `nan`, which is not finite"),
    ("VERTEX2 -2 0 0 0", "f:4: id is `-2`, which is not a whole number from 0 to 2^64 - 1"),
    ("VERTEX2 2.0 0 0 0", "f:4: id is `2.0`, which is not a whole number from 0 to 2^64 - 1"),
    (
        "VERTEX2 18446744073709551616 0 0 0",
        "f:4: id is `18446744073709551616`, which is not a whole number from 0 to 2^64 - 1",
    ),
    ("EDGE2 0 one 1 0 0 1 0 1 1 0 0", "f:4: second id is `one`, which is not a whole number from 0 to 2^64 - 1"),
    ("FIX 0 one", "f:4: id is `one`, which is not a whole number from 0 to 2^64 - 1"),
    // Ids.
    ("VERTEX_SE2 1 0 0 0", "f:4: vertex 1 is already given in line 2"),
    ("EDGE2 0 2 1 0 0 1 0 1 1 0 0", "f:4: vertex 2 is nowhere in the file"),
    ("EDGE2 3 0 1 0 0 1 0 1 1 0 0\nVERTEX2 2 0 0 0", "f:4: vertex 3 is nowhere in the file"),
    ("EDGE2 1 1 1 0 0 1 0 1 1 0 0", "f:4: an edge from vertex 1 to itself"),
    ("FIX 5", "f:4: vertex 5 is nowhere in the file"),
    // Information.
    (
        "EDGE2 0 1 1 0 0 0 0 1 1 0 0",
        "f:4: the information matrix is not positive definite: its leading minor 1 is not positive",
    ),
    (
        "EDGE2 0 1 1 0 0 -1 0 1 1 0 0",
        "f:4: the information matrix is not positive definite: its leading minor 1 is not positive",
    ),
    (
        "EDGE2 0 1 1 0 0 1 1 1 1 0 0",
        "f:4: the information matrix is not positive definite: its leading minor 2 is not positive",
    ),
    (
        "EDGE2 0 1 1 0 0 1 0 1 1 1 0",
        "f:4: the information matrix is not positive definite: its leading minor 3 is not positive",
    ),
    (
        "EDGE_SE2 0 1 1 0 0 1 0 0 1 0 0",
        "f:4: the information matrix is not positive definite: its leading minor 3 is not positive",
    ),
    (
        "EDGE2 0 1 1 0 0 1e308 1e308 1 1 0 0",
        "f:4: the information matrix is not positive definite: its leading minor 2 is not positive",
    ),
];

#[test]
fn bad_text_is_refused_with_its_place_and_cause() {
    Problem::parse("f", GOOD).unwrap();
    for (added, expected) in CASES {
        let text = added.strip_prefix('!').map_or_else(|| format!("{GOOD}{added}"), str::to_owned);
        for text in [text.clone(), text.replace('\n', "\r\n")] {
            let error = Problem::parse("f", &text).expect_err(added).to_string();
            assert_eq!(&error, expected, "for {added:?}");
            assert!(!error.contains('\n'));
        }
    }
}

#[test]
fn the_first_fault_of_a_file_is_the_one_reported() {
    let error = Problem::parse("f", "VERTEX2 0 0 0 0\nEDGE2 0 9 1 0 0 1 0 1 1 0 0\nVERTEX2 x\n").unwrap_err();
    assert_eq!(error.to_string(), "f:3: id is `x`, which is not a whole number from 0 to 2^64 - 1");
}

#[test]
fn what_is_unusual_but_sound_is_accepted() {
    for text in [
        "\u{feff}VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nEDGE2 0 1 1 0 0 1 0 1 1 0 0",
        "EDGE2 5 3 +1 -0 .5 1 0 1 1 0 0\r\n\r\nVERTEX2 3 0 0 1e2 # far round\r\nVERTEX2 5 1E0 0 0\r\n",
        "VERTEX2 18446744073709551615 0 0 0\n\tVERTEX_SE2   0 1 0 0\nEQUIV 1 2 3\nEDGE_SE2 0 18446744073709551615 1 0 0 1 0 0 1 0 1\n#",
        "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nEDGE2 0 1 1 0 0 1 0 1 1 0 0\nEDGE2 0 1 1 0 0 1 0 1 1 0 0\nEDGE2 1 0 -1 0 0 1 0 1 1 0 0\nFIX 1 1\nFIX 1",
    ] {
        let problem = Problem::parse("f", text).unwrap();
        let summary = Solver::new(&problem, Options::default()).unwrap().solve_sequential().unwrap();
        assert!(summary.converged && summary.chi_squared < 1e-12, "{text:?}: {summary:?}");
    }
}

/// A folder of this test's own, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("taskweave-slam-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn bad_files_are_refused_by_name() {
    let folder = Folder::new("bad-files");
    let missing = folder.0.join("missing.graph");
    let error = Problem::read(&missing).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{}: can't be read: ", missing.display())), "{error}");
    assert!(std::error::Error::source(&error).is_some());

    let error = Problem::read(&folder.0).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: is a directory; name a pose graph file in it", folder.0.display()));

    let binary = folder.0.join("binary.graph");
    fs::write(&binary, b"VERTEX2 0 0 0 0\nVERTEX2 1 \xff\xfe 0 0\n").unwrap();
    let error = Problem::read(&binary).unwrap_err();
    assert_eq!(error.to_string(), format!("{}:2: not UTF-8 text; is this a pose graph?", binary.display()));
    assert!(matches!(error, SlamError::Parse(ref parse) if matches!(parse.cause, ParseCause::NotUtf8)));

    let empty = folder.0.join("empty.graph");
    fs::write(&empty, "").unwrap();
    assert_eq!(Problem::read(&empty).unwrap_err().to_string(), format!("{}: holds no records", empty.display()));

    assert!(default_data_path().unwrap().is_file());
}

#[test]
fn options_out_of_range_are_refused() {
    let problem = Problem::parse("f", GOOD).unwrap();
    let refused = |change: fn(&mut Options), expected: &str| {
        let mut options = Options::default();
        change(&mut options);
        assert_eq!(Solver::new(&problem, options).unwrap_err().to_string(), expected);
    };
    refused(|o| o.max_iterations = 0, "option `max_iterations` must be at least 1");
    refused(|o| o.tolerance = 1.0, "option `tolerance` must be from 0 to below 1");
    refused(|o| o.tolerance = f64::NAN, "option `tolerance` must be from 0 to below 1");
    refused(|o| o.grain = 0.0, "option `grain` must be more than 0");
    refused(|o| o.grain = f64::NAN, "option `grain` must be more than 0");
    refused(|o| o.tile_above = f64::NAN, "option `tile_above` must be a number of microseconds, or infinite");
    refused(|o| o.tile = 0, "option `tile` must be a positive multiple of 3");
    refused(|o| o.tile = 64, "option `tile` must be a positive multiple of 3");
}

#[test]
fn a_graph_without_a_free_pose_is_refused() {
    let problem = Problem::parse("f", &format!("{GOOD}FIX 0 1\n")).unwrap();
    let error = Solver::new(&problem, Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "every pose is fixed: there is nothing to solve");
}

#[test]
fn what_overflows_is_an_error_that_names_the_iteration() {
    let text = "VERTEX2 0 0 0 0\nVERTEX2 1 1e200 0 0\nEDGE2 0 1 1 0 0 1 0 1 1 0 0\n";
    let problem = Problem::parse("f", text).unwrap();
    let mut solver = Solver::new(&problem, Options::default()).unwrap();
    let error = solver.solve_sequential().unwrap_err().to_string();
    assert!(error.starts_with("iteration 1: diverged, chi-squared is inf"), "{error}");
}

#[test]
fn a_pivot_that_is_not_positive_names_its_pose_and_moves_nothing() {
    // Beside 2^70, what holds them to the fixed one is nothing: once pose 4 is eliminated, zero is left of pose 9.
    let big = 2_f64.powi(70);
    let text = format!(
        "VERTEX2 0 0 0 0\nVERTEX2 4 1 0 0\nVERTEX2 9 2 0 0\nEDGE2 0 4 1 0.5 0 1 0 1 1 0 0\nEDGE2 4 9 1 0 0 {big} 0 {big} {big} 0 0\n"
    );
    let problem = Problem::parse("f", &text).unwrap();
    let mut options = Options::default();
    (options.grain, options.tile_above, options.tile) = (0.001, 0.0, 3);
    let pool = taskweave::Pool::builder().worker_threads(2).build().unwrap();
    for options in [Options::default(), options] {
        let mut solver = Solver::new(&problem, options).unwrap();
        for _ in 0..3 {
            let alone = solver.iterate_sequential().unwrap_err().to_string();
            let together = solver.iterate(&pool).unwrap_err().to_string();
            assert_eq!(alone, together);
            assert!(
                alone.starts_with("iteration 1: the normal equations have no positive pivot at pose 9; "),
                "{alone}"
            );
            assert_eq!(solver.poses(), problem.poses());
            let alone = solver.factorise_and_solve_sequential().unwrap_err().to_string();
            assert_eq!(solver.factorise_and_solve(&pool).unwrap_err().to_string(), alone);
        }
    }
}
