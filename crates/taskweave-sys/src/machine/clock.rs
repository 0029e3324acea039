//! A clock that is cheap to read.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// The time in ticks of a constant but unknown length. On x86-64 one unserialised `rdtsc`, some 10 ns; elsewhere nanoseconds of [`Instant`].
#[inline]
pub fn ticks() -> u64 {
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

/// How many [`ticks`] a microsecond has, at least one. The first call measures it, for two milliseconds; later ones cost a load.
pub fn ticks_per_us() -> u64 {
    static RATE: OnceLock<u64> = OnceLock::new();
    *RATE.get_or_init(measure)
}

fn measure() -> u64 {
    if cfg!(not(all(target_arch = "x86_64", not(miri)))) {
        return 1000;
    }
    let (start, from) = (Instant::now(), ticks());
    loop {
        let passed = start.elapsed();
        if passed >= Duration::from_millis(2) {
            let ticks = u128::from(ticks().wrapping_sub(from));
            return u64::try_from(ticks * 1000 / passed.as_nanos())
                .unwrap_or(u64::MAX)
                .max(1);
        }
        std::hint::spin_loop();
    }
}
