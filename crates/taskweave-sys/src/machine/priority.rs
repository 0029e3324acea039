//! How urgent a thread is to the system.

use std::{error::Error, fmt, io};

/// A thread's priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Shares the processor with the rest; from -20, the most urgent, to 19. Below the current
    /// value needs `CAP_SYS_NICE`.
    Nice(i32),
    /// Runs until it sleeps, before all threads of ordinary priority (`SCHED_FIFO`); from 1 to 99,
    /// the most urgent. Needs `CAP_SYS_NICE`.
    Realtime(u8),
}

/// Why a priority couldn't be set.
#[derive(Debug)]
pub struct PriorityError {
    /// What was asked for.
    pub priority: Priority,
    /// What the system, or the check before, said.
    pub source: io::Error,
}

impl fmt::Display for PriorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "can't set the priority {:?}: {}",
            self.priority, self.source
        )?;
        if self.source.kind() == io::ErrorKind::PermissionDenied {
            let limit = match self.priority {
                Priority::Nice(_) => "RLIMIT_NICE (`ulimit -e`)",
                Priority::Realtime(_) => "RLIMIT_RTPRIO (`ulimit -r`)",
            };
            write!(f, "; grant CAP_SYS_NICE or raise {limit}")?;
        }
        Ok(())
    }
}

impl Error for PriorityError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Sets the priority of the current thread.
///
/// # Errors
/// [`PriorityError`] if the value is out of range, the permission is missing (the message says
/// which), or the system has no such thing.
pub fn set_current(priority: Priority) -> Result<(), PriorityError> {
    check_range(priority)
        .and_then(|()| set(priority))
        .map_err(|source| PriorityError { priority, source })
}

fn check_range(priority: Priority) -> io::Result<()> {
    let complaint = match priority {
        Priority::Nice(nice) if !(-20..=19).contains(&nice) => "nice values go from -20 to 19",
        Priority::Realtime(level) if !(1..=99).contains(&level) => {
            "real-time levels go from 1 to 99"
        }
        _ => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, complaint))
}

#[cfg(target_os = "linux")]
fn set(priority: Priority) -> io::Result<()> {
    match priority {
        Priority::Nice(nice) => {
            // To Linux a nice value belongs to a thread, and no process id means the calling one.
            // It comes first, being what may be refused.
            rustix::process::setpriority_process(None, nice)?;
            set_policy(libc::SCHED_OTHER, 0)
        }
        Priority::Realtime(level) => set_policy(libc::SCHED_FIFO, level.into()),
    }
}

#[cfg(target_os = "linux")]
fn set_policy(policy: libc::c_int, level: libc::c_int) -> io::Result<()> {
    // SAFETY: `sched_param` is made of integers, for which zero is a value.
    let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    parameters.sched_priority = level;
    // SAFETY: it takes no argument and returns the calling thread.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: the thread is the calling one, thus alive, and the parameters outlive the call, which
    // only reads them.
    let error = unsafe { libc::pthread_setschedparam(thread, policy, &raw const parameters) };
    if error == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(error))
    }
}

#[cfg(not(target_os = "linux"))]
fn set(_priority: Priority) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "thread priorities can only be set on Linux",
    ))
}
