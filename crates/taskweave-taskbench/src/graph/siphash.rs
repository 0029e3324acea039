//! SipHash-2-4, which the field draws its random edges and uneven tasks with: two programs that follow it build the same graphs.
//!
//! After J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", 2012.

/// The key that all of Task Bench uses: the bytes 1 to 15 and a zero.
const KEY: [u64; 2] = [
    u64::from_le_bytes([1, 2, 3, 4, 5, 6, 7, 8]),
    u64::from_le_bytes([9, 10, 11, 12, 13, 14, 15, 0]),
];

/// A number in [0, 1) that depends on nothing but `words`.
pub(crate) fn uniform(words: &[u64]) -> f64 {
    // Two to the power of −64. The product rounds to one for the largest hashes, as it does for everyone else.
    hash(KEY, words) as f64 * (1.0 / 18_446_744_073_709_551_616.0)
}

/// The hash of whole words, each taken as eight bytes, lowest first.
fn hash(key: [u64; 2], words: &[u64]) -> u64 {
    let mut state = State([
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ]);
    for &word in words {
        state.absorb(word);
    }
    // Nothing is left over after whole words but the length, modulo 256.
    state.absorb((words.len() as u64 * 8) << 56);
    state.0[2] ^= 0xff;
    (0..4).for_each(|_| state.round());
    state.0.into_iter().fold(0, |all, word| all ^ word)
}

struct State([u64; 4]);

impl State {
    fn absorb(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }

    fn round(&mut self) {
        let [a, b, c, d] = &mut self.0;
        for (rotation, other) in [(13, 16), (17, 21)] {
            *a = a.wrapping_add(*b);
            *b = b.rotate_left(rotation) ^ *a;
            *c = c.wrapping_add(*d);
            *d = d.rotate_left(other) ^ *c;
            // The words swap roles: a with c, each half turned once.
            *a = a.rotate_left(32);
            std::mem::swap(a, c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{hash, uniform};

    /// The authors' vectors: key 00, 01, … 0f, message 00, 01, … of the given length.
    #[test]
    fn the_published_vectors_come_out() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        assert_eq!(hash(key, &[]), 0x726f_db47_dd0e_0e31);
        assert_eq!(hash(key, &[key[0]]), 0x93f5_f579_9a93_2462);
        assert_eq!(hash(key, &key), 0x3f2a_cc7f_57c2_9bdb);
    }

    #[test]
    fn numbers_lie_between_zero_and_one() {
        let numbers: Vec<f64> = (0..1000).map(|word| uniform(&[word, 7])).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        let mean = numbers.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
