//! What can be waited for.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use taskweave_sys::ordering;
use taskweave_sys::sync::Mutex;
use taskweave_sys::sync::atomic::AtomicUsize;

use super::{Gate, from_future, gate};
use crate::pass::StartedPass;
use crate::spawn::JoinHandle;
use crate::timer;

/// Whatever can be waited for, as a gate.
pub trait IntoGate {
    /// The gate that opens when it's over.
    fn into_gate(self) -> Gate;
}

impl IntoGate for Gate {
    fn into_gate(self) -> Gate {
        self
    }
}

impl IntoGate for &Gate {
    fn into_gate(self) -> Gate {
        self.clone()
    }
}

/// Opens when the task has ended; its result is dropped. Fails if the task does, with its error. Three allocations.
impl<T: Send + 'static> IntoGate for JoinHandle<T> {
    fn into_gate(self) -> Gate {
        from_future::gate_of(async move { self.await.map(drop) })
    }
}

/// Opens when the pass has ended; fails if it does, with its error. Three allocations.
impl IntoGate for StartedPass {
    fn into_gate(self) -> Gate {
        from_future::gate_of(async move {
            match self.await {
                Ok(_) => Ok(()),
                Err(failed) => Err(failed.error),
            }
        })
    }
}

/// Opens when this time has passed. The timer is one of the current worker's pool, or of the global one. Three allocations.
impl IntoGate for Duration {
    fn into_gate(self) -> Gate {
        let sleep = timer::sleep(self);
        from_future::gate_of(async move {
            sleep.await;
            Ok(())
        })
    }
}

/// Opens at this moment. As for [`Duration`].
impl IntoGate for Instant {
    fn into_gate(self) -> Gate {
        let sleep = timer::sleep_until(self);
        from_future::gate_of(async move {
            sleep.await;
            Ok(())
        })
    }
}

/// Opens when all of them have.
impl<G: IntoGate> IntoGate for Vec<G> {
    fn into_gate(self) -> Gate {
        Gate::all(self)
    }
}

/// Opens when both have.
impl<A: IntoGate, B: IntoGate> IntoGate for (A, B) {
    fn into_gate(self) -> Gate {
        Gate::all([self.0.into_gate(), self.1.into_gate()])
    }
}

/// Opens when all three have.
impl<A: IntoGate, B: IntoGate, C: IntoGate> IntoGate for (A, B, C) {
    fn into_gate(self) -> Gate {
        Gate::all([self.0.into_gate(), self.1.into_gate(), self.2.into_gate()])
    }
}

/// See [`Gate::all`].
pub(super) fn all(gates: Vec<Gate>) -> Gate {
    let (completion, whole) = gate();
    if gates.is_empty() {
        completion.open();
        return whole;
    }
    let left = Arc::new(AtomicUsize::new(gates.len()));
    let completion = Arc::new(Mutex::new(Some(completion)));
    for gate in gates {
        let (left, completion) = (Arc::clone(&left), Arc::clone(&completion));
        gate.then(move |outcome| {
            // AcqRel: the last one sees what was done before all the others opened.
            let count_down = || left.fetch_sub(1, ordering!(AcqRel, "gate-all-relaxed"));
            if outcome.is_ok() && count_down() > 1 {
                return;
            }
            let completion = completion
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            // None: another one has failed.
            if let Some(completion) = completion {
                completion.settle(outcome);
            }
        });
    }
    whole
}
