//! Every engine runs every pattern with every kernel as it should.

use taskweave_taskbench::conformance::{Startable, graphs_of_different_lengths_at_once};
use taskweave_taskbench::{Engine, EngineError, Kind, Setup, Workload, engine_tests};

use super::{Contestant, UnknownEngine};

impl Startable for Contestant {
    fn start_on(self, setup: &Setup, work: Workload) -> Result<Engine, EngineError> {
        self.start(setup, work)
    }
}

engine_tests! { Contestant:
    rayon_scope: Contestant::RayonScope,
    rayon_inline: Contestant::RayonInline,
    tokio: Contestant::Tokio,
    async_executor: Contestant::AsyncExecutor,
    chili: Contestant::Chili,
}

#[test]
fn every_engine_is_tested() {
    for engine in Contestant::ALL {
        match engine {
            // Our own are tested where they are.
            Contestant::Own(_) => graphs_of_different_lengths_at_once(*engine),
            #[cfg(feature = "native-peers")]
            Contestant::Native(_) => graphs_of_different_lengths_at_once(*engine),
            _ => assert!(TESTED.contains(engine), "{engine}"),
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

#[cfg(feature = "native-peers")]
mod native;
