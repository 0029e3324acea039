//! When private work becomes public, and when somebody is woken for it.
//!
//! Publishing costs one RMW, a wake costs two threads 10 µs each, a steal moves cache lines. So:
//!
//! * What a body queues while it goes on is public at once, and somebody is woken for it unless somebody searches: the body may take
//!   for ever, or even wait for what it queued. It stays public until it runs: what is taken off a deque's public part, or out of an inbox, is one
//!   task, and the others remain to be seen.
//! * What a body queues as it ends (successors in a graph) is public at the next boundary, unless the next body is of a kind that is known to be short:
//!   then the rest stays private until there is enough of it to be worth a thief's visit, and somebody is looking. Somebody is woken if the next body
//!   is long, or if the surplus would take longer than a wake. How much a surplus is worth is told by the measured length of the kind, and by how
//!   many bodies come one after the other behind what is queued.
//! * What becomes ready far from its place, by bodies that aren't short, is sent there while nobody sleeps ([`spreads`](Worker::spreads)).
//! * The oldest branch of `join` is always public; the ones above it become so one at a time, as it is taken.

use super::Worker;
use crate::idle::Counts;
use crate::kind::Measure;
use crate::task::{Forecast, Task, vtable};

/// A body from this many microseconds on is long.
const LONG_US: u64 = 2;
/// Surplus that is worth a visit of a thief.
const VISIT_US: u64 = 3;
/// Surplus that is worth a wake.
const WAKE_US: u64 = 25;
/// Most that a worker waits for a vertex that others are about to make ready.
const WATCH_US: u64 = 1;
/// Vertices that stay where they are after one was watched in vain.
const STAY: u32 = 8;
/// Tasks assumed behind a non-empty inbox.
const INBOX_GUESS: usize = 64;

/// What is expected of a poll.
#[derive(Clone, Copy)]
pub(crate) struct Outlook {
    /// What it wakes may wait for its end.
    pub(crate) is_short: bool,
    /// What waits behind it had better be anybody's.
    pub(crate) is_better_shared: bool,
    /// It is to be measured.
    pub(crate) is_due: bool,
}

impl Worker {
    /// Something was queued and the present body goes on, for who knows how long: it may even wait for what was
    /// queued, so nothing may stay private behind it, and somebody has to be awake to see it.
    #[inline]
    pub(crate) fn share(&self) {
        self.owner.publish_all();
        self.shared().wake_for_work();
    }

    /// A body is about to run, and something is queued: shares it if that pays, and sees to it that the body is measured if need be. What is queued
    /// is taken to be like the body: it mostly comes from the same place.
    #[inline]
    pub(super) fn share_surplus(&self, forecast: Forecast) {
        let counts = self.shared().idle.glance();
        let private = self.owner.private_len();
        if counts.everybody_is_busy()
            && (private == 0 || self.kinds.is_known_short(forecast.kind) && !self.is_check_due())
        {
            return;
        }
        self.weigh_surplus(forecast, counts, private);
    }

    /// As [`share_surplus`](Self::share_surplus), where it may pay.
    #[inline(never)]
    fn weigh_surplus(&self, Forecast { kind, way }: Forecast, counts: Counts, private: usize) {
        let (estimate, is_due) = self.kinds.before_body(kind);
        let is_long = estimate.at_least(1, self.kinds.us(LONG_US));
        let is_wake_worth_it = is_long
            || counts.asleep() != 0 && counts.searching() == 0 && {
                let unseen = if self.slot().inbox.is_empty() {
                    0
                } else {
                    INBOX_GUESS
                };
                let surplus = self.owner.len() + unseen;
                estimate.at_least(surplus * way as usize, self.kinds.us(WAKE_US))
            };
        let is_visit_worth_it = is_wake_worth_it
            || estimate.is_usually(self.kinds.short_ticks())
            || counts.searching() != 0
                && estimate.at_least(private * way as usize, self.kinds.us(VISIT_US));
        if is_visit_worth_it {
            self.owner.publish_all();
        }
        if is_wake_worth_it {
            self.shared().wake_for_work();
        }
        if is_due || self.is_check_due() {
            let start = self.kinds.now();
            self.measure.set(Some(Measure { kind, start }));
        }
    }

    /// Whether bodies of this kind are worth the way to another worker, and all workers are there to take them.
    #[inline]
    pub(crate) fn spreads(&self, kind: usize) -> bool {
        if self.kinds.is_known_short(kind) || !self.kinds.is_usually(kind, self.kinds.us(3) / 16) {
            return false;
        }
        if let Some(left) = self.stays.get().checked_sub(1) {
            self.stays.set(left);
            return false;
        }
        self.shared().idle.glance().asleep() == 0
    }

    /// Others are slow to make ready what this worker has watched: perhaps a processor does something else.
    pub(crate) fn stay_for_a_while(&self) {
        self.stays.set(STAY);
    }

    /// For how many ticks this worker watches a vertex.
    pub(crate) fn watch_ticks(&self) -> u64 {
        self.kinds.us(WATCH_US.min(self.shared().config.spin_us))
    }

    /// A future is about to be polled, and `waiting` others wait behind it on this worker: what to do about them, as in `share_surplus`; but they are in
    /// no queue, so that nobody sees them before.
    #[inline]
    pub(crate) fn before_poll(&self, kind: usize, waiting: usize) -> Outlook {
        let (estimate, is_due) = self.kinds.before_body(kind);
        let is_short = !estimate.at_least(1, self.kinds.us(LONG_US));
        let is_better_shared = waiting != 0
            && (!is_short || {
                let counts = self.shared().idle.glance();
                !counts.everybody_is_busy() && {
                    let searching = counts.searching() != 0;
                    let worth = if searching { VISIT_US } else { WAKE_US };
                    estimate.at_least(waiting, self.kinds.us(worth))
                }
            });
        Outlook {
            is_short,
            is_better_shared,
            // What took long may have been an interruption: the next one tells.
            is_due: is_due || !is_short,
        }
    }

    /// A task is about to run, which may take long, and those who sleep don't know of the timers: wakes one of them, who then does. A body that is to be
    /// measured for this is returned.
    #[inline]
    pub(crate) fn pass_timers_on(&self, task: Task) -> Option<Measure> {
        if !self.shared().timers.is_unattended() {
            return None;
        }
        if self.shared().idle.glance().asleep() == 0 {
            return None;
        }
        // SAFETY: a queue handed it out; it's live until one of its verbs is called.
        let verbs = unsafe { vtable(task) };
        // SAFETY: as above; none of its verbs was called.
        let kind = unsafe { verbs.forecast_of(task) }.kind;
        let (estimate, is_due) = self.kinds.before_body(kind);
        if estimate.at_least(1, self.kinds.us(LONG_US)) {
            self.shared().wake_one();
        }
        let start = self.kinds.now();
        is_due.then_some(Measure { kind, start })
    }

    /// A branch of `join` was pushed: sees to it that the oldest one is public, and that somebody is awake to see it.
    #[inline]
    pub(crate) fn share_branch(&self) {
        if self.owner.public_len() == 0 {
            self.owner.publish(1);
            self.shared().wake_for_work();
        }
    }
}
