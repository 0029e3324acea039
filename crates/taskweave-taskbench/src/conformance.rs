//! What every engine has to do, as tests: [`engine_tests!`](crate::engine_tests) makes them.

use std::fmt::Display;

use crate::{Engine, EngineError, GraphSpec, Kernel, Pattern, Setup, Workload};

/// The widths at which every engine is tested.
pub const WIDTHS: [u32; 5] = [1, 2, 7, 8, 64];

/// Something that can be started as an engine.
pub trait Startable: Copy + Display {
    /// Starts it on `work`.
    ///
    /// # Errors
    /// A setup that it can't do with.
    fn start_on(self, setup: &Setup, work: Workload) -> Result<Engine, EngineError>;
}

/// A small graph for tests.
pub fn spec(pattern: Pattern, width: u32, kernel: Kernel) -> GraphSpec {
    GraphSpec {
        pattern,
        width,
        steps: 12,
        radix: width.min(5),
        kernel,
        iterations: 3,
        output_bytes: 48,
        scratch_bytes: 512,
        samples: 4,
        imbalance: 1.0,
        ..GraphSpec::default()
    }
}

/// As [`spec`], one with each kernel.
pub fn all_kernels(pattern: Pattern, width: u32) -> Vec<GraphSpec> {
    let kernels = Kernel::ALL.into_iter();
    kernels.map(|kernel| spec(pattern, width, kernel)).collect()
}

fn validate(engine: impl Startable, threads: usize, specs: &[GraphSpec], passes: usize) {
    let about = format!("{engine} with {threads} threads on {specs:?}");
    let work = Workload::strict(specs).unwrap_or_else(|error| panic!("{about}: {error}"));
    let mut started = engine
        .start_on(&Setup::anywhere(threads), work)
        .unwrap_or_else(|error| panic!("{about}: {error}"));
    for _ in 0..passes {
        started
            .pass()
            .unwrap_or_else(|fault| panic!("{about}: {fault}"));
    }
}

/// Every pattern with every kernel at every width, one after the other and all kernels at once.
///
/// # Panics
/// If a task doesn't run, runs twice or reads the wrong inputs.
pub fn all_patterns_and_kernels(engine: impl Startable) {
    for pattern in Pattern::ALL {
        for width in WIDTHS {
            let specs = all_kernels(pattern, width);
            for spec in &specs {
                validate(engine, 2, std::slice::from_ref(spec), 2);
            }
            validate(engine, 2, &specs, 2);
        }
    }
}

/// Other numbers of threads than two.
///
/// # Panics
/// As for [`all_patterns_and_kernels`].
pub fn one_thread_or_three(engine: impl Startable) {
    for threads in [1, 3] {
        for pattern in Pattern::ALL {
            validate(engine, threads, &[spec(pattern, 7, Kernel::Empty)], 20);
        }
    }
}

/// Several graphs, of which some are shorter.
///
/// # Panics
/// As for [`all_patterns_and_kernels`].
pub fn graphs_of_different_lengths_at_once(engine: impl Startable) {
    let short = GraphSpec {
        steps: 3,
        ..spec(Pattern::Dom, 5, Kernel::Empty)
    };
    let long = spec(Pattern::Spread, 8, Kernel::BusyWait);
    validate(engine, 2, &[short.clone(), long, short], 10);
}

/// Another number of iterations in each pass.
///
/// # Panics
/// If operations are counted that weren't asked for.
pub fn iterations_change_between_passes(engine: impl Startable) {
    let specs = [spec(Pattern::Stencil1d, 4, Kernel::ComputeBound)];
    let work = Workload::new(&specs).unwrap_or_else(|error| panic!("{engine}: {error}"));
    let mut started = engine
        .start_on(&Setup::anywhere(2), work)
        .unwrap_or_else(|error| panic!("{engine}: {error}"));
    for iterations in [0, 10, 1000] {
        started.work().set_iterations(iterations);
        started
            .pass()
            .unwrap_or_else(|fault| panic!("{engine}: {fault}"));
        assert_eq!(started.work().flops(), 48 * (128 * iterations + 64));
    }
}

/// An engine without threads is refused.
///
/// # Panics
/// If it isn't, or for another reason.
pub fn no_thread_is_no_engine(engine: impl Startable) {
    let work = Workload::new(&[GraphSpec::default()]).unwrap_or_else(|error| panic!("{error}"));
    match engine.start_on(&Setup::anywhere(0), work) {
        Ok(_) => panic!("{engine} starts without threads"),
        Err(error) => assert!(error.to_string().starts_with("0 threads"), "{error}"),
    }
}

/// A module of tests for each engine: `engine_tests! { name: engine, … }`, where `engine` is [`Startable`](crate::conformance::Startable). Defines `TESTED` besides, all the engines.
#[macro_export]
macro_rules! engine_tests {
    ($type:ty: $($name:ident: $engine:expr),* $(,)?) => {
        const TESTED: &[$type] = &[$($engine),*];

        $(mod $name {
            use super::*;
            use $crate::conformance;

            #[test]
            fn all_patterns_and_kernels() {
                conformance::all_patterns_and_kernels($engine);
            }

            #[test]
            fn one_thread_or_three() {
                conformance::one_thread_or_three($engine);
            }

            #[test]
            fn graphs_of_different_lengths_at_once() {
                conformance::graphs_of_different_lengths_at_once($engine);
            }

            #[test]
            fn iterations_change_between_passes() {
                conformance::iterations_change_between_passes($engine);
            }

            #[test]
            fn no_thread_is_no_engine() {
                conformance::no_thread_is_no_engine($engine);
            }
        })*
    };
}
