//! A log that merges what nobody stands between.
//!
//! ```text
//!   base      node 4         node 7        (node 9: not made yet)
//!    │   ┌────────────┐  ┌────────────┐
//!    └─▶ │ merged sum │  │ merged sum │       ▲
//!        └────────────┘  └────────────┘       │
//!          ▲ ▲             ▲                  │
//!        2 marks         1 mark             1 mark, at the end
//! ```
//!
//! A *mark* stands before the first node that its holder hasn't taken. What is added goes into the newest node, unless a mark stands behind it or somebody looks at it; then
//! a new node is made. A node before which no mark stands may be absorbed by the one before it, and nodes before all marks are given up. So there are at
//! most as many nodes as marks, and the newest.
//!
//! Who takes nodes gets references to them and folds outside of whatever lock protects the log. A node with such references is *pinned*: it is neither added to
//! nor absorbed nor does it absorb. If the log has given it up, its last holder owns it and may move out what it holds.

use std::collections::VecDeque;

use taskweave_sys::{mutated, sync::Arc};

use crate::Chainable;

/// Merged batches, and where their readers stand.
#[derive(Debug)]
pub(crate) struct Log<T> {
    nodes: VecDeque<Node<T>>,
    /// What the next node will be called.
    next: u64,
    /// Marks behind all nodes.
    marks_at_end: usize,
    marks: usize,
}

#[derive(Debug)]
struct Node<T> {
    name: u64,
    value: Arc<T>,
    /// Marks right before it.
    marks: usize,
}

/// Where a reader stands: before the node of this name. Given back to the log that made it.
#[derive(Debug)]
#[must_use]
pub(crate) struct Mark(u64);

impl<T: Chainable> Log<T> {
    pub(crate) fn new() -> Self {
        Self {
            nodes: VecDeque::new(),
            next: 0,
            marks_at_end: 0,
            marks: 0,
        }
    }

    /// The base and the nodes.
    pub(crate) fn length(&self) -> usize {
        1 + self.nodes.len()
    }

    /// What all nodes hold, counted.
    pub(crate) fn entries(&self) -> usize {
        self.nodes.iter().map(|node| node.value.entries()).sum()
    }

    /// Whether anybody will take what is added.
    pub(crate) fn is_read(&self) -> bool {
        self.marks > 0
    }

    /// A mark behind all that has been added.
    pub(crate) fn mark(&mut self) -> Mark {
        self.marks += 1;
        self.marks_at_end += 1;
        Mark(self.next)
    }

    /// Where to add: the newest node if nothing forbids, else a new one.
    pub(crate) fn open(&mut self) -> &mut T {
        let closed = self.marks_at_end > 0 && !mutated!("log-adds-behind-a-mark");
        let pinned = |node: &mut Node<T>| Arc::get_mut(&mut node.value).is_none();
        if closed || self.nodes.back_mut().is_none_or(pinned) {
            self.nodes.push_back(Node {
                name: self.next,
                value: Arc::new(T::default()),
                marks: std::mem::take(&mut self.marks_at_end),
            });
            self.next += 1;
        }
        let newest = self.nodes.back_mut();
        match newest.and_then(|node| Arc::get_mut(&mut node.value)) {
            Some(value) => value,
            None => unreachable!("the newest node was just found free, or made"),
        }
    }

    /// Hands out what is behind the mark, and moves it to the end.
    pub(crate) fn take(&mut self, mark: &mut Mark, out: &mut VecDeque<Arc<T>>) {
        let from = self.place(mark);
        out.extend(self.nodes.range(from..).map(|node| Arc::clone(&node.value)));
        self.leave(from);
        self.marks_at_end += 1;
        *mark = Mark(self.next);
        self.drop_read();
    }

    /// Hands out what is behind the mark, and takes the mark back.
    pub(crate) fn take_last(&mut self, mark: Mark, out: &mut VecDeque<Arc<T>>) {
        let from = self.place(&mark);
        out.extend(self.nodes.range(from..).map(|node| Arc::clone(&node.value)));
        self.leave(from);
        self.marks -= 1;
        self.drop_read();
    }

    /// Takes the mark back.
    pub(crate) fn unmark(&mut self, mark: Mark) {
        let place = self.place(&mark);
        self.leave(place);
        self.marks -= 1;
        self.drop_read();
        self.compact();
    }

    /// Absorbs every node before which no mark stands, but the newest, into the one before it, where neither is pinned.
    pub(crate) fn compact(&mut self) {
        let mut at = 1;
        // The newest is left alone: what comes next is added to it, and one node more is all that it costs.
        while at + 1 < self.nodes.len() {
            if self.nodes[at].marks > 0 || !self.absorb(at) {
                at += 1;
            }
        }
    }

    /// Moves node `at` into the one before it. False if one of them is pinned.
    fn absorb(&mut self, at: usize) -> bool {
        let node = &mut self.nodes[at];
        let Some(value) = Arc::get_mut(&mut node.value) else {
            return false;
        };
        let mut value = std::mem::take(value);
        let merged = match Arc::get_mut(&mut self.nodes[at - 1].value) {
            Some(before) => {
                before.absorb(&mut value);
                before.tidy();
                true
            }
            None => false,
        };
        if merged {
            self.nodes.remove(at);
        } else if let Some(node) = Arc::get_mut(&mut self.nodes[at].value) {
            *node = value;
        }
        merged
    }

    /// The index of the first node that the mark's holder hasn't taken.
    fn place(&self, mark: &Mark) -> usize {
        // Names grow, and a node with a mark is never absorbed.
        self.nodes.partition_point(|node| node.name < mark.0)
    }

    fn leave(&mut self, place: usize) {
        match self.nodes.get_mut(place) {
            Some(node) => node.marks -= 1,
            None => self.marks_at_end -= 1,
        }
    }

    /// Gives up what is before all marks.
    fn drop_read(&mut self) {
        while self.nodes.front().is_some_and(|node| node.marks == 0) {
            self.nodes.pop_front();
        }
    }
}

/// A node that was taken: what it holds, if nobody else needs it.
pub(crate) fn sole<T>(node: Arc<T>) -> Result<T, Arc<T>> {
    Arc::try_unwrap(node)
}

#[cfg(all(test, not(any(taskweave_loom, taskweave_shuttle))))]
mod tests;
