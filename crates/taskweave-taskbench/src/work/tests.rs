use super::{Fault, Found, Task, Workload};
use crate::{
    graph::{GraphSpec, Pattern, SpecError},
    kernel::Kernel,
};

fn stencil() -> GraphSpec {
    GraphSpec {
        pattern: Pattern::Stencil1d,
        kernel: Kernel::ComputeBound,
        iterations: 1024,
        output_bytes: 100,
        ..GraphSpec::default()
    }
}

fn in_order(work: &Workload) {
    work.all().for_each(|task| work.run(task));
}

fn task(step: u32, point: u32) -> Task {
    Task {
        graph: 0,
        step,
        point,
    }
}

#[test]
fn order_is_all_that_it_takes() {
    let work = Workload::strict(&[stencil()]).unwrap();
    for _ in 0..3 {
        work.pass(|| in_order(&work)).unwrap();
    }
}

#[test]
fn counts_are_golden() {
    let work = Workload::new(&[stencil()]).unwrap();
    assert_eq!(
        (work.tasks(), work.flops(), work.bytes()),
        (16, 16 * 131_136, 0)
    );
    work.set_iterations(0);
    assert_eq!(work.flops(), 16 * 64);

    let tree = GraphSpec {
        pattern: Pattern::Tree,
        width: 6,
        steps: 5,
        kernel: Kernel::MemoryBound,
        scratch_bytes: 4096,
        iterations: 32,
        ..GraphSpec::default()
    };
    let work = Workload::new(&[stencil(), tree]).unwrap();
    assert_eq!((work.tasks(), work.flops()), (16 + 19, 16 * 131_136));
    assert_eq!((work.bytes(), work.indices()), (19 * 8192, 16 + 30));
}

#[test]
fn a_missing_task_is_found() {
    let work = Workload::new(&[stencil()]).unwrap();
    let last = task(3, 2);
    let all_but = |left_out| {
        let run = || {
            work.all()
                .filter(|&task| task != left_out)
                .for_each(|task| work.run(task))
        };
        work.pass(run).unwrap_err()
    };
    let fault = all_but(task(1, 0));
    assert!(
        matches!(fault, Fault::WrongInput { task: reader, at: 0, point: 0, found: Found::Nothing } if reader == task(2, 0)),
        "{fault}"
    );
    assert_eq!(all_but(last), Fault::NeverRan { task: last });
    work.pass(|| in_order(&work)).unwrap();
    let fault = all_but(task(1, 0));
    assert!(
        matches!(
            fault,
            Fault::WrongInput {
                found: Found::EarlierPass { step: 1, point: 0 },
                ..
            }
        ),
        "{fault}"
    );
}

#[test]
fn a_second_run_is_found() {
    let work = Workload::new(&[stencil()]).unwrap();
    let twice = || {
        in_order(&work);
        work.run(task(3, 3));
    };
    assert_eq!(work.pass(twice), Err(Fault::RanTwice { task: task(3, 3) }));
}

#[test]
fn inputs_are_those_of_the_pattern_and_no_others() {
    let work = Workload::new(&[stencil()]).unwrap();
    let handed = |points: &[(u32, u32)], bytes| {
        let run = || {
            for task in work.all() {
                if task == self::task(2, 1) {
                    let inputs = points.iter().map(|&(step, point)| {
                        work.output(self::task(step, point)).shortened(bytes)
                    });
                    work.execute(task, inputs);
                } else {
                    work.run(task);
                }
            }
        };
        work.pass(run).map(|_| ())
    };
    assert_eq!(handed(&[(1, 0), (1, 1), (1, 2)], 100), Ok(()));
    let count = |expected, given| {
        let task = task(2, 1);
        Err(Fault::InputCount {
            task,
            expected,
            given,
        })
    };
    assert_eq!(handed(&[(1, 0), (1, 1)], 100), count(3, 2));
    assert_eq!(handed(&[(1, 0), (1, 1), (1, 2), (1, 3)], 100), count(3, 4));
    let found = |at, point, step, found| {
        let found = Found::Pair { step, point: found };
        Err(Fault::WrongInput {
            task: task(2, 1),
            at,
            point,
            found,
        })
    };
    assert_eq!(handed(&[(1, 0), (0, 1), (1, 2)], 100), found(1, 1, 0, 1));
    assert_eq!(handed(&[(1, 1), (1, 0), (1, 2)], 100), found(0, 0, 1, 1));
    assert!(matches!(
        handed(&[(1, 0), (1, 1), (1, 2)], 96),
        Err(Fault::InputLength {
            at: 0,
            expected: 100,
            given: 96,
            ..
        })
    ));
}

#[test]
fn faults_and_wrong_graphs_are_told_in_words() {
    let fault = Fault::WrongInput {
        task: task(2, 1),
        at: 0,
        point: 3,
        found: Found::EarlierPass { step: 1, point: 3 },
    };
    assert_eq!(
        fault.to_string(),
        "point 1 of step 2 of graph 0 got what an earlier pass has left of point 3 of step 1 as input 0, where the output of point 3 of the \
         step before belongs"
    );
    assert_eq!(Workload::new(&[]).unwrap_err(), SpecError::NoGraph);
    let wrong = GraphSpec {
        width: 0,
        ..stencil()
    };
    let error = Workload::new(&[stencil(), wrong]).unwrap_err().to_string();
    assert_eq!(error, "graph 1: the width is 0; it must be at least 1");
}
