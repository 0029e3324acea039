//! Which task comes, perhaps through others, before which.

/// Answers about one graph without cycles. Each source that is asked about is searched once, in time linear in tasks and edges.
pub(super) struct Reach<'a> {
    successors: &'a [Vec<u32>],
    /// In an order that all edges keep to.
    position: Vec<u32>,
    /// The source that was searched last, the number of that search, and the last one that came to each task.
    source: Option<u32>,
    search: u32,
    reached_in: Vec<u32>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(successors: &'a [Vec<u32>]) -> Self {
        let count = successors.len();
        let mut left = vec![0_u32; count];
        for &next in successors.iter().flatten() {
            left[next as usize] += 1;
        }
        let mut order: Vec<u32> = (0..count as u32)
            .filter(|&task| left[task as usize] == 0)
            .collect();
        let mut position = vec![0; count];
        let mut at = 0;
        while let Some(&task) = order.get(at) {
            position[task as usize] = at as u32;
            at += 1;
            for &next in &successors[task as usize] {
                left[next as usize] -= 1;
                if left[next as usize] == 0 {
                    order.push(next);
                }
            }
        }
        Reach {
            successors,
            position,
            source: None,
            search: 0,
            reached_in: vec![0; count],
        }
    }

    pub(super) fn position(&self, task: u32) -> u32 {
        self.position[task as usize]
    }

    /// Whether edges lead from one to the other.
    pub(super) fn leads(&mut self, from: u32, to: u32) -> bool {
        if self.successors[from as usize].contains(&to) {
            return true;
        }
        if self.source != Some(from) {
            self.source = Some(from);
            self.search += 1;
            let mut open = vec![from];
            while let Some(task) = open.pop() {
                for &next in &self.successors[task as usize] {
                    if self.reached_in[next as usize] != self.search {
                        self.reached_in[next as usize] = self.search;
                        open.push(next);
                    }
                }
            }
        }
        self.reached_in[to as usize] == self.search
    }
}
