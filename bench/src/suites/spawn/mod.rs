//! Tasks of their own: many at once, and one at a time from outside.

mod fan_out;
mod round_trip;

use super::Case;

pub(super) fn cases() -> Vec<Case> {
    [fan_out::cases(), round_trip::cases()].concat()
}
