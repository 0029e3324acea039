//! What a pool says of itself.

use std::fmt::Write;

use taskweave_sys::sync::atomic::Ordering;

use crate::blocked::Blocked;
use crate::idle::Sleep;
use crate::metrics::Metrics;
use crate::shared::{Phase, Shared};

impl Shared {
    pub(crate) fn metrics(&self) -> Metrics {
        Metrics {
            workers: self.slots.iter().map(|slot| slot.counters.read()).collect(),
            outside_wakes: self.outside_wakes.read(),
            borrowed: self.borrowed.read(),
        }
    }

    pub(crate) fn dump(&self) -> String {
        let mut text = String::new();
        let counts = self.idle.glance();
        let phase = match self.phase() {
            Phase::Open => "open",
            Phase::Draining => "draining",
            Phase::Dropping => "dropping its queue",
            Phase::Gone => "ended",
        };
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "pool {:?}: {phase}, {} workers, {} asleep, {} searching, {} threads, {} without a slot",
            self.config.name,
            self.slots.len(),
            counts.asleep(),
            counts.searching(),
            self.live_threads(),
            self.displaced_threads(),
        );
        for (index, slot) in self.slots.iter().enumerate() {
            let running = slot.running.load(Ordering::Relaxed);
            let state = if self.idle.is_asleep(index, Sleep::Base) {
                "sleeps".to_owned()
            } else if self.idle.is_asleep(index, Sleep::Waiting) {
                "sleeps in a wait".to_owned()
            } else if running.is_null() {
                "looks for work".to_owned()
            } else {
                // SAFETY: the verbs of a task are 'static.
                format!("runs a {} task", unsafe { &*running }.label)
            };
            let inbox = if slot.inbox.is_empty() {
                "empty"
            } else {
                "not empty"
            };
            let _ = writeln!(
                text,
                "worker {index}: {state}; {} public tasks, inbox {inbox}",
                slot.stealer.public_len(),
            );
        }
        let (running, queued) = self.blocking.load();
        if running + queued > 0 {
            let _ = writeln!(text, "blocking: {running} running, {queued} queued");
        }
        text.push_str(&Blocked::describe(core::ptr::from_ref(self) as usize));
        text
    }
}
