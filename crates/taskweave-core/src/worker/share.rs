//! When private work becomes public, and when somebody is woken for it.
//!
//! Publishing costs one RMW, a wake costs two threads 10 µs each, a steal moves cache lines. So:
//!
//! * Work behind or of a kind that's unknown or long is public at once.
//! * Work of a short kind stays private until what there is of it is worth a thief's visit, and
//!   somebody is looking.
//! * Somebody is woken when nobody searches and the surplus, at this kind's measured length, would
//!   take longer than a wake.
//! * The oldest branch of `join` is always public; the ones above it become so one at a time.

use super::Worker;

/// A body below this many microseconds is short.
const SHORT_US: u64 = 2;
/// Surplus that is worth a visit of a thief.
const VISIT_US: u64 = 3;
/// Surplus that is worth a wake.
const WAKE_US: u64 = 25;
/// Tasks assumed behind a non-empty inbox.
const INBOX_GUESS: usize = 64;

impl Worker {
    /// A body of `kind` was queued and the present one goes on.
    #[inline]
    pub(crate) fn share(&self, kind: usize) {
        let estimate = self.kinds.estimate(kind);
        let private = self.owner.private_len();
        if estimate.at_least(1, self.kinds.us(SHORT_US)) {
            self.owner.publish_all();
            self.shared().published();
            return;
        }
        let counts = self.shared().idle.glance();
        if counts.everybody_is_busy() || private == 0 {
            return;
        }
        if counts.searching() != 0 {
            if estimate.at_least(private, self.kinds.us(VISIT_US)) {
                self.owner.publish_all();
            }
        } else if estimate.at_least(private, self.kinds.us(WAKE_US)) {
            self.owner.publish_all();
            self.shared().published();
        }
    }

    /// A body of `kind` is about to run. Returns the time if it's to be measured.
    #[inline]
    pub(super) fn before_body(&self, kind: usize) -> Option<u64> {
        let counts = self.shared().idle.glance();
        if self.owner.private_len() == 0 && counts.everybody_is_busy() {
            return None;
        }
        self.before_body_with_surplus(kind)
    }

    fn before_body_with_surplus(&self, kind: usize) -> Option<u64> {
        let estimate = self.kinds.estimate(kind);
        let private = self.owner.private_len();
        let counts = self.shared().idle.glance();
        if counts.everybody_is_busy() {
            if estimate.at_least(1, self.kinds.us(SHORT_US)) {
                self.owner.publish_all();
                self.shared().published();
            }
            return self.kinds.sample_due(kind).then(|| self.kinds.now());
        }
        let mut surplus = self.owner.len();
        if !self.slot().inbox.is_empty() {
            surplus += INBOX_GUESS;
        }
        if surplus == 0 {
            return None;
        }
        if counts.searching() != 0 {
            if private != 0 && estimate.at_least(private, self.kinds.us(VISIT_US)) {
                self.owner.publish_all();
            }
        } else if estimate.at_least(surplus, self.kinds.us(WAKE_US))
            || estimate.at_least(1, self.kinds.us(SHORT_US))
        {
            self.owner.publish_all();
            self.shared().published();
        }
        Some(self.kinds.now())
    }

    /// A branch of `join` was pushed: sees to it that the oldest one is public. Returns the time if
    /// the branch is to be measured.
    #[inline]
    pub(crate) fn share_branch(&self, kind: usize) -> Option<u64> {
        if self.owner.public_len() == 0 {
            return self.publish_branch(kind);
        }
        let counts = self.shared().idle.glance();
        if counts.asleep() != 0 && counts.searching() == 0 {
            self.heartbeat();
        }
        None
    }

    fn publish_branch(&self, kind: usize) -> Option<u64> {
        self.owner.publish(1);
        let counts = self.shared().idle.after_publish();
        if counts.asleep() == 0 || counts.searching() != 0 {
            return None;
        }
        let now = self.kinds.now();
        self.beat.set(now);
        if self
            .kinds
            .estimate(kind)
            .at_least(1, self.kinds.us(WAKE_US))
        {
            self.shared().wake_one();
        }
        Some(now)
    }

    /// Somebody sleeps and nobody searches, while a branch is public: wakes when that has lasted.
    #[cold]
    fn heartbeat(&self) {
        let now = self.kinds.now();
        if now.saturating_sub(self.beat.get()) > self.kinds.us(WAKE_US) {
            self.beat.set(now);
            self.shared().wake_one();
        }
    }
}
