//! Cancelling what hasn't begun.

use std::sync::Arc;

use taskweave_core::{CancelToken, TaskError};

use taskweave_testing::{Count, Dropped, Gate, Hits, block_on, each_pool, pool, watch};

#[test]
fn a_token_cancels_what_has_not_begun() {
    let _watch = watch();
    let pool = pool(1);
    let (began, gate, token) = (Gate::new(), Gate::new(), CancelToken::new());
    let (begin, hold) = (began.clone(), gate.clone());
    let running = pool.task().cancel_with(&token).spawn(move || {
        begin.open();
        hold.pass();
        1
    });
    began.pass();
    let drops = Count::new();
    let queued: Vec<_> = (0..50)
        .map(|_| {
            let dropped = Dropped(drops.clone());
            pool.task().cancel_with(&token).spawn(move || drop(dropped))
        })
        .collect();
    let untouched = pool.spawn(|| 2);
    token.cancel();
    assert!(token.is_cancelled());
    gate.open();
    for handle in queued {
        assert!(matches!(block_on(handle), Err(TaskError::Cancelled)));
    }
    assert_eq!(drops.get(), 50, "the closures are dropped");
    assert_eq!(running.wait().unwrap(), 1, "what has begun goes on");
    assert_eq!(untouched.wait().unwrap(), 2);
    let late = pool.task().cancel_with(&token).spawn(|| 3);
    assert!(matches!(late.wait(), Err(TaskError::Cancelled)));
}

#[test]
fn a_tree_of_tokens() {
    let root = CancelToken::new();
    let left = root.child();
    let right = root.child();
    let leaf = left.child();
    let state = || [&root, &left, &right, &leaf].map(CancelToken::is_cancelled);
    assert_eq!(state(), [false; 4]);
    left.cancel();
    assert_eq!(state(), [false, true, false, true]);
    left.clone().cancel();
    root.cancel();
    assert_eq!(state(), [true; 4]);
    assert!(leaf.child().is_cancelled() && root.child().child().is_cancelled());
    assert!(!CancelToken::new().is_cancelled());
    // Also through one that nobody has any more.
    let root = CancelToken::new();
    let leaf = root.child().child().child();
    assert!(!leaf.is_cancelled());
    root.cancel();
    assert!(leaf.is_cancelled());
    assert_eq!(
        format!("{leaf:?}"),
        "CancelToken { is_cancelled: true, .. }"
    );
}

#[test]
fn a_deep_and_wide_tree() {
    let root = CancelToken::new();
    let mut deep = root.clone();
    let mut kept = Vec::new();
    for _ in 0..100_000 {
        deep = deep.child();
        kept.push(deep.clone());
    }
    for _ in 0..100_000 {
        // Children that are gone are not remembered for ever.
        drop(root.child());
    }
    let wide: Vec<_> = (0..1000).map(|_| root.child()).collect();
    root.cancel();
    assert!(deep.is_cancelled() && wide.iter().all(CancelToken::is_cancelled));
    drop((root, kept));
    // The last owner of all its ancestors.
    drop(deep);
}

#[test]
fn children_made_while_the_parent_is_cancelled() {
    let _watch = watch();
    for _ in 0..300 {
        let root = CancelToken::new();
        let children = std::thread::scope(|s| {
            let maker = s.spawn(|| (0..100).map(|_| root.child().child()).collect::<Vec<_>>());
            root.cancel();
            maker.join().unwrap()
        });
        assert!(children.iter().all(CancelToken::is_cancelled));
    }
}

#[test]
fn a_body_may_ask() {
    let _watch = watch();
    each_pool(|pool| {
        let (token, began) = (CancelToken::new(), Gate::new());
        let (asked, begin) = (token.clone(), began.clone());
        let handle = pool.task().cancel_with(&token).spawn(move || {
            begin.open();
            while !asked.is_cancelled() {
                std::thread::yield_now();
            }
            "ended by itself"
        });
        began.pass();
        token.cancel();
        assert_eq!(handle.wait().unwrap(), "ended by itself");
    });
}

#[test]
fn each_task_is_either_run_or_cancelled_by_one_of_many() {
    let _watch = watch();
    const TASKS: usize = 500;
    each_pool(|pool| {
        let (ran, cancelled) = (Hits::new(TASKS), Hits::new(TASKS));
        let handles: Vec<_> = (0..TASKS)
            .map(|i| {
                let ran = Arc::clone(&ran);
                pool.spawn(move || ran.hit(i))
            })
            .collect();
        std::thread::scope(|s| {
            for thread in 0..3 {
                let (handles, cancelled) = (&handles, &cancelled);
                s.spawn(move || {
                    for i in 0..TASKS {
                        let i = if thread == 1 { TASKS - 1 - i } else { i };
                        if handles[i].cancel() {
                            cancelled.hit(i);
                        }
                    }
                });
            }
        });
        for (i, handle) in handles.into_iter().enumerate() {
            match handle.wait() {
                Ok(()) => cancelled.hit(i),
                Err(TaskError::Cancelled) => ran.hit(i),
                Err(other) => panic!("{other}"),
            }
        }
        ran.assert_each(1);
        cancelled.assert_each(1);
    });
}
