//! What all ways of telling every reader have in common.

use std::ops::Deref;

use crate::Chainable;

/// A way for several writers to tell several readers about batches of changes, each reader in its own time.
///
/// # The contract
/// 1. What a reader has folded is at any time a union of prefixes, one of each writer's sequence of whole batches.
/// 2. Each reader folds each batch that was sent after its registration exactly once, and none that was sent before.
/// 3. Batches of several writers may come merged: the reader then advances in all of those prefixes at once.
/// 4. Batches of one writer come in the order in which they were sent.
/// 5. Batches are never split.
/// 6. What waits is merged only where no reader stands in between, and never what a reader looks at.
/// 7. A reader gets nothing of what was sent before it was registered: who must hear everything is registered before the first send.
///
/// "After" is the order of one thread, or of threads that have told each other. All of it holds whatever a reader does: it may never come back, be dropped at any
/// time, or panic while it folds. A batch that was handed to a fold that panics counts as folded; the next receive goes on behind it.
pub trait Medium<T: Chainable> {
    /// The sending end.
    type Writer: Sender<T>;
    /// The receiving end.
    type Reader: Receiver<T>;

    /// One more writer.
    fn writer(&self) -> Self::Writer;

    /// One more reader, which hears of what is sent from now on.
    fn reader(&self) -> Self::Reader;

    /// How many places there are at which something waits, or could: what the medium's memory is counted in.
    fn length(&self) -> usize;
}

/// The sending end of a [`Medium`].
pub trait Sender<T: Chainable> {
    /// Sends what `batch` holds to every reader, as one whole, and leaves `batch` neutral. A neutral batch isn't sent.
    fn send(&mut self, batch: &mut T);
}

/// The receiving end of a [`Medium`].
pub trait Receiver<T: Chainable> {
    /// Hands all that has come to `fold`, piece by piece, and says how many pieces it was. A piece is one batch or several that were merged.
    fn recv_with(&mut self, fold: impl FnMut(Atom<'_, T>)) -> usize;

    /// Adds all that has come to `into`, and says whether there was anything.
    fn recv(&mut self, into: &mut T) -> bool {
        self.recv_with(|atom| atom.fold_into(into)) > 0
    }
}

/// A piece of what a reader receives: whole batches, merged.
#[derive(Debug)]
pub enum Atom<'a, T> {
    /// Other readers get the same one.
    Shared(&'a T),
    /// Nobody else needs it.
    Owned(T),
}

impl<T: Chainable> Atom<'_, T> {
    /// Adds it to `into`. Moved and not copied if nobody else needs it.
    pub fn fold_into(self, into: &mut T) {
        match self {
            Self::Shared(piece) => into.merge(piece),
            Self::Owned(mut piece) => into.absorb(&mut piece),
        }
    }
}

impl<T> Deref for Atom<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Shared(piece) => piece,
            Self::Owned(piece) => piece,
        }
    }
}
