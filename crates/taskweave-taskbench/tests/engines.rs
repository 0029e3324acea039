//! Every engine runs every pattern with every kernel as it should.

use std::{sync::Arc, time::Duration};

use taskweave_taskbench::conformance::spec;
use taskweave_taskbench::{
    Elsewhere, Engine, Fault, Kernel, Kind, Pattern, Runner, Setup, UnknownEngine, Workload,
    engine_tests,
};

engine_tests! { Kind:
    sequential: Kind::Sequential,
    spinning: Kind::Spinning,
    graph: Kind::Graph,
}

#[test]
fn every_engine_is_tested() {
    assert!(Kind::ALL.iter().all(|kind| TESTED.contains(kind)));
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
