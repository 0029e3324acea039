//! Why designs were refused: what goes wrong, played.

use taskweave_progress::timely::progress::ChangeBatch;
use taskweave_progress::timely::progress::frontier::MutableAntichain;
use taskweave_progress::{Chain, Chainable, Exchange, Ledger, Medium, Mesh, Receiver, Sender};

type Batch = ChangeBatch<u64>;

fn batch(changes: &[(u64, i64)]) -> Batch {
    let mut batch = Batch::new();
    batch.extend(changes.iter().copied());
    batch
}

fn apply(counts: &mut MutableAntichain<u64>, mut changes: Batch) {
    counts.update_iter(changes.drain()).for_each(drop);
}

/// A batch moves what is held from 3 to 4. Sharded by key, it becomes two, and the reader who looks between them sees neither.
#[test]
fn a_batch_that_is_split_lets_a_frontier_pass_what_is_held() {
    let shards = [Chain::new(), Chain::new()];
    let mut readers = [shards[0].reader(), shards[1].reader()];
    let shard = |time: u64| time as usize % 2;
    let mut counts = MutableAntichain::new();
    shards[shard(3)].send(&mut batch(&[(3, 1)]));
    for reader in &mut readers {
        let mut changes = Batch::new();
        reader.recv(&mut changes);
        apply(&mut counts, changes);
    }
    // The move: a half in each shard, whichever is sent, or read, first.
    shards[shard(3)].send(&mut batch(&[(3, -1)]));
    let mut changes = Batch::new();
    readers[shard(3)].recv(&mut changes);
    apply(&mut counts, changes);
    assert!(
        !counts.less_equal(&1_000),
        "the frontier has passed everything, although 4 is held"
    );

    // Whole, it can't happen.
    let exchange = Exchange::new();
    let (mut writer, mut reader) = (exchange.writer(), exchange.reader());
    let mut counts = MutableAntichain::new();
    for mut sent in [batch(&[(3, 1)]), batch(&[(3, -1), (4, 1)])] {
        writer.send(&mut sent);
        let mut changes = Batch::new();
        reader.recv_with(|piece| piece.fold_into(&mut changes));
        apply(&mut counts, changes);
        assert!(counts.less_equal(&4));
    }
}

/// A capability at 1 is recorded in A's lane, and so is one at 5 that is minted from it. It moves to B and is dropped there. A reader of prefixes of lanes
/// may have B's drop and not A's last batch.
#[test]
fn a_capability_that_moves_between_lanes_lets_a_frontier_pass_what_is_held() {
    let lanes = [Chain::new(), Chain::new()];
    let mut readers = [lanes[0].reader(), lanes[1].reader()];
    let mut counts = MutableAntichain::new();
    lanes[0].send(&mut batch(&[(1, 1)]));
    let mut look = |lane: usize, counts: &mut MutableAntichain<u64>| {
        let mut changes = Batch::new();
        readers[lane].recv(&mut changes);
        apply(counts, changes);
    };
    look(0, &mut counts);
    // A mints 5 from 1, and gives 1 to B, who drops it.
    lanes[0].send(&mut batch(&[(5, 1)]));
    lanes[1].send(&mut batch(&[(1, -1)]));
    // Any order of lanes is allowed; this one has B's before A's.
    look(1, &mut counts);
    assert!(
        !counts.less_equal(&5),
        "the frontier has passed 5, which is held"
    );
    look(0, &mut counts);
    assert!(counts.less_equal(&5), "too late");

    let (progress, p) = taskweave_progress::Progress::<u64>::new();
    let c = p.mint(5).unwrap();
    drop(p);
    assert!(!progress.has_passed(&5));
    drop(c);
}

/// A mints, B retires: no chain of a mesh can cancel anything.
#[test]
fn a_mesh_does_not_cancel_across_writers() {
    let entries = |medium: &mut dyn FnMut() -> usize| medium();
    fn backlog(medium: impl Medium<Batch>) -> usize {
        let (mut minting, mut retiring) = (medium.writer(), medium.writer());
        let mut laggard = medium.reader();
        for time in 0..5_000 {
            minting.send(&mut batch(&[(time, 1)]));
            retiring.send(&mut batch(&[(time, -1)]));
        }
        let mut entries = 0;
        laggard.recv_with(|piece| entries += piece.entries());
        entries
    }
    assert_eq!(entries(&mut || backlog(Mesh::new())), 10_000);
    assert!(entries(&mut || backlog(Chain::new())) <= 64);
    assert!(entries(&mut || backlog(Exchange::new())) <= 64 + 4 * 64);
}

/// A thousand times are alive and one changes: the ledger's reader goes through all of them, the exchange's through the change.
#[test]
fn a_ledger_reads_all_that_is_alive() {
    let (ledger, exchange) = (Ledger::new(), Exchange::new());
    let (mut to_ledger, mut to_exchange) = (ledger.writer(), exchange.writer());
    let (mut from_ledger, mut from_exchange) = (Medium::reader(&ledger), exchange.reader());
    let mut alive = Counted::default();
    for time in 0..1_000 {
        alive.0.update(time, 1);
    }
    to_ledger.send(&mut Counted(alive.0.clone()));
    to_exchange.send(&mut alive);
    let work = |reader: &mut dyn FnMut()| {
        let before = MERGED.with(std::cell::Cell::get);
        reader();
        MERGED.with(std::cell::Cell::get) - before
    };
    for _ in 0..2 {
        to_ledger.send(&mut Counted(batch(&[(1_000, 1)])));
        to_exchange.send(&mut Counted(batch(&[(1_000, 1)])));
        let mut sink = Counted::default();
        let ledgers = work(&mut || {
            from_ledger.recv(&mut sink);
        });
        assert!(ledgers >= 1_000, "{ledgers}");
        let mut sink = Counted::default();
        from_exchange.recv(&mut sink);
    }
    to_exchange.send(&mut Counted(batch(&[(1_000, 1)])));
    let mut sink = Counted::default();
    assert_eq!(
        work(&mut || {
            from_exchange.recv(&mut sink);
        }),
        1
    );
}

thread_local! {
    static MERGED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A batch that counts what merging it costs.
#[derive(Default)]
struct Counted(Batch);

impl Chainable for Counted {
    fn merge(&mut self, other: &Self) {
        MERGED.with(|merged| merged.set(merged.get() + other.0.entries()));
        self.0.merge(&other.0);
    }

    fn clear(&mut self) {
        Chainable::clear(&mut self.0);
    }

    fn is_neutral(&mut self) -> bool {
        self.0.is_neutral()
    }

    fn tidy(&mut self) {
        self.0.tidy();
    }
}

impl taskweave_progress::Subtract for Counted {
    fn subtract(&mut self, other: &Self) {
        MERGED.with(|merged| merged.set(merged.get() + other.0.entries()));
        self.0.subtract(&other.0);
    }
}
