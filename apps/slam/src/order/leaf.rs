//! Minimum degree on one leaf of the dissection.
//!
//! The graph of what is left is kept explicitly, a row of bits per vertex, and eliminating a vertex unites its neighbours' rows: leaves are small, so
//! this is faster than the quotient graphs of the large codes, and the degrees are exact. Vertices of the halo (the separators around the leaf)
//! count in the degrees and are never eliminated.

use super::Adjacency;

/// Writes `leaf`'s vertices to `places` in elimination order; `local` is scratch, all `u32::MAX` before and after.
pub(super) fn minimum_degree(graph: &Adjacency, leaf: &[u32], local: &mut [u32], places: &mut [u32]) {
    let mut vertices = leaf.to_vec();
    for (number, &vertex) in (0..).zip(leaf) {
        local[vertex as usize] = number;
    }
    for &vertex in leaf {
        for &target in graph.neighbours(vertex) {
            if local[target as usize] == u32::MAX {
                local[target as usize] = vertices.len() as u32;
                vertices.push(target);
            }
        }
    }
    let words = vertices.len().div_ceil(64);
    let mut rows = vec![0_u64; words * vertices.len()];
    // Only the leaf's own edges are read, and entered at both ends: a vertex of the halo may have edges into every leaf there is. Those between two
    // vertices of the halo are the same for every order of the leaf, and left out.
    let mut enter = |row: usize, column: usize| rows[row * words + column / 64] |= 1 << (column % 64);
    for (number, &vertex) in leaf.iter().enumerate() {
        for &target in graph.neighbours(vertex) {
            let target = local[target as usize] as usize;
            enter(number, target);
            enter(target, number);
        }
    }
    for &vertex in &vertices {
        local[vertex as usize] = u32::MAX;
    }
    eliminate(leaf, vertices.len(), words, &mut rows, places);
}

fn eliminate(leaf: &[u32], count: usize, words: usize, rows: &mut [u64], places: &mut [u32]) {
    let mut degrees: Vec<u32> = (0..count).map(|v| ones(&rows[v * words..(v + 1) * words])).collect();
    let mut left: Vec<usize> = (0..leaf.len()).collect();
    let mut pivot_row = vec![0_u64; words];
    let mut done = 0;
    while !left.is_empty() {
        let (at, &pivot) = left.iter().enumerate().min_by_key(|&(_, &v)| degrees[v]).expect("not empty");
        places[done] = leaf[pivot];
        done += 1;
        left.swap_remove(at);
        // When even the least of them sees all the others, what is left is a clique and any order will do.
        if degrees[pivot] as usize >= left.len() + (count - leaf.len()) {
            for &vertex in &left {
                places[done] = leaf[vertex];
                done += 1;
            }
            return;
        }
        pivot_row.copy_from_slice(&rows[pivot * words..(pivot + 1) * words]);
        for neighbour in bits(&pivot_row) {
            let row = &mut rows[neighbour * words..(neighbour + 1) * words];
            for (word, &other) in row.iter_mut().zip(&pivot_row) {
                *word |= other;
            }
            row[neighbour / 64] &= !(1 << (neighbour % 64));
            row[pivot / 64] &= !(1 << (pivot % 64));
            degrees[neighbour] = ones(row);
        }
    }
}

fn ones(row: &[u64]) -> u32 {
    row.iter().map(|word| word.count_ones()).sum()
}

fn bits(row: &[u64]) -> impl Iterator<Item = usize> + '_ {
    row.iter().enumerate().flat_map(|(place, &word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(place * 64 + bit)
        })
    })
}
