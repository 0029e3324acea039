//! What the two processes tell each other.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use taskweave_slam::NormalEquations;

/// One sample: the median of its repetitions on the wall, and the mean of what they cost all processors together.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) wall_ns: u64,
    pub(super) cpu_ns: u64,
}

/// The system as bytes: the number of unknowns and of entries, column starts, rows, values, right-hand side.
pub(super) fn encode(system: &NormalEquations) -> Vec<u8> {
    let counts = [system.unknowns(), system.rows.len()];
    let whole = counts
        .iter()
        .chain(&system.column_starts)
        .chain(&system.rows);
    let mut bytes: Vec<u8> = whole.flat_map(|&n| (n as u64).to_le_bytes()).collect();
    let reals = system.values.iter().chain(&system.right_hand_side);
    bytes.extend(reals.flat_map(|real| real.to_le_bytes()));
    bytes
}

/// The inverse. It comes from the same program: what is read is not doubted, but for its length.
pub(super) fn decode(input: &mut impl Read) -> io::Result<NormalEquations> {
    let mut word = || {
        let mut bytes = [0; 8];
        input.read_exact(&mut bytes).map(|()| bytes)
    };
    let [unknowns, entries] = [word()?, word()?].map(|word| u64::from_le_bytes(word) as usize);
    let mut words = |count: usize| (0..count).map(|_| word()).collect::<io::Result<Vec<_>>>();
    let whole = |words: Vec<[u8; 8]>| {
        words
            .into_iter()
            .map(|word| u64::from_le_bytes(word) as usize)
    };
    let real = |words: Vec<[u8; 8]>| words.into_iter().map(f64::from_le_bytes);
    Ok(NormalEquations {
        column_starts: whole(words(unknowns + 1)?).collect(),
        rows: whole(words(entries)?).collect(),
        values: real(words(entries)?).collect(),
        right_hand_side: real(words(unknowns)?).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::{NormalEquations, decode, encode};

    #[test]
    fn a_system_comes_back_as_it_was() {
        let system = NormalEquations {
            column_starts: vec![0, 2, 3],
            rows: vec![0, 1, 1],
            values: vec![2.0, -1.0, 3.5],
            right_hand_side: vec![0.25, 1e-300],
        };
        let bytes = encode(&system);
        assert_eq!(decode(&mut &bytes[..]).unwrap(), system);
        assert!(decode(&mut &bytes[..bytes.len() - 1]).is_err());
    }
}
