//! Handles and timers under other executors.

use std::time::Duration;

use taskweave::{Pool, sleep, timeout, yield_now};
use taskweave_testing::{each_size, watch};

async fn everything(pool: &Pool) -> u32 {
    let task = pool.spawn(|| 1);
    let future = pool.spawn_future(async {
        yield_now().await;
        sleep(Duration::from_millis(1)).await;
        2
    });
    sleep(Duration::from_millis(1)).await;
    let never = timeout(Duration::from_millis(1), std::future::pending::<()>());
    assert!(never.await.is_err());
    yield_now().await;
    task.await.unwrap() + future.await.unwrap()
}

#[test]
fn under_tokio() {
    let _watch = watch();
    each_size(|pool| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        assert_eq!(runtime.block_on(everything(pool)), 3);
    });
}

/// smol's own `block_on` is this one.
#[test]
fn under_smol() {
    let _watch = watch();
    each_size(|pool| assert_eq!(futures_lite::future::block_on(everything(pool)), 3));
}

/// Tokio's timers and sockets need their driver; what they wake is a future here.
#[test]
fn a_tokio_reactor_beside_the_pool() {
    let _watch = watch();
    each_size(|pool| {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let context = runtime.handle().clone();
        std::thread::scope(|s| {
            s.spawn(|| runtime.block_on(async { stopped.await.unwrap_err() }));
            let slept = pool.spawn_future(async move {
                let sleep = {
                    let _context = context.enter();
                    tokio::time::sleep(Duration::from_millis(2))
                };
                sleep.await;
                5
            });
            assert_eq!(slept.wait().unwrap(), 5);
            drop(stop);
        });
    });
}
