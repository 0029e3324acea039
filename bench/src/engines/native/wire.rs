//! What a program is told, as words of eight bytes: first how many follow.

use taskweave_taskbench::{GraphSpec, Kernel, Setup, Task, Workload};

/// The first word says what is to be run.
const TASK_BENCH: u64 = 1;
const COUNTING: u64 = 2;

/// The graphs with all of their edges.
pub(super) fn task_bench(setup: &Setup, work: &Workload) -> Vec<u8> {
    let mut words = vec![TASK_BENCH];
    threads(setup, &mut words);
    words.extend([u64::from(work.is_strict()), work.graphs() as u64]);
    for index in 0..work.graphs() as u32 {
        if let Some(spec) = work.spec(index) {
            graph(work, index, spec, &mut words);
        }
    }
    bytes(&words)
}

/// A graph whose tasks only count; edges lead from one number to another.
pub(super) fn counting(
    setup: &Setup,
    tasks: usize,
    edges: impl Iterator<Item = (u32, u32)>,
) -> Vec<u8> {
    let mut words = vec![COUNTING];
    threads(setup, &mut words);
    let edges: Vec<u64> = edges
        .flat_map(|(before, after)| [before, after].map(u64::from))
        .collect();
    words.extend([tasks as u64, edges.len() as u64 / 2]);
    words.extend(edges);
    bytes(&words)
}

fn threads(setup: &Setup, words: &mut Vec<u64>) {
    words.extend([setup.threads as u64, setup.processors.len() as u64]);
    words.extend(setup.processors.iter().map(|&processor| processor as u64));
}

fn graph(work: &Workload, index: u32, spec: &GraphSpec, words: &mut Vec<u64>) {
    words.extend([
        kernel(spec.kernel),
        u64::from(spec.samples),
        spec.output_bytes as u64,
        spec.scratch_bytes as u64,
        spec.imbalance.to_bits(),
        u64::from(spec.steps),
        u64::from(spec.width),
    ]);
    for step in 0..spec.steps {
        let row = work.row(index, step);
        words.extend([row.start, row.end].map(u64::from));
    }
    for step in 0..spec.steps {
        for point in work.row(index, step) {
            let task = Task {
                graph: index,
                step,
                point,
            };
            let inputs = work.inputs(task);
            words.push(inputs.len() as u64);
            words.extend(inputs.iter().map(|&input| u64::from(input)));
            if spec.kernel == Kernel::LoadImbalance {
                words.push(work.chance(task).to_bits());
            }
        }
    }
}

/// The numbers of `peers/taskbench/work.hpp`.
fn kernel(kernel: Kernel) -> u64 {
    match kernel {
        Kernel::Empty => 0,
        Kernel::BusyWait => 1,
        Kernel::MemoryBound => 2,
        Kernel::ComputeBound => 3,
        Kernel::LoadImbalance => 4,
    }
}

fn bytes(words: &[u64]) -> Vec<u8> {
    let count = words.len() as u64;
    std::iter::once(&count)
        .chain(words)
        .flat_map(|word| word.to_le_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use taskweave_taskbench::{GraphSpec, Pattern, Setup, Workload};

    use super::{counting, task_bench};

    fn words(bytes: &[u8]) -> Vec<u64> {
        let (words, rest) = bytes.as_chunks::<8>();
        assert!(rest.is_empty());
        let words: Vec<u64> = words.iter().map(|&word| u64::from_le_bytes(word)).collect();
        assert_eq!(words[0] as usize, words.len() - 1);
        words[1..].to_vec()
    }

    #[test]
    fn a_graph_is_all_of_its_edges() {
        let spec = GraphSpec {
            pattern: Pattern::Tree,
            steps: 3,
            width: 3,
            ..GraphSpec::default()
        };
        let setup = Setup {
            threads: 2,
            processors: vec![5, 6],
        };
        let told = words(&task_bench(&setup, &Workload::new(&[spec]).unwrap()));
        let head = [1, 2, 2, 5, 6, 0, 1, 0, 16, 16, 0, 0, 3, 3];
        let rows = [0, 1, 0, 2, 0, 3];
        let edges = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1];
        assert_eq!(told, [&head[..], &rows, &edges].concat());
    }

    #[test]
    fn a_counting_graph_is_its_edges() {
        let edges = [(0, 1), (0, 2)];
        let told = words(&counting(&Setup::anywhere(1), 3, edges.into_iter()));
        assert_eq!(told, [2, 1, 0, 3, 2, 0, 1, 0, 2]);
    }
}
