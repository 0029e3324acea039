#![doc = include_str!("README.md")]

mod digest;
mod fault;
mod store;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use taskweave_sys::sync::{
    Mutex,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

pub use fault::{Fault, Found};
pub use store::Output;

use crate::{
    graph::{GraphSpec, SpecError, Topology},
    kernel::{Job, Scratch},
};
use fault::FaultLog;
use store::Store;

/// One point of one step of one graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Task {
    /// Which graph.
    pub graph: u32,
    /// Which step of it.
    pub step: u32,
    /// Which point of the step.
    pub point: u32,
}

/// Graphs to be run, with the memory of their tasks.
#[derive(Debug)]
pub struct Workload {
    graphs: Box<[Graph]>,
    /// Passes begun. Outputs carry it, so that what an earlier pass has left is no input for this one.
    pass: AtomicU32,
    faults: FaultLog,
    tasks: u64,
    indices: usize,
}

#[derive(Debug)]
struct Graph {
    spec: GraphSpec,
    topology: Topology,
    job: Job,
    iterations: AtomicU64,
    store: Store,
    scratch: Box<[Mutex<Scratch>]>,
    /// The index of its first task.
    first: usize,
    /// How often each task ran, in a strict workload.
    runs: Option<Box<[AtomicU32]>>,
}

impl Workload {
    /// Graphs to be run at once.
    ///
    /// # Errors
    /// What is wrong with the first graph with which something is wrong.
    ///
    /// # Cost
    /// Allocates all outputs, each on cache lines of its own.
    pub fn new(specs: &[GraphSpec]) -> Result<Self, SpecError> {
        Self::build(specs, false)
    }

    /// The same with a counter for each task: a task that runs twice is found even if both runs are at the same time, at the price of an atomic
    /// read-modify-write for each.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn strict(specs: &[GraphSpec]) -> Result<Self, SpecError> {
        Self::build(specs, true)
    }

    fn build(specs: &[GraphSpec], strict: bool) -> Result<Self, SpecError> {
        if specs.is_empty() {
            return Err(SpecError::NoGraph);
        }
        if specs.len() > 1 << 16 {
            return Err(SpecError::TooManyGraphs(specs.len()));
        }
        let mut graphs = Vec::new();
        let (mut indices, mut tasks) = (0, 0);
        for (index, spec) in (0..).zip(specs) {
            let graph = Graph::new(spec, index, indices, strict)?;
            indices += graph.cells();
            tasks += (0..spec.steps)
                .map(|step| u64::from(graph.topology.row(step).width))
                .sum::<u64>();
            graphs.push(graph);
        }
        Ok(Self {
            graphs: graphs.into(),
            pass: AtomicU32::new(0),
            faults: FaultLog::default(),
            tasks,
            indices,
        })
    }

    /// How many tasks a pass has.
    pub fn tasks(&self) -> u64 {
        self.tasks
    }

    /// How many graphs there are.
    pub fn graphs(&self) -> usize {
        self.graphs.len()
    }

    /// The steps of the longest graph.
    pub fn steps(&self) -> u32 {
        let steps = self.graphs.iter().map(|graph| graph.spec.steps);
        steps.max().unwrap_or(0)
    }

    /// The tasks of a step, graph by graph; nothing of graphs that are shorter.
    pub fn step(&self, step: u32) -> impl Iterator<Item = Task> + '_ {
        (0..).zip(&self.graphs).flat_map(move |(index, graph)| {
            let row = (step < graph.spec.steps).then(|| graph.topology.row(step));
            row.into_iter()
                .flat_map(|row| row.offset..row.end())
                .map(move |point| Task {
                    graph: index,
                    step,
                    point,
                })
        })
    }

    /// All tasks, each after those that it reads.
    pub fn all(&self) -> impl Iterator<Item = Task> + '_ {
        (0..self.steps()).flat_map(|step| self.step(step))
    }

    /// The points of the widest step of a graph; 0 if there is no such graph.
    pub fn width(&self, graph: u32) -> u32 {
        let graph = self.graphs.get(graph as usize);
        graph.map_or(0, |graph| graph.spec.width)
    }

    /// The points of a step, from the first to one past the last; empty where there is no such step.
    pub fn row(&self, graph: u32, step: u32) -> std::ops::Range<u32> {
        match self.graphs.get(graph as usize) {
            Some(graph) if step < graph.spec.steps => {
                let row = graph.topology.row(step);
                row.offset..row.end()
            }
            _ => 0..0,
        }
    }

    /// A number for each task, below [`indices`](Self::indices). Rows that aren't whole leave numbers out.
    #[inline]
    pub fn index(&self, task: Task) -> usize {
        let graph = self.graph(task);
        graph.first + graph.cell(task)
    }

    /// One more than the largest index can be.
    pub fn indices(&self) -> usize {
        self.indices
    }

    /// The points of the step before that a task reads, in order.
    #[inline]
    pub fn inputs(&self, task: Task) -> &[u32] {
        self.graph(task).topology.inputs(task.step, task.point)
    }

    /// The points of the step after that read a task.
    #[inline]
    pub fn readers(&self, task: Task) -> &[u32] {
        self.graph(task).topology.readers(task.step, task.point)
    }

    /// The number of iterations of every task, from the next pass on. The graphs stay what they are.
    pub fn set_iterations(&self, iterations: u64) {
        for graph in &self.graphs {
            // Relaxed: what starts a pass orders it before the tasks.
            graph.iterations.store(iterations, Ordering::Relaxed);
        }
    }

    /// What a graph was made of, with the number of iterations that it began with; nothing if there is no such graph.
    pub fn spec(&self, graph: u32) -> Option<&GraphSpec> {
        self.graphs.get(graph as usize).map(|graph| &graph.spec)
    }

    /// The number of iterations of a graph's tasks; 0 if there is no such graph.
    pub fn iterations(&self, graph: u32) -> u64 {
        let graph = self.graphs.get(graph as usize);
        graph.map_or(0, |graph| graph.iterations.load(Ordering::Relaxed))
    }

    /// Where in the range of `load_imbalance` a task lies, from 0 to 1: its iterations are `1 + (chance − 0.5) · imbalance` times the graph's, rounded.
    pub fn chance(&self, task: Task) -> f64 {
        self.graph(task).job.chance(task.step, task.point)
    }

    /// Whether every run of a task is counted.
    pub fn is_strict(&self) -> bool {
        self.graphs.iter().any(|graph| graph.runs.is_some())
    }

    /// The floating-point operations of a pass: what the field's counts say, by the iterations that are set.
    pub fn flops(&self) -> u64 {
        self.sum(|graph, iterations, task| graph.job.flops(iterations, task.step, task.point))
    }

    /// The bytes that the tasks of a pass copy.
    pub fn bytes(&self) -> u64 {
        self.sum(|graph, iterations, _| graph.job.bytes(iterations, graph.spec.scratch_bytes))
    }

    fn sum(&self, count: impl Fn(&Graph, u64, Task) -> u64) -> u64 {
        self.all()
            .map(|task| {
                let graph = self.graph(task);
                count(graph, graph.iterations.load(Ordering::Relaxed), task)
            })
            .fold(0, u64::saturating_add)
    }

    /// Times `run`, which must run each task once, and says whether it did.
    ///
    /// # Errors
    /// The first fault that was seen.
    pub fn pass(&self, run: impl FnOnce()) -> Result<Duration, Fault> {
        self.faults.clear();
        self.begin();
        let started = Instant::now();
        run();
        let took = started.elapsed();
        self.end()?;
        Ok(took)
    }

    fn begin(&self) {
        // Relaxed, as in `set_iterations`. Memory that was never written is that of pass 0, which never comes.
        let next = self.pass.load(Ordering::Relaxed).wrapping_add(1).max(1);
        self.pass.store(next, Ordering::Relaxed);
        for runs in self.graphs.iter().filter_map(|graph| graph.runs.as_ref()) {
            runs.iter()
                .for_each(|runs| runs.store(0, Ordering::Relaxed));
        }
    }

    fn end(&self) -> Result<(), Fault> {
        let pass = self.pass.load(Ordering::Relaxed);
        for task in self.all() {
            let graph = self.graph(task);
            let output = graph.store.output(graph.cell(task));
            // Who reads a task has seen that it ran. Looking only at the others leaves most of the memory in the caches where it is.
            if self.readers(task).is_empty() && !output.holds(pass, task.step, task.point) {
                self.faults.report(|| Fault::NeverRan { task });
            }
            if let Some(runs) = &graph.runs {
                match runs[graph.cell(task)].load(Ordering::Relaxed) {
                    0 => self.faults.report(|| Fault::NeverRan { task }),
                    1 => {}
                    _ => self.faults.report(|| Fault::RanTwice { task }),
                }
            }
        }
        self.faults.first()
    }

    /// Runs a task on the outputs of the tasks that it reads, which must have ended.
    #[inline]
    pub fn run(&self, task: Task) {
        let graph = self.graph(task);
        let expected = graph.topology.inputs(task.step, task.point);
        let inputs = expected.iter().map(|&point| graph.input(task, point));
        self.execute_in(graph, task, expected, inputs);
    }

    /// Runs a task on `inputs`, which must be the outputs of the tasks that it reads, in order. What is wrong with them is
    /// noted, and told at the end of the pass; the task runs in any case, so that nobody waits for it in vain.
    #[inline]
    pub fn execute<'a>(&self, task: Task, inputs: impl IntoIterator<Item = Output<'a>>) {
        let graph = self.graph(task);
        let expected = graph.topology.inputs(task.step, task.point);
        self.execute_in(graph, task, expected, inputs);
    }

    #[inline]
    fn execute_in<'a>(
        &self,
        graph: &Graph,
        task: Task,
        expected: &[u32],
        inputs: impl IntoIterator<Item = Output<'a>>,
    ) {
        let pass = self.pass.load(Ordering::Relaxed);
        self.check_inputs(graph, pass, task, expected, inputs);
        let cell = graph.cell(task);
        let output = graph.store.output(cell);
        if output.holds_first(pass, task.step, task.point) {
            self.faults.report(|| Fault::RanTwice { task });
        }
        if let Some(runs) = &graph.runs {
            runs[cell].fetch_add(1, Ordering::Relaxed);
        }
        output.fill(pass, task.step, task.point);
        let iterations = graph.iterations.load(Ordering::Relaxed);
        if graph.scratch.is_empty() {
            graph.job.run(iterations, task.step, task.point, None);
        } else {
            self.with_scratch(graph, task, iterations);
        }
    }

    /// The output of a task, to be handed to [`execute`](Self::execute).
    pub fn output(&self, task: Task) -> Output<'_> {
        let graph = self.graph(task);
        graph.store.output(graph.cell(task))
    }

    #[inline]
    fn check_inputs<'a>(
        &self,
        graph: &Graph,
        pass: u32,
        task: Task,
        expected: &[u32],
        inputs: impl IntoIterator<Item = Output<'a>>,
    ) {
        let mut given = 0;
        for input in inputs {
            let right = expected.get(given).is_some_and(|&point| {
                input.bytes() == graph.spec.output_bytes
                    && input.holds(pass, task.step.wrapping_sub(1), point)
            });
            if !right {
                self.wrong_input(graph, pass, task, given, input);
            }
            given += 1;
        }
        if given != expected.len() {
            self.faults.report(|| Fault::InputCount {
                task,
                expected: expected.len(),
                given,
            });
        }
    }

    #[cold]
    fn wrong_input(&self, graph: &Graph, pass: u32, task: Task, at: usize, input: Output<'_>) {
        let expected = graph.topology.inputs(task.step, task.point).get(at);
        self.faults.report(|| match expected {
            None => Fault::InputCount {
                task,
                expected: at,
                given: at + 1,
            },
            Some(_) if input.bytes() != graph.spec.output_bytes => Fault::InputLength {
                task,
                at,
                expected: graph.spec.output_bytes,
                given: input.bytes(),
            },
            Some(&point) => Fault::WrongInput {
                task,
                at,
                point,
                found: input.found(pass),
            },
        });
    }

    /// Two tasks of a column may run at once where the pattern doesn't order them; then one takes another column's memory.
    fn with_scratch(&self, graph: &Graph, task: Task, iterations: u64) {
        let own = task.point as usize;
        let (before, after) = graph.scratch.split_at(own);
        let free = after
            .iter()
            .chain(before)
            .find_map(|place| place.try_lock().ok());
        let mut place = match free {
            Some(place) => place,
            None => match graph.scratch[own].lock() {
                Ok(place) => place,
                Err(poisoned) => poisoned.into_inner(),
            },
        };
        if !place.is_intact() {
            self.faults.report(|| Fault::Scratch { task });
        }
        graph
            .job
            .run(iterations, task.step, task.point, Some(&mut place));
    }

    #[inline]
    fn graph(&self, task: Task) -> &Graph {
        &self.graphs[task.graph as usize]
    }
}

impl Graph {
    fn new(spec: &GraphSpec, index: u32, first: usize, strict: bool) -> Result<Self, SpecError> {
        let shape = spec.check(index)?;
        let cells = spec.steps as usize * spec.width as usize;
        let columns = if spec.has_scratch() { spec.width } else { 0 };
        Ok(Self {
            topology: Topology::new(&shape)?,
            job: Job {
                kernel: spec.kernel,
                samples: spec.samples,
                imbalance: spec.imbalance,
                graph: index,
            },
            iterations: AtomicU64::new(spec.iterations),
            store: Store::new(cells, spec),
            scratch: (0..columns)
                .map(|_| Mutex::new(Scratch::new(spec.scratch_bytes)))
                .collect(),
            first,
            runs: strict.then(|| (0..cells).map(|_| AtomicU32::new(0)).collect()),
            spec: spec.clone(),
        })
    }

    fn cells(&self) -> usize {
        self.spec.steps as usize * self.spec.width as usize
    }

    #[inline]
    fn cell(&self, task: Task) -> usize {
        task.step as usize * self.spec.width as usize + task.point as usize
    }

    #[inline]
    fn input(&self, task: Task, point: u32) -> Output<'_> {
        let before = task.step.wrapping_sub(1);
        self.store.output(self.cell(Task {
            step: before,
            point,
            ..task
        }))
    }
}
