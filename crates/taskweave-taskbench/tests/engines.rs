//! Every engine runs every pattern with every kernel as it should.

use std::{sync::Arc, time::Duration};

use taskweave_taskbench::{
    Elsewhere, Engine, Fault, GraphSpec, Kernel, Kind, Pattern, Runner, Setup, UnknownEngine,
    Workload,
};

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

fn validates(kind: Kind, threads: usize, specs: &[GraphSpec], passes: usize) {
    let work = Workload::strict(specs).unwrap();
    let mut engine = kind.start(&Setup::anywhere(threads), work).unwrap();
    for _ in 0..passes {
        engine
            .pass()
            .unwrap_or_else(|fault| panic!("{kind} with {threads} threads on {specs:?}: {fault}"));
    }
}

fn all_patterns_and_kernels(kind: Kind) {
    for pattern in Pattern::ALL {
        for width in WIDTHS {
            // One engine runs the five kernels' graphs one after the other, and all at once.
            let specs: Vec<GraphSpec> = Kernel::ALL
                .into_iter()
                .map(|kernel| spec(pattern, width, kernel))
                .collect();
            for spec in &specs {
                validates(kind, 2, std::slice::from_ref(spec), 2);
            }
            validates(kind, 2, &specs, 2);
        }
    }
}

macro_rules! engines {
    ($($(#[$attribute:meta])* $name:ident: $kind:ident),* $(,)?) => {
        $($(#[$attribute])* #[test] fn $name() { all_patterns_and_kernels(Kind::$kind) })*

        #[test]
        fn every_engine_is_tested() {
            let tested = [$($(#[$attribute])* Kind::$kind),*];
            assert!(Kind::ALL.iter().all(|kind| tested.contains(kind)));
        }
    };
}

engines! {
    sequential: Sequential,
    spinning: Spinning,
    graph: Graph,
}

#[test]
fn one_thread_or_three_do_as_well() {
    for &kind in Kind::ALL {
        for threads in [1, 3] {
            for pattern in Pattern::ALL {
                validates(kind, threads, &[spec(pattern, 7, Kernel::Empty)], 20);
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
    for &kind in Kind::ALL {
        validates(kind, 2, &[short.clone(), long.clone(), short.clone()], 10);
    }
}

#[test]
fn iterations_change_between_passes() {
    for &kind in Kind::ALL {
        let work = Workload::new(&[spec(Pattern::Stencil1d, 4, Kernel::ComputeBound)]).unwrap();
        let mut engine = kind.start(&Setup::anywhere(2), work).unwrap();
        for iterations in [0, 10, 1000] {
            engine.work().set_iterations(iterations);
            engine.pass().unwrap();
            assert_eq!(engine.work().flops(), 48 * (128 * iterations + 64));
        }
    }
}

#[test]
fn names_lead_back_to_engines() {
    for &kind in Kind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    let error: UnknownEngine = "cilk".parse::<Kind>().unwrap_err();
    assert!(error.to_string().contains("`cilk`"), "{error}");
    assert!(error.to_string().contains("spinning"), "{error}");
}

#[test]
fn no_thread_is_no_engine() {
    for &kind in Kind::ALL {
        let work = Workload::new(&[GraphSpec::default()]).unwrap();
        let error = kind.start(&Setup::anywhere(0), work).unwrap_err();
        assert!(error.to_string().starts_with("0 threads"), "{error}");
    }
}

/// What passes leave is the same for all engines and in all passes, and differs between graphs.
#[test]
fn digests_tell_graphs_apart_and_engines_not() {
    let digest = |kind: Kind, pattern, passes| {
        let work = Workload::new(&[spec(pattern, 7, Kernel::Empty)]).unwrap();
        let mut engine = kind.start(&Setup::anywhere(2), work).unwrap();
        for _ in 0..passes {
            engine.pass().unwrap();
        }
        engine.work().digest()
    };
    let one = digest(Kind::Sequential, Pattern::Stencil1d, 1);
    for &kind in Kind::ALL {
        assert_eq!(digest(kind, Pattern::Stencil1d, 3), one, "{kind}");
    }
    // All points of all steps write the same whatever they read, but a tree has fewer of them.
    assert_ne!(digest(Kind::Sequential, Pattern::Tree, 1), one);
    assert_ne!(digest(Kind::Sequential, Pattern::Stencil1d, 0), one);
}

/// Tasks in reverse, on request.
struct Loop {
    work: Arc<Workload>,
    reversed: bool,
}

impl Runner for Loop {
    fn run(&mut self) {
        let mut tasks: Vec<_> = self.work.all().collect();
        if self.reversed {
            tasks.reverse();
        }
        tasks.into_iter().for_each(|task| self.work.run(task));
    }
}

#[test]
fn engines_of_others_are_checked_like_ours() {
    for reversed in [false, true] {
        let work = Arc::new(Workload::new(&[spec(Pattern::NoComm, 3, Kernel::Empty)]).unwrap());
        let runner = Loop {
            work: Arc::clone(&work),
            reversed,
        };
        let mut engine = Engine::new("loop", 1, work, Box::new(runner));
        let fault = engine.pass().err();
        assert_eq!(matches!(fault, Some(Fault::WrongInput { .. })), reversed);
        assert_eq!(
            (engine.name(), engine.threads(), engine.form()),
            ("loop", 1, None)
        );
        assert_eq!(engine.used_elsewhere(), Duration::ZERO);
    }
}

/// Claims that a pass took a microsecond for each iteration, until there are three.
struct Claims(Duration);

impl Elsewhere for Claims {
    fn pass(&mut self, work: &Workload) -> Result<Duration, Fault> {
        let what = "it went wrong".to_owned();
        match work.iterations(0) {
            3 => Err(Fault::Elsewhere {
                engine: "claims",
                what,
            }),
            iterations => {
                let took = Duration::from_micros(iterations);
                self.0 += 2 * took;
                Ok(took)
            }
        }
    }

    fn used(&self) -> Duration {
        self.0
    }

    fn form(&self) -> &str {
        "made up"
    }
}

#[test]
fn an_engine_elsewhere_says_how_long_it_took() {
    let work = Arc::new(Workload::new(&[spec(Pattern::NoComm, 3, Kernel::ComputeBound)]).unwrap());
    let claims = Box::new(Claims(Duration::ZERO));
    let mut engine = Engine::elsewhere("claims", 2, work, claims);
    for iterations in [1, 7] {
        engine.work().set_iterations(iterations);
        assert_eq!(engine.pass(), Ok(Duration::from_micros(iterations)));
    }
    assert_eq!(engine.used_elsewhere(), Duration::from_micros(16));
    assert_eq!(engine.form(), Some("made up"));
    engine.work().set_iterations(3);
    let fault = engine.pass().unwrap_err().to_string();
    assert_eq!(fault, "claims, in a process of its own: it went wrong");
}
