//! async-channel, async-lock, event-listener and tokio's `sync` on a pool.

use std::sync::Arc;

use taskweave::{spawn_future, yield_now};
use taskweave_testing::{Count, each_size, inside_and_outside, rounds, watch};

#[test]
fn async_channel_carries_everything_once() {
    let _watch = watch();
    let each = rounds(2000, 200_000) as u64;
    inside_and_outside(|pool| {
        let (send, receive) = async_channel::bounded(3);
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let send = send.clone();
                pool.spawn_future(async move {
                    for i in 0..each {
                        send.send(sender * each + i).await.unwrap();
                    }
                })
            })
            .collect();
        drop(send);
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let receive = receive.clone();
                pool.spawn_future(async move {
                    let mut sum = 0;
                    while let Ok(item) = receive.recv().await {
                        sum += item;
                    }
                    sum
                })
            })
            .collect();
        for sender in senders {
            sender.wait().unwrap();
        }
        let sum: u64 = receivers.into_iter().map(|each| each.wait().unwrap()).sum();
        assert_eq!(sum, (0..4 * each).sum());
    });
}

#[test]
fn async_lock_excludes() {
    let _watch = watch();
    each_size(|pool| {
        let (lock, permits) = (
            Arc::new(async_lock::Mutex::new(0)),
            Arc::new(async_lock::Semaphore::new(2)),
        );
        let barrier = Arc::new(async_lock::Barrier::new(20));
        let handles: Vec<_> = (0..20)
            .map(|_| {
                let (lock, permits, barrier) = (
                    Arc::clone(&lock),
                    Arc::clone(&permits),
                    Arc::clone(&barrier),
                );
                pool.spawn_future(async move {
                    barrier.wait().await;
                    for _ in 0..rounds(50, 5000) {
                        let _permit = permits.acquire().await;
                        let mut count = lock.lock().await;
                        let before = *count;
                        yield_now().await;
                        *count = before + 1;
                    }
                })
            })
            .collect();
        for handle in handles {
            handle.wait().unwrap();
        }
        let count = pool.block_on(async { *lock.lock().await });
        assert_eq!(count, 20 * rounds(50, 5000));
    });
}

#[test]
fn event_listener_notifies() {
    let _watch = watch();
    each_size(|pool| {
        let event = Arc::new(event_listener::Event::new());
        let count = Count::new();
        let handles: Vec<_> = (0..50)
            .map(|_| {
                let listener = event.listen();
                let count = count.clone();
                pool.spawn_future(async move {
                    listener.await;
                    count.tick();
                })
            })
            .collect();
        for _ in 0..50 {
            event.notify_additional(1);
        }
        for handle in handles {
            handle.wait().unwrap();
        }
        assert_eq!(count.get(), 50);
    });
}

#[test]
fn tokios_sync_works() {
    use tokio::sync::{Mutex, Notify, broadcast, mpsc, oneshot, watch as watched};
    let _watch = watch();
    each_size(|pool| {
        let (send, mut receive) = mpsc::channel(2);
        let (one, answer) = oneshot::channel();
        let (news, mut reader) = watched::channel(0);
        let (cast, mut listener) = broadcast::channel(16);
        let (lock, notify) = (Arc::new(Mutex::new(0)), Arc::new(Notify::new()));
        let (own, notified) = (Arc::clone(&lock), Arc::clone(&notify));
        let consumer = pool.spawn_future(async move {
            let mut sum = 0;
            while let Some(item) = receive.recv().await {
                sum += item;
                *own.lock().await += 1;
            }
            notified.notified().await;
            reader.wait_for(|value| *value == 7).await.unwrap();
            sum += listener.recv().await.unwrap();
            one.send(sum).unwrap();
        });
        let producer = pool.spawn_future(async move {
            let parts: Vec<_> = (0..10)
                .map(|part| {
                    let send = send.clone();
                    spawn_future(async move {
                        for i in 0..100 {
                            send.send(part * 100 + i).await.unwrap();
                        }
                    })
                })
                .collect();
            for part in parts {
                part.await.unwrap();
            }
            drop(send);
            cast.send(1).unwrap();
            news.send(7).unwrap();
            notify.notify_one();
        });
        producer.wait().unwrap();
        consumer.wait().unwrap();
        assert_eq!(pool.block_on(answer).unwrap(), 499_501);
        assert_eq!(*pool.block_on(lock.lock()), 1000);
    });
}
