//! A vector of doubles with operators, so that formulas read as formulas.

use std::ops::{Add, Mul, Neg, Sub};

use pulp::Simd;

/// As many doubles as the machine takes at once. (Closures and `array::map` would do, but the compiler doesn't promise to inline them, and a SIMD
/// instruction that isn't inlined costs a call.)
#[derive(Clone, Copy)]
pub(crate) struct Lanes<S: Simd> {
    simd: S,
    value: S::f64s,
}

impl<S: Simd> Lanes<S> {
    #[inline(always)]
    pub(crate) fn load(simd: S, from: &[f64]) -> Self {
        Self { simd, value: S::as_simd_f64s(&from[..S::F64_LANES]).0[0] }
    }

    #[inline(always)]
    pub(crate) fn store(self, to: &mut [f64]) {
        S::as_mut_simd_f64s(&mut to[..S::F64_LANES]).0[0] = self.value;
    }

    #[inline(always)]
    pub(crate) fn splat(simd: S, value: f64) -> Self {
        Self { simd, value: simd.splat_f64s(value) }
    }

    /// `self * factor + term`, rounded once where the machine can.
    #[inline(always)]
    pub(crate) fn mul_add(self, factor: Self, term: Self) -> Self {
        Self { value: self.simd.mul_add_f64s(self.value, factor.value, term.value), ..self }
    }
}

impl<S: Simd> Add for Lanes<S> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { value: self.simd.add_f64s(self.value, other.value), ..self }
    }
}

impl<S: Simd> Sub for Lanes<S> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { value: self.simd.sub_f64s(self.value, other.value), ..self }
    }
}

impl<S: Simd> Mul for Lanes<S> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self { value: self.simd.mul_f64s(self.value, other.value), ..self }
    }
}

impl<S: Simd> Neg for Lanes<S> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self { value: self.simd.neg_f64s(self.value), ..self }
    }
}
