//! Who has got how far.

mod cells;
pub mod chain;
mod chainable;
pub mod exchange;
mod ledger;
mod log;
mod medium;
mod mesh;
#[cfg(all(test, taskweave_loom))]
#[path = "../../taskweave-sys/tests/model/mod.rs"]
mod model;

pub use cells::{Cells, CellsReader};
pub use chain::{Chain, ChainReader};
pub use chainable::{Chainable, Subtract};
pub use exchange::Exchange;
pub use ledger::{Ledger, LedgerReader};
pub use medium::{Atom, Medium, Receiver, Sender};
pub use mesh::{Mesh, MeshReader, MeshWriter};
