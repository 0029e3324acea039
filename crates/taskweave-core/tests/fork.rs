//! A user's own `fork`, while a pool is at work: the child computes, executes something else, ends, or even misuses the pool that it has
//! inherited, and the parent's pool goes on as if nothing had happened. Without the test harness, which a child must not return to.

#[cfg(not(all(target_os = "linux", not(any(taskweave_loom, taskweave_shuttle)))))]
fn main() {}

#[cfg(all(target_os = "linux", not(any(taskweave_loom, taskweave_shuttle))))]
fn main() {
    linux::main();
}

#[cfg(all(target_os = "linux", not(any(taskweave_loom, taskweave_shuttle))))]
mod linux {
    use std::ptr;
    use std::sync::Arc;

    use taskweave_core::{Pool, join, scope};

    use taskweave_testing::{Count, Gate, block_on, busy, pool, until, watch};

    /// How a child ended.
    #[derive(Debug, PartialEq)]
    enum End {
        Exited(i32),
        Killed(i32),
    }

    /// Forks, has the child call `act` and end with its value, and waits for it.
    fn in_a_child(act: impl FnOnce() -> i32) -> End {
        // SAFETY: the child calls nothing but `act`, written for it, and `_exit`.
        match unsafe { libc::fork() } {
            0 => {
                let code = act();
                // SAFETY: it only ends the process.
                unsafe { libc::_exit(code) }
            }
            -1 => panic!("no child can be had: {}", std::io::Error::last_os_error()),
            child => wait_for(child),
        }
    }

    fn wait_for(child: libc::pid_t) -> End {
        let mut status = 0;
        loop {
            // SAFETY: the status is ours to write to.
            let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
            if ended == child {
                break;
            }
            let error = std::io::Error::last_os_error();
            assert_eq!(error.kind(), std::io::ErrorKind::Interrupted, "{error}");
        }
        if libc::WIFEXITED(status) {
            End::Exited(libc::WEXITSTATUS(status))
        } else {
            End::Killed(libc::WTERMSIG(status))
        }
    }

    fn compute() -> i32 {
        i32::from(busy(100_000) != 0) * 7
    }

    fn execute() -> i32 {
        let path = c"/bin/true";
        let arguments = [path.as_ptr(), ptr::null()];
        // SAFETY: the path and the list of arguments end with null, as they have to.
        unsafe { libc::execv(path.as_ptr(), arguments.as_ptr()) };
        99
    }

    /// Nothing of this is supported. It may hang, but not for long.
    fn misuse(pool: &Pool) -> i32 {
        // SAFETY: it only sets a timer.
        unsafe { libc::alarm(1) };
        drop(pool.spawn(|| ()));
        let mut handle = pool.spawn(|| 1);
        let _ = handle.try_wait();
        drop(handle);
        let _ = pool.metrics();
        let _ = pool.dump();
        pool.scope(|s| s.spawn(|| ()));
        7
    }

    /// The pool does all that it did before.
    fn works(pool: &Pool) {
        assert_eq!(block_on(pool.spawn(|| 3)).unwrap(), 3);
        assert_eq!(pool.install(|| join(|| 1, || 2)), (1, 2));
        let count = Count::new();
        pool.scope(|s| {
            for _ in 0..1000 {
                s.spawn(|| scope(|s| s.spawn(|| count.tick())));
            }
        });
        assert_eq!(count.get(), 1000);
    }

    fn children(pool: &Pool) {
        assert_eq!(in_a_child(|| 0), End::Exited(0));
        assert_eq!(in_a_child(compute), End::Exited(7));
        assert_eq!(in_a_child(execute), End::Exited(0));
        let end = in_a_child(|| misuse(pool));
        assert!(
            [End::Exited(7), End::Killed(libc::SIGALRM)].contains(&end),
            "{end:?}"
        );
    }

    pub(crate) fn main() {
        for workers in [1, 2, 8] {
            let _watch = watch();
            let pool = Arc::new(pool(workers));
            works(&pool);
            children(&pool);
            works(&pool);
            from_a_body(&pool);
            works(&pool);
            while_it_is_busy(&pool);
            works(&pool);
        }
        println!("fork: ok");
    }

    /// The forking thread is a worker.
    fn from_a_body(pool: &Arc<Pool>) {
        let inner = Arc::clone(pool);
        block_on(pool.spawn(move || children(&inner))).unwrap();
    }

    fn while_it_is_busy(pool: &Arc<Pool>) {
        let (over, rounds) = (Gate::new(), Count::new());
        std::thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    while !over.is_open() {
                        works(pool);
                        rounds.tick();
                    }
                });
            }
            for _ in 0..3 {
                let before = rounds.get();
                children(pool);
                until(|| rounds.get() > before + 2);
            }
            over.open();
        });
    }
}
