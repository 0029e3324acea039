//! The loop that every engine has to beat, or explain.

use std::sync::Arc;

use super::Runner;
use crate::work::Workload;

#[derive(Debug)]
pub(super) struct Sequential(Arc<Workload>);

impl Sequential {
    pub(super) fn new(work: Arc<Workload>) -> Self {
        Self(work)
    }
}

impl Runner for Sequential {
    fn run(&mut self) {
        for task in self.0.all() {
            self.0.run(task);
        }
    }
}
