//! A clock that is cheap to read.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// The time in ticks of a constant but unknown length. On x86-64 one unserialised `rdtsc`, some 10
/// ns; elsewhere nanoseconds of [`Instant`].
///
/// Good for measuring how long something took on one thread. Processors since 2008 count at a
/// constant rate and alike on all cores; on older ones, and after a virtual machine has moved, a
/// difference may be wrong, so that nothing but tuning should depend on it. Subtract with
/// `wrapping_sub`.
///
/// A model that could read the time wouldn't go the same way twice: under loom no time passes, under shuttle each
/// reading is a random number that the schedule's seed decides.
#[inline]
pub fn ticks() -> u64 {
    #[cfg(any(taskweave_loom, taskweave_shuttle))]
    {
        modelled_ticks()
    }
    #[cfg(not(any(taskweave_loom, taskweave_shuttle)))]
    {
        real_ticks()
    }
}

#[cfg(taskweave_loom)]
fn modelled_ticks() -> u64 {
    0
}

#[cfg(all(taskweave_shuttle, not(taskweave_loom)))]
fn modelled_ticks() -> u64 {
    use shuttle::rand::{RngCore, thread_rng};
    thread_rng().next_u64() >> 32
}

#[cfg_attr(any(taskweave_loom, taskweave_shuttle), allow(dead_code))]
#[inline(always)]
fn real_ticks() -> u64 {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        // SAFETY: every x86-64 processor has the instruction.
        unsafe { std::arch::x86_64::_rdtsc() }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }
}

/// How many [`ticks`] a microsecond has, at least one. The first call measures it, for some 200 µs;
/// later ones cost a load.
///
/// ```
/// use taskweave_sys::machine::clock;
///
/// let start = clock::ticks();
/// let micros = clock::ticks().wrapping_sub(start) / clock::ticks_per_us();
/// # let _ = micros;
/// ```
pub fn ticks_per_us() -> u64 {
    static RATE: OnceLock<u64> = OnceLock::new();
    *RATE.get_or_init(measure)
}

fn measure() -> u64 {
    if cfg!(any(
        not(target_arch = "x86_64"),
        miri,
        taskweave_loom,
        taskweave_shuttle
    )) {
        return 1000;
    }
    let (start, from) = both_clocks();
    while start.elapsed() < Duration::from_micros(200) {
        std::hint::spin_loop();
    }
    let (end, to) = both_clocks();
    let ticks = u128::from(to.wrapping_sub(from));
    let nanos = end.duration_since(start).as_nanos().max(1);
    u64::try_from(ticks * 1000 / nanos)
        .unwrap_or(u64::MAX)
        .max(1)
}

/// Both clocks at nearly the same moment: the closest of some attempts, of which the system may
/// interrupt any.
fn both_clocks() -> (Instant, u64) {
    let attempt = || {
        let before = ticks();
        let now = Instant::now();
        let apart = ticks().wrapping_sub(before);
        (apart, now, before.wrapping_add(apart / 2))
    };
    let mut closest = attempt();
    for _ in 0..4 {
        let next = attempt();
        if next.0 < closest.0 {
            closest = next;
        }
    }
    (closest.1, closest.2)
}
