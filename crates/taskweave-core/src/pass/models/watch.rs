//! Who watches a vertex, and who sends it.

use std::sync::Arc;

use taskweave_sys::inbox::Pop;

use super::{KIND, Marks, two_before_one, two_before_one_plan, vertex};
use crate::model::{Body, Order, body, check};
use crate::pass::{FrozenPass, Verdict};
use crate::pool::Pool;
use crate::shared::Shared;
use crate::thread;

/// Two slots, whose workers know that bodies are worth the way to the other.
fn shared() -> Arc<Shared> {
    let builder = Pool::builder()
        .worker_threads(2)
        .queue_capacity(2)
        .spin_us(0);
    let shared = Shared::new(builder.check().unwrap());
    for slot in &shared.slots {
        slot.worker.kinds.record(KIND, u64::MAX);
    }
    shared
}

/// In slot `index`, runs what `begin` hands out, and what has come there meanwhile.
fn occupy(shared: &Shared, index: usize, begin: impl FnOnce(&crate::worker::Worker)) {
    let slot = &shared.slots[index];
    thread::set_current(&slot.worker);
    begin(&slot.worker);
    loop {
        while let Some(task) = slot.worker.owner.pop() {
            slot.worker.run(task);
        }
        match slot.inbox.try_pop() {
            Pop::Taken(task) => slot.worker.run(task),
            Pop::Busy => taskweave_sys::sync::thread::yield_now(),
            Pop::Empty => break,
        }
    }
    slot.worker.enter_ends();
    thread::set_current(core::ptr::null());
}

fn worker(shared: &Arc<Shared>, frozen: &Arc<FrozenPass<'static>>, index: usize) -> Body<()> {
    let (shared, frozen) = (Arc::clone(shared), Arc::clone(frozen));
    body(move || {
        let root = frozen.core.task(index as u32);
        occupy(&shared, index, |worker| worker.run(root));
    })
}

/// Two workers run one of the first two vertices each, pass after pass.
fn passes(order: &Order, shared: &Arc<Shared>, frozen: FrozenPass<'static>, count: usize) {
    let mut frozen = Arc::new(frozen);
    for _ in 0..count {
        Arc::get_mut(&mut frozen).unwrap().begin(shared, None);
        order.run(vec![worker(shared, &frozen, 0), worker(shared, &frozen, 1)]);
        // What one has sent to the other, who had left by then.
        (0..2).for_each(|index| occupy(shared, index, |_| ()));
        // SAFETY: all vertices have ended, which the caller checks by what they have done.
        unsafe { frozen.core.finish() }.unwrap();
    }
}

/// Each of two workers runs one of the two vertices before the third, and has nothing else: the first watches until it gives up, and the last leaves the
/// vertex to it, or takes it, or sends it to its place. It runs once, after both. The next pass finds nobody who watches.
#[test]
fn a_watched_vertex_runs_once_after_all() {
    check(2, |order| {
        let (shared, marks) = (shared(), Marks::new());
        passes(&order, &shared, two_before_one(&marks), 2);
        assert_eq!([0, 1, 2].map(|vertex| marks.read(vertex)), [2; 3]);
    });
}

/// As above, but one of the two has another successor and would not watch the first.
#[test]
fn whoever_has_more_to_do_leaves_a_watched_vertex() {
    check(2, |order| {
        let (shared, marks) = (shared(), Marks::new());
        let mut plan = two_before_one_plan(&marks);
        let beside = plan.vertex(vertex("beside", || Verdict::Continue));
        plan.edge(1, beside);
        passes(&order, &shared, plan.freeze().unwrap(), 1);
        assert_eq!([0, 1, 2].map(|vertex| marks.read(vertex)), [1; 3]);
    });
}
