//! Sleeping and waking: what a mark and a permit cost, how fast two threads wake each other, how often a storm wakes.

mod calls;
mod ping_pong;
mod storm;

use super::{Case, Setup, Suite};

pub(super) fn cases() -> Vec<Case> {
    [calls::cases(), ping_pong::cases(), storm::cases()].concat()
}
