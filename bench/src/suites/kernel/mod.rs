//! The parts that everything stands on.

mod fib;
mod queue;
mod reduce;
mod steal;
mod thief;
mod thieves;

use super::Case;

pub(super) fn cases() -> Vec<Case> {
    [
        fib::cases(),
        queue::cases(),
        steal::cases(),
        thieves::cases(),
        reduce::cases(),
    ]
    .concat()
}
