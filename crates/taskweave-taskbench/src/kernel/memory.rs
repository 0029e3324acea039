//! Copies within a column's own memory.

/// What scratch memory is filled with. Copies within it don't change that, so that memory that was never prepared, or was written past its
/// end, is found.
const MAGIC: u64 = 0x5ca7_c4b0_a2d5_c4a7;

/// The memory of one column, in as many samples as there are; each iteration copies the first half of one to its second half.
#[derive(Debug)]
pub(crate) struct Scratch(Box<[u64]>);

impl Scratch {
    /// `bytes` must be a multiple of 16 for each sample.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(vec![MAGIC; bytes / 8].into())
    }

    pub(crate) fn is_intact(&self) -> bool {
        self.0.first() == Some(&MAGIC) && self.0.last() == Some(&MAGIC)
    }

    /// So many samples, from where the step before has ended.
    pub(super) fn copy(&mut self, step: u64, iterations: u64, samples: u32) {
        let samples = u64::from(samples);
        let words = self.0.len() / samples as usize;
        let mut at = (step % samples) * (iterations % samples) % samples;
        for _ in 0..iterations {
            let from = at as usize * words;
            let (source, target) = self.0[from..from + words].split_at_mut(words / 2);
            target.copy_from_slice(source);
            at = if at + 1 == samples { 0 } else { at + 1 };
        }
    }

    #[cfg(test)]
    pub(super) fn words(&mut self) -> &mut [u64] {
        &mut self.0
    }
}
