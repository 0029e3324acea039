//! The arithmetic, and the memory it works on.

pub(crate) mod assembly;
pub(crate) mod buffer;
pub(crate) mod elements;
pub(crate) mod front;
pub(crate) mod kernel;
pub(crate) mod lanes;
pub(crate) mod room;
#[cfg(test)]
mod tests;
pub(crate) mod tiles;
