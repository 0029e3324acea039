//! Arithmetic and nothing else.
//!
//! 64 numbers x become x + x², again and again, and are added up at the end. They start between −1 and 0, from where they creep towards 0
//! without ever becoming so small, or so large, that the processor would need another time for them. No two start alike, as the compiler would
//! compute them only once.

use std::hint::black_box;

/// So many numbers, four in a vector.
const NUMBERS: usize = 64;

/// How many operations so many iterations are: a multiplication and an addition for each number, and the sum.
pub(super) fn flops(iterations: u64) -> u64 {
    (2 * NUMBERS as u64)
        .saturating_mul(iterations)
        .saturating_add(NUMBERS as u64)
}

/// Where number `index` starts.
fn start(index: usize) -> f64 {
    -0.25 - index as f64 / 256.0
}

pub(super) fn run(iterations: u64) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the function needs AVX2 and FMA, and the line above has found both.
        return unsafe { fused(iterations) };
    }
    portable(iterations)
}

/// In 16 registers of four numbers, which are all that there are: x + x² needs no other.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
pub(super) fn fused(iterations: u64) -> f64 {
    use std::arch::x86_64::{
        _mm_add_pd, _mm_add_sd, _mm_cvtsd_f64, _mm_unpackhi_pd, _mm256_add_pd,
        _mm256_castpd256_pd128, _mm256_extractf128_pd, _mm256_fmadd_pd, _mm256_set_pd,
    };

    let mut vectors: [_; NUMBERS / 4] = std::array::from_fn(|at| {
        let [a, b, c, d] = black_box([0, 1, 2, 3].map(|lane| start(4 * at + lane)));
        _mm256_set_pd(d, c, b, a)
    });
    for _ in 0..iterations {
        for x in &mut vectors {
            *x = _mm256_fmadd_pd(*x, *x, *x);
        }
    }
    let mut sum = vectors[0];
    for &x in &vectors[1..] {
        sum = _mm256_add_pd(sum, x);
    }
    let pair = _mm_add_pd(_mm256_castpd256_pd128(sum), _mm256_extractf128_pd::<1>(sum));
    _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)))
}

pub(super) fn portable(iterations: u64) -> f64 {
    let mut numbers: [f64; NUMBERS] = black_box(std::array::from_fn(start));
    for _ in 0..iterations {
        for x in &mut numbers {
            *x += *x * *x;
        }
    }
    numbers.iter().sum()
}
