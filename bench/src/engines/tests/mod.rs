//! Every engine runs every pattern with every kernel as it should.

use taskweave_taskbench::{GraphSpec, Kernel, Kind, Pattern, Setup, Workload};

use super::{Contestant, UnknownEngine};

const WIDTHS: [u32; 5] = [1, 2, 7, 8, 64];

fn spec(pattern: Pattern, width: u32, kernel: Kernel) -> GraphSpec {
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

fn validates(engine: Contestant, threads: usize, specs: &[GraphSpec], passes: usize) {
    let work = Workload::strict(specs).unwrap();
    let mut started = engine.start(&Setup::anywhere(threads), work).unwrap();
    for _ in 0..passes {
        started.pass().unwrap_or_else(|fault| {
            panic!("{engine} with {threads} threads on {specs:?}: {fault}")
        });
    }
}

fn all_kernels(pattern: Pattern, width: u32) -> Vec<GraphSpec> {
    Kernel::ALL
        .into_iter()
        .map(|kernel| spec(pattern, width, kernel))
        .collect()
}

fn all_patterns_and_kernels(engine: Contestant) {
    for pattern in Pattern::ALL {
        for width in WIDTHS {
            // One engine runs the five kernels' graphs one after the other, and all at once.
            let specs = all_kernels(pattern, width);
            for spec in &specs {
                validates(engine, 2, std::slice::from_ref(spec), 2);
            }
            validates(engine, 2, &specs, 2);
        }
    }
}

macro_rules! engines {
    ($($name:ident: $engine:ident),* $(,)?) => {
        $(#[test] fn $name() { all_patterns_and_kernels(Contestant::$engine) })*

        #[test]
        fn every_engine_is_tested() {
            let tested = [$(Contestant::$engine),*];
            for engine in in_this_process() {
                // Our own are tested where they are.
                assert!(matches!(engine, Contestant::Own(_)) || tested.contains(&engine));
            }
        }
    };
}

engines! {
    rayon_scope: RayonScope,
    rayon_inline: RayonInline,
    tokio: Tokio,
    async_executor: AsyncExecutor,
    chili: Chili,
}

fn in_this_process() -> impl Iterator<Item = Contestant> {
    let all = Contestant::ALL.iter().copied();
    #[cfg(feature = "native-peers")]
    let all = all.filter(|engine| !matches!(engine, Contestant::Native(_)));
    all
}

#[test]
fn one_thread_or_three_do_as_well() {
    for engine in in_this_process() {
        for threads in [1, 3] {
            for pattern in Pattern::ALL {
                validates(engine, threads, &[spec(pattern, 7, Kernel::Empty)], 20);
            }
        }
    }
}

#[test]
fn graphs_of_different_lengths_run_at_once() {
    let short = GraphSpec {
        steps: 3,
        ..spec(Pattern::Dom, 5, Kernel::Empty)
    };
    let long = spec(Pattern::Spread, 8, Kernel::BusyWait);
    for &engine in Contestant::ALL {
        validates(engine, 2, &[short.clone(), long.clone(), short.clone()], 10);
    }
}

#[test]
fn iterations_change_between_passes() {
    for &engine in Contestant::ALL {
        let work = Workload::new(&[spec(Pattern::Stencil1d, 4, Kernel::ComputeBound)]).unwrap();
        let mut started = engine.start(&Setup::anywhere(2), work).unwrap();
        for iterations in [0, 10, 1000] {
            started.work().set_iterations(iterations);
            started.pass().unwrap();
            assert_eq!(started.work().flops(), 48 * (128 * iterations + 64));
        }
    }
}

#[test]
fn names_lead_back_to_engines() {
    for &engine in Contestant::ALL {
        assert_eq!(engine.name().parse(), Ok(engine));
    }
    assert_eq!(Contestant::OURS, Contestant::Own(Kind::Graph));
    let error: UnknownEngine = "cilk".parse::<Contestant>().unwrap_err();
    assert!(error.to_string().contains("`cilk`"), "{error}");
    assert!(error.to_string().contains("spinning"), "{error}");
}

#[test]
fn no_thread_is_no_engine() {
    for &engine in Contestant::ALL {
        let work = Workload::new(&[GraphSpec::default()]).unwrap();
        let error = engine.start(&Setup::anywhere(0), work).unwrap_err();
        assert!(error.to_string().starts_with("0 threads"), "{error}");
    }
}

#[cfg(feature = "native-peers")]
mod native;
