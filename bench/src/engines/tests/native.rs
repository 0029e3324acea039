//! The programs run the same graphs, and come to the same.

use std::process::Command;

use taskweave_taskbench::conformance::{WIDTHS, all_kernels, spec};
use taskweave_taskbench::{Elsewhere, Fault, Kernel, Pattern, Setup, Workload};

use super::Contestant;
use crate::companion::Program;
use crate::engines::native::{CountingGraph, Native, Remote, Sums};
use crate::harness::Stopwatch;

/// Each pattern at each width, all kernels at once, twice: outputs and operations must be ours, and each task must run once.
fn all_patterns(native: Native) {
    for pattern in Pattern::ALL {
        for width in WIDTHS {
            same(native, 2, pattern, width);
        }
    }
}

fn same(native: Native, threads: usize, pattern: Pattern, width: u32) {
    let work = Workload::strict(&all_kernels(pattern, width)).unwrap();
    let about = format!("{native:?}, {threads} threads, {pattern}, width {width}");
    let mut remote = Remote::start(native, &Setup::anywhere(threads), &work)
        .unwrap_or_else(|error| panic!("{about}: {error}"));
    for iterations in [3, 70] {
        work.set_iterations(iterations);
        work.pass(|| work.all().for_each(|task| work.run(task)))
            .unwrap();
        remote
            .pass(&work)
            .unwrap_or_else(|fault| panic!("{about}: {fault}"));
        let expected = Sums {
            digest: work.digest(),
            flops: work.flops(),
            runs: work.tasks(),
        };
        assert_eq!(remote.sums().unwrap(), expected, "{about}");
    }
}

macro_rules! programs {
    ($($name:ident: $native:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                all_patterns(Native::$native);
                same(Native::$native, 1, Pattern::Nearest, 7);
            }
        )*

        #[test]
        fn every_program_is_tested() {
            let tested = [$(Contestant::Native(Native::$native)),*];
            for &engine in Contestant::ALL {
                assert!(!matches!(engine, Contestant::Native(_)) || tested.contains(&engine));
            }
        }
    };
}

programs! {
    tbb: Tbb,
    openmp_gcc: OpenmpGcc,
    openmp_clang: OpenmpClang,
    starpu: Starpu,
    mpi: Mpi,
}

#[test]
fn before_its_first_pass_a_program_has_no_outputs_of_ours() {
    let work = Workload::new(&[spec(Pattern::Stencil1d, 4, Kernel::Empty)]).unwrap();
    work.pass(|| work.all().for_each(|task| work.run(task)))
        .unwrap();
    let mut remote = Remote::start(Native::Tbb, &Setup::anywhere(1), &work).unwrap();
    assert_ne!(remote.sums().unwrap().digest, work.digest());
}

#[test]
fn what_a_program_does_wrong_is_found_there() {
    let work = Workload::new(&[spec(Pattern::NoComm, 2, Kernel::Empty)]).unwrap();
    let setup = Setup::anywhere(1);
    let program = Program {
        side: "broken",
        command: Command::new(concat!(env!("BENCH_NATIVE"), "/broken")),
        itself: ["", ""],
        needs: ["", ""],
    };
    let mut remote = Remote::start_program(program, &setup, &work).unwrap();
    for what in [
        "point 1 of step 11 of graph 0 got something else as input 0 than the output of point 1 of the step before",
        "point 1 of step 11 of graph 0 didn't run in the pass",
        "point 1 of step 11 of graph 0 ran twice in one pass",
        "point 0 of step 1 of graph 0 got something else as input 0 than the output of point 0 of the step before",
    ] {
        let fault = remote.pass(&work).unwrap_err().to_string();
        assert_eq!(fault, format!("broken, in a process of its own: {what}"));
    }
    remote.pass(&work).unwrap();
}

#[test]
fn a_program_that_dies_is_an_error() {
    let work = Workload::new(&[spec(Pattern::NoComm, 2, Kernel::Empty)]).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "head -c 8 >/dev/null; echo '{\"form\": \"x\"}'"]);
    let program = Program {
        side: "shell",
        command,
        itself: ["", ""],
        needs: ["", ""],
    };
    // It may be gone before it has read all that it's told.
    if let Ok(mut remote) = Remote::start_program(program, &Setup::anywhere(1), &work) {
        let fault = remote.pass(&work).unwrap_err();
        assert!(
            matches!(
                fault,
                Fault::Elsewhere {
                    engine: "shell",
                    ..
                }
            ),
            "{fault}"
        );
    }
}

#[test]
fn a_counting_graph_counts() {
    let edges = [(0, 1), (0, 2), (1, 3), (2, 3)];
    let mut graph = CountingGraph::start(&Setup::anywhere(2), 4, edges.into_iter()).unwrap();
    assert!(graph.form().contains("oneTBB"), "{}", graph.form());
    let mut watch = Stopwatch::default();
    // More passes than a place can count to.
    for passes in [1, 300] {
        graph.run(passes, 4, &mut watch).unwrap();
    }
    assert!(watch.wall_ns() > 0.0);
}
