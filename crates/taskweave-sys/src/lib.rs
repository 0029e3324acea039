//! The machine layer.

#[macro_use]
mod macros;

pub mod countdown;
pub mod deque;
pub mod futex;
pub mod inbox;
pub mod machine;
pub mod parker;
pub mod sync;

#[doc(hidden)]
pub mod __private {
    #[cfg(taskweave_loom)]
    pub use loom;
    #[cfg(taskweave_shuttle)]
    pub use shuttle;
}
