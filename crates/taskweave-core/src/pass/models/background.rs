//! Passes that nobody's stack waits for, and vertices that end elsewhere.

use std::sync::Arc;

use taskweave_sys::sync::Mutex;

use super::{Marks, helper, pass, shared, vertex};
use crate::model::{body, check};
use crate::pass::{Completion, FrozenPass, PassPlan, Verdict};

/// Marks its own end.
struct Captured(Marks);

impl Drop for Captured {
    fn drop(&mut self) {
        self.0.add(1);
    }
}

/// The graph is dropped while its pass may be anywhere. The body runs, and is dropped once, afterwards.
#[test]
fn a_start_meets_the_drop_of_the_graph() {
    check(2, |order| {
        let (shared, marks) = (shared(), Marks::new());
        let captured = Captured(marks.clone());
        let only = vertex("only", move || {
            captured.0.add(0);
            Verdict::Continue
        });
        let mut frozen = FrozenPass::freeze(vec![only], &[]).unwrap();
        let owner = {
            let shared = Arc::clone(&shared);
            body(move || {
                let running = frozen.start_in(&shared, None).unwrap();
                drop(frozen);
                assert_eq!(running.wait().unwrap().executed, 1);
            })
        };
        order.run(vec![owner, helper(&shared)]);
        assert_eq!([marks.read(0), marks.read(1)], [1, 1]);
    });
}

/// Two sinks end on two threads: who waits sees what both did, and may start the graph again at once.
#[test]
fn a_wait_sees_what_a_started_pass_did() {
    check(2, |order| {
        let (shared, marks) = (shared(), Marks::new());
        let specs = (0..2)
            .map(|index| {
                let marks = marks.clone();
                vertex("sink", move || {
                    marks.add(index);
                    Verdict::Continue
                })
            })
            .collect();
        let mut frozen = FrozenPass::freeze(specs, &[]).unwrap();
        let owner = {
            let (shared, marks) = (Arc::clone(&shared), marks.clone());
            body(move || {
                for round in 1..3 {
                    let running = frozen.start_in(&shared, None).unwrap();
                    assert_eq!(running.wait().unwrap().pass, u64::from(round) - 1);
                    assert_eq!([marks.read(0), marks.read(1)], [round; 2]);
                }
            })
        };
        order.run(vec![owner, helper(&shared)]);
    });
}

/// A body hands its completion on and uses it itself as well: one of the two counts. The vertex doesn't end under its body, and what is left over
/// from the first pass is refused in the second.
#[test]
fn a_completion_meets_the_body_and_the_next_pass() {
    check(2, |order| {
        let (shared, marks) = (shared(), Marks::new());
        let handed: Arc<Mutex<Option<Completion>>> = Arc::new(Mutex::new(None));
        let mut plan = PassPlan::new();
        let (mark, hand) = (marks.clone(), Arc::clone(&handed));
        let mut first = true;
        let begun = move |completion: Completion| {
            mark.add(0);
            if std::mem::take(&mut first) {
                *hand.lock().unwrap() = Some(completion.clone());
                let _ = completion.complete();
            } else {
                completion.complete().unwrap();
            }
            mark.add(1);
        };
        plan.begin("begin".into(), 0, Box::new(begun));
        let mark = marks.clone();
        plan.vertex(vertex("after", move || {
            mark.add(2);
            Verdict::Continue
        }));
        plan.edge(0, 1);
        let mut frozen = plan.freeze().unwrap();
        let owner = {
            let shared = Arc::clone(&shared);
            body(move || {
                for _ in 0..2 {
                    assert_eq!(pass(&shared, &mut frozen, None).unwrap().executed, 2);
                }
            })
        };
        let other = {
            let handed = Arc::clone(&handed);
            body(move || {
                let completion = handed.lock().unwrap().take();
                if let Some(completion) = completion {
                    let _ = completion.complete();
                }
            })
        };
        order.run(vec![owner, other]);
        drop(handed.lock().unwrap().take());
        assert_eq!([0, 1, 2].map(|mark| marks.read(mark)), [2; 3]);
    });
}

/// The last completion is dropped by a body that stops the pass right afterwards, while the vertex's own body may go on: either the vertex fails, or it was skipped,
/// but the pass ends, and the next one is clean.
#[test]
fn the_last_completions_drop_meets_the_body_and_a_stop() {
    /// `None`: closed, so that whoever comes late drops its completion itself.
    type Desk = Mutex<Option<Vec<Completion>>>;
    check(2, |order| {
        let (shared, marks) = (shared(), Marks::new());
        let desk: Arc<Desk> = Arc::new(Mutex::new(Some(Vec::new())));
        let mut plan = PassPlan::new();
        let (mark, hand) = (marks.clone(), Arc::clone(&desk));
        let begun = move |completion: Completion| {
            mark.add(0);
            let late = match &mut *hand.lock().unwrap() {
                Some(handed) => {
                    handed.push(completion);
                    None
                }
                None => Some(completion),
            };
            // After the lock.
            drop(late);
        };
        plan.begin("begin".into(), 0, Box::new(begun));
        let hand = Arc::clone(&desk);
        plan.vertex(vertex("stop", move || {
            let handed = hand.lock().unwrap().take();
            drop(handed);
            Verdict::Stop
        }));
        let mark = marks.clone();
        plan.vertex(vertex("after", move || {
            mark.add(1);
            Verdict::Continue
        }));
        plan.edge(0, 2);
        let mut frozen = plan.freeze().unwrap();
        let owner = {
            let (shared, marks) = (Arc::clone(&shared), marks.clone());
            body(move || {
                for _ in 0..2 {
                    let before = marks.read(0);
                    match pass(&shared, &mut frozen, None) {
                        Ok(report) => {
                            assert_eq!((report.executed, report.skipped), (1, 2));
                            assert_eq!(marks.read(0), before, "it began and never ended");
                        }
                        Err(error) => {
                            assert_eq!(&*error.vertex, "begin");
                            assert_eq!(marks.read(0), before + 1);
                        }
                    }
                    *desk.lock().unwrap() = Some(Vec::new());
                }
            })
        };
        order.run(vec![owner, helper(&shared)]);
        assert_eq!(marks.read(1), 0);
    });
}
