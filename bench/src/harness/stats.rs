//! Medians and the spread around them.

/// The value below which the fraction `q` of `values` lies, interpolated between neighbours; nothing for no values.
pub(crate) fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let at = q.clamp(0.0, 1.0) * last as f64;
    let below = sorted[at.floor() as usize];
    let above = sorted[at.ceil() as usize];
    Some(below + (above - below) * at.fract())
}

/// The middle value; zero for no values.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5).unwrap_or(0.0)
}

/// From where to where the middle eight tenths reach.
pub(crate) fn spread(values: &[f64]) -> [f64; 2] {
    [0.1, 0.9].map(|q| quantile(values, q).unwrap_or(0.0))
}
