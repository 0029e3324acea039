//! What is done with the results.

mod fill;
mod machine;
mod markdown;
mod row;
mod table;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use fill::{FillError, fill};
pub(crate) use machine::describe_machine;
pub(crate) use markdown::markdown;
pub(crate) use row::{Finding, json};
pub(crate) use table::table;
