use proptest::prelude::*;

use super::{GraphSpec, OptionError, Pattern, PatternError, SpecError, Topology, parse};
use crate::kernel::Kernel;

fn spec(pattern: Pattern, width: u32, steps: u32, radix: u32) -> GraphSpec {
    GraphSpec {
        pattern,
        width,
        steps,
        radix,
        ..GraphSpec::default()
    }
}

fn topology(spec: &GraphSpec) -> Topology {
    Topology::new(&spec.check(0).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn both_directions_tell_the_same_edges(
        which in 0..Pattern::ALL.len(),
        width in 1_u32..40,
        steps in 1_u32..30,
        radix in 0_u32..9,
        period in 1_u32..7,
        fraction in 0.0..=1.0_f64,
    ) {
        let pattern = Pattern::ALL[which];
        let mut spec = spec(pattern, width, steps, radix);
        spec.fraction = fraction;
        if pattern == Pattern::Spread {
            spec.radix = radix.clamp(1, width);
        }
        if pattern.has_period() {
            let most = if pattern == Pattern::Spread { width.div_ceil(spec.radix) } else { period };
            spec.period = Some(period.min(most));
        }
        let table = topology(&spec);
        let shape = spec.check(0).unwrap();
        for step in 0..steps {
            let row = table.row(step);
            prop_assert!(row.width >= 1 && row.end() <= width);
            for point in row.offset..row.end() {
                let inputs = table.inputs(step, point);
                let mut once = inputs.to_vec();
                once.sort_unstable();
                once.dedup();
                prop_assert_eq!(once.len(), inputs.len(), "an input twice: {:?}", inputs);
                prop_assert_eq!(inputs, &expected(&shape, step, point)[..]);
                for &input in inputs {
                    let before = table.row(step - 1);
                    prop_assert!((before.offset..before.end()).contains(&input));
                    prop_assert!(table.readers(step - 1, input).contains(&point));
                }
                for &reader in table.readers(step, point) {
                    prop_assert!(table.inputs(step + 1, reader).contains(&point));
                }
            }
        }
    }
}

/// The formulas straight away, cut to the row before one by one.
fn expected(shape: &super::Shape, step: u32, point: u32) -> Vec<u32> {
    let Some(before) = step.checked_sub(1) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    shape.inputs(shape.set_at(step), point, &mut all);
    let row = shape.row(before);
    all.retain(|input| (row.offset..row.end()).contains(input));
    all
}

#[test]
fn the_formulas_are_those_of_the_field() {
    let inputs = |spec: &GraphSpec, step, point| topology(spec).inputs(step, point).to_vec();
    assert_eq!(inputs(&spec(Pattern::Trivial, 8, 4, 3), 2, 3), []);
    assert_eq!(inputs(&spec(Pattern::NoComm, 8, 4, 3), 2, 3), [3]);
    assert_eq!(inputs(&spec(Pattern::Stencil1d, 8, 4, 3), 2, 0), [0, 1]);
    assert_eq!(inputs(&spec(Pattern::Stencil1d, 8, 4, 3), 0, 3), []);
    let ring = spec(Pattern::Stencil1dPeriodic, 8, 4, 3);
    assert_eq!(inputs(&ring, 1, 0), [0, 1, 7]);
    assert_eq!(inputs(&ring, 1, 7), [6, 7, 0]);
    assert_eq!(
        inputs(&spec(Pattern::Stencil1dPeriodic, 2, 4, 3), 1, 0),
        [0, 1]
    );
    assert_eq!(inputs(&spec(Pattern::AllToAll, 3, 4, 3), 1, 2), [0, 1, 2]);
    assert_eq!(
        inputs(&spec(Pattern::Nearest, 9, 4, 5), 1, 4),
        [2, 3, 4, 5, 6]
    );
    assert_eq!(inputs(&spec(Pattern::Nearest, 9, 4, 4), 1, 4), [2, 3, 4, 5]);
    assert_eq!(inputs(&spec(Pattern::Nearest, 9, 4, 0), 1, 4), []);
    // Distances 1, 2 and 4 in turns, from 1 in the first step that reads.
    let fft = spec(Pattern::Fft, 8, 8, 3);
    assert_eq!(inputs(&fft, 1, 4), [3, 4, 5]);
    assert_eq!(inputs(&fft, 2, 4), [2, 4, 6]);
    assert_eq!(inputs(&fft, 3, 4), [0, 4]);
    assert_eq!(inputs(&fft, 4, 4), [3, 4, 5]);
    let spread = spec(Pattern::Spread, 8, 4, 4);
    assert_eq!(inputs(&spread, 2, 1), [1, 3, 5, 7]);
    assert_eq!(inputs(&spread, 1, 1), [1, 4, 6, 0]);
    let dom = spec(Pattern::Dom, 3, 6, 3);
    let rows = |spec: &GraphSpec| {
        let table = topology(spec);
        (0..spec.steps)
            .map(|step| (table.row(step).offset, table.row(step).width))
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&dom), [(0, 1), (0, 2), (0, 3), (0, 3), (1, 2), (2, 1)]);
    assert_eq!(inputs(&dom, 2, 2), [1]);
    assert_eq!(inputs(&dom, 5, 2), [1, 2]);
    let tree = spec(Pattern::Tree, 6, 5, 3);
    assert_eq!(rows(&tree), [(0, 1), (0, 2), (0, 4), (0, 6), (0, 6)]);
    assert_eq!(inputs(&tree, 3, 5), [2]);
}

#[test]
fn chance_keeps_a_point_and_follows_the_fraction() {
    let edges = |fraction| {
        let spec = GraphSpec {
            fraction,
            ..spec(Pattern::RandomNearest, 64, 10, 9)
        };
        let table = topology(&spec);
        let mut edges = 0;
        for step in 1..10 {
            for point in 0..64 {
                assert!(table.inputs(step, point).contains(&point));
                edges += table.inputs(step, point).len();
            }
        }
        edges
    };
    let (none, some, all) = (edges(0.0), edges(0.25), edges(1.0));
    assert_eq!((none, all), (576, 9 * (64 * 9 - 20)));
    let share = (some - none) as f64 / (all - none) as f64;
    assert!((0.2..0.3).contains(&share), "{share}");
}

#[test]
fn random_spread_is_refused_with_the_reason() {
    let error = "random_spread".parse::<Pattern>().unwrap_err();
    assert_eq!(error, PatternError::Undefined);
    assert!(error.to_string().contains("without a definition"));
    for pattern in Pattern::ALL {
        assert_eq!(pattern.name().parse(), Ok(pattern));
    }
}

#[test]
fn a_line_of_options_is_read() {
    let line = "-steps 100 -width 8 -type spread -radix 5 -period 2 -kernel load_imbalance -iter 64 -imbalance 0.5 -and -type random_nearest \
                -fraction 0.75 -kernel memory_bound -scratch 4096 -sample 4 -output 64";
    let graphs = parse(line.split_whitespace()).unwrap();
    assert_eq!(graphs.len(), 2);
    let first = GraphSpec {
        period: Some(2),
        kernel: Kernel::LoadImbalance,
        iterations: 64,
        imbalance: 0.5,
        ..spec(Pattern::Spread, 8, 100, 5)
    };
    assert_eq!(graphs[0], first);
    assert_eq!((graphs[1].scratch_bytes, graphs[1].samples), (4096, 4));
    assert_eq!((graphs[1].fraction, graphs[1].output_bytes), (0.75, 64));
    assert_eq!(graphs[1].steps, 4);
    assert_eq!(parse::<&str>([]).unwrap(), [GraphSpec::default()]);
}

#[test]
fn wrong_options_are_named() {
    let message = |line: &str| parse(line.split_whitespace()).unwrap_err().to_string();
    assert_eq!(
        message("-steps"),
        "-steps needs a value, and nothing follows it"
    );
    assert!(message("-steps -4").starts_with("-steps -4: "));
    assert!(message("-fraction half").starts_with("-fraction half: "));
    assert!(message("-colour 3").contains("`-colour`"));
    assert!(message("-type random_spread").contains("random_spread"));
    assert!(message("-kernel dgemm").contains("`dgemm`"));
    assert!(matches!(
        parse(["-skip-graph-validation"]),
        Err(OptionError::Validation)
    ));
}

#[test]
fn wrong_graphs_are_named() {
    let wrong = |change: fn(&mut GraphSpec)| {
        let mut spec = spec(Pattern::Spread, 8, 4, 5);
        change(&mut spec);
        spec.check(3).unwrap_err()
    };
    assert_eq!(
        wrong(|spec| spec.steps = 0),
        SpecError::Zero {
            graph: 3,
            what: "the number of steps"
        }
    );
    assert_eq!(
        wrong(|spec| spec.radix = 9),
        SpecError::Radix {
            graph: 3,
            radix: 9,
            width: 8
        }
    );
    let error = wrong(|spec| spec.period = Some(3)).to_string();
    assert!(error.contains("at most 2"), "{error}");
    assert!(
        wrong(|spec| spec.period = Some(0))
            .to_string()
            .contains("the period is 0")
    );
    assert_eq!(
        wrong(|spec| (spec.pattern, spec.period) = (Pattern::Fft, Some(3))),
        SpecError::NoPeriod {
            graph: 3,
            pattern: Pattern::Fft
        }
    );
    assert!(matches!(
        wrong(|spec| spec.fraction = f64::NAN),
        SpecError::Range { .. }
    ));
    assert!(matches!(
        wrong(|spec| spec.imbalance = 2.5),
        SpecError::Range { .. }
    ));
    assert_eq!(
        wrong(|spec| spec.output_bytes = 15),
        SpecError::Output {
            graph: 3,
            bytes: 15
        }
    );
    let error = wrong(|spec| (spec.kernel, spec.scratch_bytes) = (Kernel::MemoryBound, 1000));
    assert!(error.to_string().contains("1024"), "{error}");
    assert!(matches!(
        wrong(|spec| (spec.steps, spec.width) = (u32::MAX, u32::MAX)),
        SpecError::TooManyEdges { .. }
    ));
    assert!(matches!(
        wrong(|spec| spec.steps = u32::MAX),
        SpecError::TooManyTasks { .. }
    ));
    assert!(matches!(
        wrong(|spec| spec.output_bytes = usize::MAX),
        SpecError::TooLarge { .. }
    ));
    let wide = spec(Pattern::AllToAll, 1 << 20, 1, 3);
    let wide = Topology::new(&wide.check(0).unwrap());
    assert!(matches!(wide, Err(SpecError::TooManyEdges { .. })));
}

#[test]
fn a_period_that_was_not_chosen_fits() {
    let chosen = |width, radix| {
        spec(Pattern::Spread, width, 4, radix)
            .check(0)
            .unwrap()
            .period
    };
    assert_eq!((chosen(8, 5), chosen(64, 5), chosen(2, 2)), (2, 3, 1));
}
