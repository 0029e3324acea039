//! Which processors a thread may run on.

use std::io;

/// The processors that the current thread may run on, in ascending order.
///
/// # Errors
/// What the system says; `Unsupported` where there is no such thing.
#[cfg(target_os = "linux")]
pub fn current() -> io::Result<Vec<usize>> {
    let set = rustix::thread::sched_getaffinity(None)?;
    Ok((0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect())
}

/// Lets the current thread run on these processors only.
///
/// # Errors
/// `InvalidInput` if the list is empty or names a processor beyond what the system can express;
/// else what the system says.
#[cfg(target_os = "linux")]
pub fn pin_current_thread(cpus: &[usize]) -> io::Result<()> {
    use rustix::thread::CpuSet;

    if cpus.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a thread needs at least one processor to run on",
        ));
    }
    let mut set = CpuSet::new();
    for &cpu in cpus {
        if cpu >= CpuSet::MAX_CPU {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "processor {cpu} is beyond the largest number, {}",
                    CpuSet::MAX_CPU - 1
                ),
            ));
        }
        set.set(cpu);
    }
    rustix::thread::sched_setaffinity(None, &set).map_err(io::Error::from)
}

/// The processors that the current thread may run on, in ascending order.
///
/// # Errors
/// `Unsupported` on this system.
#[cfg(not(target_os = "linux"))]
pub fn current() -> io::Result<Vec<usize>> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "processor affinity is only known on Linux",
    ))
}

/// Lets the current thread run on these processors only.
///
/// # Errors
/// `Unsupported` on this system.
#[cfg(not(target_os = "linux"))]
pub fn pin_current_thread(_cpus: &[usize]) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "threads can only be pinned on Linux",
    ))
}
