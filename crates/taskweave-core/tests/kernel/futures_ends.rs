//! How futures end other than by themselves: cancelled, dropped, shut down.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use taskweave_core::{Shutdown, TaskError, yield_now};
use taskweave_testing::{Count, Dropped, Gate, each_pool, each_size, pool, until, watch};

use crate::futures::Event;

#[test]
fn a_waiting_future_is_cancelled_and_dropped() {
    let _watch = watch();
    each_size(|pool| {
        let drops = Count::new();
        let event = Event::default();
        let (dropped, waiting) = (Dropped(drops.clone()), event.clone());
        let handle = pool.spawn_future(async move {
            let _dropped = dropped;
            waiting.await;
        });
        until(|| event.waiters() == 1);
        assert!(handle.cancel());
        assert_eq!(drops.get(), 1);
        assert!(matches!(handle.wait(), Err(TaskError::Cancelled)));
        // After the end.
        event.set();
    });
}

#[test]
fn a_future_that_is_polled_is_cancelled_after_the_poll() {
    let _watch = watch();
    each_size(|pool| {
        let (begun, gate) = (Gate::new(), Gate::new());
        let (begin, go_on) = (begun.clone(), gate.clone());
        let drops = Count::new();
        let dropped = Dropped(drops.clone());
        let handle = pool.spawn_future(async move {
            let _dropped = dropped;
            begin.open();
            go_on.pass();
            pending::<()>().await;
        });
        begun.pass();
        assert!(!handle.cancel());
        assert_eq!(drops.get(), 0);
        gate.open();
        assert!(matches!(handle.wait(), Err(TaskError::Cancelled)));
        assert_eq!(drops.get(), 1);
    });
}

#[test]
fn a_token_cancels_futures_that_wait() {
    use taskweave_core::CancelToken;
    let _watch = watch();
    each_size(|pool| {
        let token = CancelToken::new();
        let child = token.child();
        let drops = Count::new();
        let handles: Vec<_> = (0..100)
            .map(|i| {
                let dropped = Dropped(drops.clone());
                let token = if i % 2 == 0 { &token } else { &child };
                pool.task()
                    .name("waits")
                    .cancel_with(token)
                    .spawn_future(async move {
                        let _dropped = dropped;
                        pending::<()>().await;
                    })
            })
            .collect();
        let ended = pool.task().cancel_with(&token).spawn_future(async { 1 });
        assert_eq!(ended.wait().unwrap(), 1);
        token.cancel();
        for handle in handles {
            assert!(matches!(handle.wait(), Err(TaskError::Cancelled)));
        }
        assert_eq!(drops.get(), 100);
        let late = pool.task().cancel_with(&child).spawn_future(async {});
        assert!(matches!(late.wait(), Err(TaskError::Cancelled)));
    });
}

#[test]
fn a_limit_is_refused() {
    let pool = pool(1);
    let limit = taskweave_core::Limit::new(1);
    let handle = pool.task().limit(&limit).spawn_future(async {});
    let Err(TaskError::Failed(why)) = handle.wait() else {
        panic!("refused");
    };
    assert!(why.to_string().contains("semaphore"));
}

#[test]
fn a_detached_future_goes_on() {
    let _watch = watch();
    each_size(|pool| {
        let event = Event::default();
        let drops = Count::new();
        let (waiting, dropped) = (event.clone(), Dropped(drops.clone()));
        drop(pool.spawn_future(async move {
            waiting.await;
            dropped
        }));
        until(|| event.waiters() == 1);
        event.set();
        until(|| drops.get() == 1);
    });
}

#[test]
fn a_waker_outlives_its_pool() {
    let _watch = watch();
    each_pool(|pool| {
        let event = Event::default();
        let handle = pool.spawn_future(event.clone());
        until(|| event.waiters() == 1);
        drop(pool);
        assert!(matches!(handle.wait(), Err(TaskError::Shutdown)));
        let clones = event.wakers();
        event.set();
        clones.into_iter().for_each(Waker::wake);
    });
}

#[test]
fn a_future_may_own_its_pool() {
    let _watch = watch();
    let pool = Arc::new(pool(2));
    let own = Arc::clone(&pool);
    let done = Gate::new();
    let said = done.clone();
    drop(pool.spawn_future(async move {
        yield_now().await;
        drop(own);
        said.open();
    }));
    drop(pool);
    done.pass();
}

#[test]
fn abandoned_futures_say_so() {
    let _watch = watch();
    each_pool(|pool| {
        let drops = Count::new();
        let handles: Vec<_> = (0..200)
            .map(|_| {
                let dropped = Dropped(drops.clone());
                pool.spawn_future(async move {
                    let _dropped = dropped;
                    loop {
                        yield_now().await;
                    }
                })
            })
            .collect();
        pool.shutdown(Shutdown::Abandon, None).unwrap();
        assert_eq!(drops.get(), 200);
        for handle in handles {
            assert!(matches!(handle.wait(), Err(TaskError::Shutdown)));
        }
        let late = pool.spawn_future(async {});
        assert!(matches!(late.wait(), Err(TaskError::Shutdown)));
    });
}

#[test]
fn a_drain_waits_for_what_can_move() {
    let _watch = watch();
    each_pool(|pool| {
        let event = Event::default();
        let waiting = event.clone();
        let handle = pool.spawn_future(async move {
            waiting.await;
            for _ in 0..10 {
                yield_now().await;
            }
            3
        });
        let never = pool.spawn_future(pending::<()>());
        until(|| event.waiters() == 1);
        let patience = Some(std::time::Duration::from_millis(20));
        assert!(pool.shutdown(Shutdown::Drain, patience).is_err());
        assert!(matches!(never.wait(), Err(TaskError::Shutdown)));
        event.set();
        pool.shutdown(Shutdown::Drain, None).unwrap();
        assert_eq!(handle.wait().unwrap(), 3);
    });
}

#[test]
fn a_drain_ends_when_the_last_waker_is_dropped() {
    let _watch = watch();
    each_pool(|pool| {
        let event = Event::default();
        let waits = event.clone();
        let mut first = true;
        let handle = pool.spawn_future(poll_fn(move |context| {
            if std::mem::take(&mut first) {
                assert!(Pin::new(&mut waits.clone()).poll(context).is_pending());
            }
            Poll::<()>::Pending
        }));
        until(|| event.waiters() == 1);
        let patience = Some(std::time::Duration::from_millis(5));
        assert!(pool.shutdown(Shutdown::Drain, patience).is_err());
        assert!(!handle.is_finished());
        event.forget();
        pool.shutdown(Shutdown::Drain, None).unwrap();
        assert!(matches!(handle.wait(), Err(TaskError::Shutdown)));
    });
}

#[test]
fn a_dropped_pool_polls_once_more_and_drops() {
    let _watch = watch();
    each_pool(|pool| {
        let ready = pool.spawn_future(async { 1 });
        let drops = Count::new();
        let dropped = Dropped(drops.clone());
        let event = Event::default();
        let waiting = event.clone();
        let waits = pool.spawn_future(async move {
            let _dropped = dropped;
            waiting.await;
        });
        drop(pool);
        assert_eq!(ready.wait().unwrap(), 1);
        assert!(matches!(waits.wait(), Err(TaskError::Shutdown)));
        assert_eq!(drops.get(), 1);
        event.set();
    });
}
