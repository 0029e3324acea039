#![doc = include_str!("README.md")]

use crossbeam_utils::CachePadded;
use taskweave_sys::mutated;
use taskweave_sys::sync::atomic::{AtomicU64, Ordering, fence_after_rmw};

/// In which of the two ways a slot sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleep {
    /// Nothing is on the slot's stack: it can be woken or borrowed.
    Base,
    /// In the middle of a stack: it can be woken.
    Waiting,
}

/// The counts at one moment.
///
/// | bits | |
/// |---|---|
/// | 0..16 | search tokens |
/// | 16..32 | sleepers |
/// | 32..64 | naps: how often a slot was declared asleep, wrapping |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts(u64);

const SEARCHER: u64 = 1;
const SLEEPER: u64 = 1 << 16;
/// On top, so that it carries into nothing.
const NAP: u64 = 1 << 32;

impl Counts {
    #[inline]
    pub(crate) fn everybody_is_busy(self) -> bool {
        self.0 as u32 == 0
    }
    #[inline]
    pub(crate) fn searching(self) -> u32 {
        self.0 as u32 & 0xffff
    }
    #[inline]
    pub(crate) fn asleep(self) -> u32 {
        self.0 as u32 >> 16
    }
}

/// See the module's essay.
pub(crate) struct Idle {
    counts: CachePadded<AtomicU64>,
    base: Bitmap,
    waiting: Bitmap,
}

impl Idle {
    pub(crate) fn new(slots: usize) -> Self {
        Idle {
            counts: CachePadded::new(AtomicU64::new(0)),
            base: Bitmap::new(slots),
            waiting: Bitmap::new(slots),
        }
    }

    /// The counts, for a decision that only affects speed.
    #[inline]
    pub(crate) fn glance(&self) -> Counts {
        // Relaxed: nobody relies on it; `after_publish` is what wake-ups rely on.
        Counts(self.counts.load(Ordering::Relaxed))
    }

    /// The counts after a publication whose last atomic access was an RMW.
    #[inline]
    pub(crate) fn after_publish(&self) -> Counts {
        fence_after_rmw();
        // Relaxed: the fence above pairs with the one in `announce`, or the one in `end_search`.
        Counts(self.counts.load(Ordering::Relaxed))
    }

    fn map(&self, sleep: Sleep) -> &Bitmap {
        match sleep {
            Sleep::Base => &self.base,
            Sleep::Waiting => &self.waiting,
        }
    }

    /// Declares a slot asleep. The caller looks at every queue afterwards, before it sleeps.
    pub(crate) fn announce(&self, slot: usize, sleep: Sleep) {
        // Before the bit, so that there are never more bits than the count says.
        self.counts.fetch_add(SLEEPER + NAP, Ordering::SeqCst);
        self.map(sleep).set(slot);
        if !mutated!("idle-announce-without-fence") {
            // Partner of the fence in `after_publish`.
            fence_after_rmw();
        }
    }

    /// Takes a slot's own announcement back. True: the caller is awake, and holds a search token. False: somebody has claimed the
    /// slot.
    #[must_use]
    pub(crate) fn retract(&self, slot: usize, sleep: Sleep) -> bool {
        let ours = self.map(sleep).clear(slot);
        if ours {
            let token = if mutated!("idle-retract-without-token") {
                0
            } else {
                SEARCHER
            };
            self.counts.fetch_sub(SLEEPER - token, Ordering::SeqCst);
        }
        ours
    }

    /// Whether a slot sleeps in this way, at this moment.
    pub(crate) fn is_asleep(&self, slot: usize, sleep: Sleep) -> bool {
        self.map(sleep).contains(slot)
    }

    /// If all `slots` sleep, in either way, and nobody searches: what [`is_still`](Self::is_still) wants to know.
    pub(crate) fn stillness(&self, slots: usize) -> Option<Counts> {
        // SeqCst: before the bits, so that whoever is declared asleep after a look at its bit is a nap more.
        let counts = Counts(self.counts.load(Ordering::SeqCst));
        (counts.searching() == 0 && self.bits() == slots).then_some(counts)
    }

    /// Whether nobody has been awake since.
    pub(crate) fn is_still(&self, slots: usize, since: Counts) -> bool {
        // SeqCst: after the bits, as a bit that was set again is a nap more by now.
        self.bits() == slots && Counts(self.counts.load(Ordering::SeqCst)) == since
    }

    fn bits(&self) -> usize {
        self.base.count() + self.waiting.count()
    }

    /// Whether all `slots` sleep at their base.
    pub(crate) fn all_at_base(&self, slots: usize) -> bool {
        self.base.count() == slots
    }

    /// Claims any slot that sleeps in this way.
    pub(crate) fn claim(&self, sleep: Sleep, from: usize) -> Option<usize> {
        self.claim_but(sleep, from, None)
    }

    /// As `claim`, any but this one.
    pub(crate) fn claim_but(
        &self,
        sleep: Sleep,
        from: usize,
        spared: Option<usize>,
    ) -> Option<usize> {
        let slot = self.map(sleep).take_any(from, spared)?;
        self.counts.fetch_sub(SLEEPER, Ordering::SeqCst);
        Some(slot)
    }

    /// Becomes a searcher if fewer than `limit` search.
    pub(crate) fn begin_search(&self, limit: u32) -> bool {
        let mut counts = self.glance();
        if mutated!("idle-search-over-count") && counts.searching() < limit {
            let before = self.counts.fetch_add(SEARCHER, Ordering::SeqCst);
            if Counts(before).searching() < limit {
                return true;
            }
            self.counts.fetch_sub(SEARCHER, Ordering::SeqCst);
            return false;
        }
        // Not an addition that may have to be taken back: somebody could rely on a token that was never meant.
        while counts.searching() < limit {
            match self.counts.compare_exchange_weak(
                counts.0,
                counts.0 + SEARCHER,
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => counts = Counts(now),
            }
        }
        false
    }

    /// Wins the right to wake somebody: true if somebody sleeps, nobody searched, and now the
    /// caller holds the only token.
    #[must_use]
    pub(crate) fn begin_wake(&self) -> bool {
        let counts = self.glance();
        counts.searching() == 0
            && counts.asleep() != 0
            && self
                .counts
                .compare_exchange(
                    counts.0,
                    counts.0 + SEARCHER,
                    Ordering::SeqCst,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    /// Drops a search token. True: it was the last, and the caller must look at every queue and
    /// wake somebody if there is work.
    #[must_use]
    pub(crate) fn end_search(&self) -> bool {
        let before = Counts(self.counts.fetch_sub(SEARCHER, Ordering::SeqCst));
        if !mutated!("idle-end-search-without-fence") {
            // Partner of the fence in `after_publish`: what was published on the strength of this token is seen.
            fence_after_rmw();
        }
        before.searching() == 1
    }
}

/// A set of slots.
struct Bitmap(Box<[CachePadded<AtomicU64>]>);

impl Bitmap {
    fn new(slots: usize) -> Self {
        Bitmap(
            (0..slots.div_ceil(64))
                .map(|_| CachePadded::new(AtomicU64::new(0)))
                .collect(),
        )
    }

    fn set(&self, slot: usize) {
        // Release: pairs with the Acquire of whoever clears the bit, and so hands over the slot.
        self.0[slot / 64].fetch_or(1 << (slot % 64), Ordering::Release);
    }

    /// True if the bit was set: the caller has it now.
    fn clear(&self, slot: usize) -> bool {
        let bit = 1 << (slot % 64);
        // Acquire: pairs with `set`.
        self.0[slot / 64].fetch_and(!bit, Ordering::Acquire) & bit != 0
    }

    fn contains(&self, slot: usize) -> bool {
        self.0[slot / 64].load(Ordering::Relaxed) & (1 << (slot % 64)) != 0
    }

    fn count(&self) -> usize {
        // SeqCst: compared by whoever sleeps last, after its own bit.
        self.0
            .iter()
            .map(|word| word.load(Ordering::SeqCst).count_ones() as usize)
            .sum()
    }

    fn take_any(&self, from: usize, spared: Option<usize>) -> Option<usize> {
        let words = self.0.len();
        let first = from / 64;
        for step in 0..words {
            let index = (first + step) % words;
            loop {
                let mut word = self.0[index].load(Ordering::Relaxed);
                if let Some(spared) = spared.filter(|spared| spared / 64 == index) {
                    word &= !(1 << (spared % 64));
                }
                if word == 0 {
                    break;
                }
                let slot = index * 64 + word.trailing_zeros() as usize;
                if self.clear(slot) {
                    return Some(slot);
                }
            }
        }
        None
    }
}
