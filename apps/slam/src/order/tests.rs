use std::cell::Cell;

use proptest::prelude::*;

use super::{Adjacency, BETWEEN, LEFT, RIGHT, Random, nested_dissection, separator};
use crate::tree::symbolic::{NONE, Symbolic, analyse};

std::thread_local! {
    /// How many entries the rows had that this thread has read.
    pub(super) static READS: Cell<usize> = const { Cell::new(0) };
}

fn grid(side: u32) -> Adjacency {
    let at = |x: u32, y: u32| y * side + x;
    let right = (0..side).flat_map(move |y| (1..side).map(move |x| (at(x - 1, y), at(x, y))));
    let down = (1..side).flat_map(move |y| (0..side).map(move |x| (at(x, y - 1), at(x, y))));
    Adjacency::from_edges((side * side) as usize, right.chain(down))
}

fn assert_permutation(order: &[u32], count: usize) {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq((0..).take(count)), "not a permutation");
}

/// Entries of the factor below the diagonal, in blocks, by elimination on sets.
fn fill(graph: &Adjacency, order: &[u32]) -> usize {
    let mut left: Vec<std::collections::BTreeSet<u32>> =
        (0..).take(graph.len()).map(|v| graph.neighbours(v).iter().copied().collect()).collect();
    let mut entries = 0;
    for &vertex in order {
        let row = std::mem::take(&mut left[vertex as usize]);
        entries += row.len();
        for &a in &row {
            left[a as usize].extend(row.iter().copied().filter(|&b| b != a));
            left[a as usize].remove(&vertex);
        }
    }
    entries
}

/// The exact count that the analysis reports, back in blocks below the diagonal.
fn blocks(symbolic: &Symbolic, vertices: usize) -> usize {
    (symbolic.factor_entries as usize - 6 * vertices) / 9
}

#[test]
fn a_grid_is_dissected_with_little_fill() {
    let graph = grid(60);
    let order = nested_dissection(&graph, 50);
    assert_permutation(&order, graph.len());
    let symbolic = analyse(&graph, &order);
    assert_eq!(fill(&graph, &order), blocks(&symbolic, graph.len()));
    // Row by row it would be 60 × 3600.
    let all_leaf = analyse(&graph, &nested_dissection(&graph, usize::MAX));
    println!("{} blocks, by minimum degree alone {}", blocks(&symbolic, graph.len()), blocks(&all_leaf, graph.len()));
    assert!(blocks(&symbolic, graph.len()) < 64_000);
    let widest = symbolic.supernodes.iter().map(|s| s.width as usize + s.rows.len()).max();
    assert!(widest < Some(140), "{widest:?}");
}

#[test]
fn separators_separate_evenly() {
    let graph = grid(40);
    let sides = separator::find(&graph, &mut Random(7));
    let count = |side| sides.iter().filter(|&&s| s == side).count();
    for vertex in (0..).take(graph.len()) {
        for &other in graph.neighbours(vertex) {
            let pair = (sides[vertex as usize], sides[other as usize]);
            assert!(!matches!(pair, (LEFT, RIGHT) | (RIGHT, LEFT)), "{vertex} and {other} are neighbours");
        }
    }
    assert!(count(BETWEEN) <= 50, "a line would do: {}", count(BETWEEN));
    assert!(count(LEFT).min(count(RIGHT)) >= 600);
}

#[test]
fn extreme_graphs_are_ordered() {
    let clique = Adjacency::from_edges(300, (0..300).flat_map(|a| (0..a).map(move |b| (a, b))));
    let star = Adjacency::from_edges(20_000, (1..20_000).map(|leaf| (0, leaf)));
    let chain = Adjacency::from_edges(30_000, (1..30_000).map(|n| (n - 1, n)));
    let alone = Adjacency::from_edges(1000, std::iter::empty());
    let stars =
        Adjacency::from_edges(4000, (40..4000).map(|leaf| (leaf % 40, leaf)).chain((1..40).map(|hub| (0, hub))));
    for (graph, entries) in [(clique, 300 * 299 / 2), (star, 19_999), (chain, 60_000), (alone, 0), (stars, 3999)] {
        let order = nested_dissection(&graph, 100);
        assert_permutation(&order, graph.len());
        let symbolic = analyse(&graph, &order);
        assert!(blocks(&symbolic, graph.len()) <= entries, "{} > {entries}", blocks(&symbolic, graph.len()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    /// Orders are permutations, and the analysis is what elimination on sets gives.
    #[test]
    fn random_graphs_are_ordered_and_analysed(
        count in 1..120_u32,
        pairs in proptest::collection::vec((any::<u32>(), any::<u32>()), 0..400),
        leaf_size in 1..40_usize,
    ) {
        let graph = Adjacency::from_edges(count as usize, pairs.iter().map(|(a, b)| (a % count, b % count)));
        let order = nested_dissection(&graph, leaf_size);
        assert_permutation(&order, graph.len());
        prop_assert_eq!(&order, &nested_dissection(&graph, leaf_size), "the same each time");
        let symbolic = analyse(&graph, &order);
        assert_permutation(&symbolic.order, graph.len());
        prop_assert_eq!(fill(&graph, &order), blocks(&symbolic, graph.len()));
        prop_assert_eq!(fill(&graph, &symbolic.order), blocks(&symbolic, graph.len()), "renumbering adds nothing");

        // The supernodes tile the columns, children come first, and every pattern goes on in the parent.
        let mut next = 0;
        for (name, supernode) in (0..).zip(&symbolic.supernodes) {
            prop_assert_eq!(supernode.first, next);
            next = supernode.end();
            prop_assert!(supernode.rows.is_sorted_by(|a, b| a < b));
            prop_assert!(supernode.rows.iter().all(|&row| row >= next));
            match supernode.parent {
                NONE => prop_assert!(supernode.rows.is_empty()),
                parent => {
                    prop_assert!(parent > name);
                    let parent = &symbolic.supernodes[parent as usize];
                    let inside = |row: &u32| (parent.first..parent.end()).contains(row) || parent.rows.contains(row);
                    prop_assert!(supernode.rows.iter().all(inside));
                }
            }
        }
        prop_assert_eq!(next, count);
    }
}

/// A hub is in the halo of every leaf; were its row read for each, this would be quadratic.
#[test]
fn the_reads_for_a_star_grow_as_its_size() {
    let reads = |count: u32| {
        let graph = Adjacency::from_edges(count as usize, (1..count).map(|leaf| (0, leaf)));
        READS.set(0);
        let order = nested_dissection(&graph, 200);
        assert_permutation(&order, count as usize);
        assert_eq!(order.last(), Some(&0), "the hub separates all others");
        analyse(&graph, &order);
        READS.get()
    };
    let (some, more) = (reads(5_000), reads(50_000));
    println!("{some} reads for 5,000 vertices, {more} for 50,000");
    assert!(more < 15 * some, "{some} reads for 5,000 vertices, {more} for 50,000");
}
