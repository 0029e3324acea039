//! What a task computes.

mod compute;
mod memory;
#[cfg(test)]
mod tests;

use std::{fmt, hint::black_box, str::FromStr};

pub(crate) use memory::Scratch;

use crate::graph::uniform;

/// The kind of work that each task of a graph does, `iterations` times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// None.
    #[default]
    Empty,
    /// A chain of divisions that nothing can shorten.
    BusyWait,
    /// Copies from one place to another in the column's scratch memory, one sample of it an iteration.
    MemoryBound,
    /// 64 multiplications and 64 additions, in 16 independent vectors of four; at the end 64 additions.
    ComputeBound,
    /// The same, with a number of iterations that differs from task to task.
    LoadImbalance,
}

impl Kernel {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Empty,
        Self::BusyWait,
        Self::MemoryBound,
        Self::ComputeBound,
        Self::LoadImbalance,
    ];

    /// Its name in the field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::BusyWait => "busy_wait",
            Self::MemoryBound => "memory_bound",
            Self::ComputeBound => "compute_bound",
            Self::LoadImbalance => "load_imbalance",
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No kernel has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no kernel `{0}`; there are {names}", names = Kernel::ALL.map(Kernel::name).join(", "))]
pub struct UnknownKernel(String);

impl FromStr for Kernel {
    type Err = UnknownKernel;

    fn from_str(name: &str) -> Result<Self, UnknownKernel> {
        Self::ALL
            .into_iter()
            .find(|kernel| kernel.name() == name)
            .ok_or_else(|| UnknownKernel(name.to_owned()))
    }
}

/// A kernel with all that it is told, for one graph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) kernel: Kernel,
    pub(crate) samples: u32,
    pub(crate) imbalance: f64,
    /// Which graph it is in.
    pub(crate) graph: u32,
}

impl Job {
    /// Does the work of one task.
    #[inline]
    pub(crate) fn run(
        &self,
        iterations: u64,
        step: u32,
        point: u32,
        scratch: Option<&mut Scratch>,
    ) {
        match self.kernel {
            Kernel::Empty => {}
            Kernel::BusyWait => {
                black_box(busy_wait(black_box(iterations)));
            }
            Kernel::MemoryBound => {
                if let Some(scratch) = scratch {
                    scratch.copy(u64::from(step), iterations, self.samples);
                }
            }
            Kernel::ComputeBound => {
                black_box(compute::run(iterations));
            }
            Kernel::LoadImbalance => {
                black_box(compute::run(self.uneven(iterations, step, point)));
            }
        }
    }

    /// The floating-point operations of one task.
    pub(crate) fn flops(&self, iterations: u64, step: u32, point: u32) -> u64 {
        match self.kernel {
            Kernel::Empty | Kernel::BusyWait | Kernel::MemoryBound => 0,
            Kernel::ComputeBound => compute::flops(iterations),
            Kernel::LoadImbalance => compute::flops(self.uneven(iterations, step, point)),
        }
    }

    /// The bytes that one task copies from and to.
    pub(crate) fn bytes(&self, iterations: u64, scratch_bytes: usize) -> u64 {
        match self.kernel {
            Kernel::MemoryBound => {
                (scratch_bytes as u64 / u64::from(self.samples)).saturating_mul(iterations)
            }
            _ => 0,
        }
    }

    /// From `(1 − imbalance / 2)` times as many iterations to `(1 + imbalance / 2)` times as many.
    fn uneven(&self, iterations: u64, step: u32, point: u32) -> u64 {
        ((1.0 + (self.chance(step, point) - 0.5) * self.imbalance) * iterations as f64).round()
            as u64
    }

    /// From 0 to 1, another for every task.
    pub(crate) fn chance(&self, step: u32, point: u32) -> f64 {
        uniform(&[self.graph, step, point].map(u64::from))
    }
}

fn busy_wait(iterations: u64) -> u64 {
    (0..iterations).fold(113, |value: u64, _| value * 139 % 2_147_483_647)
}
