//! The formula that parts leaves, and the layout word.

use proptest::prelude::*;

use super::layout::{Layout, MOST_BITS, Parts, bits_of, leaves_of};

#[test]
fn parts_are_even_and_cover_everything_once() {
    for items in 0..200 {
        for parts in 1..40 {
            let parted = Parts { items, parts };
            let mut end = 0;
            for part in 0..parts {
                let range = parted.range(part);
                assert_eq!(range.start, end, "{parted:?}");
                assert!(range.len() == items / parts || range.len() == items.div_ceil(parts));
                for item in range.clone() {
                    assert_eq!(parted.part_of(item), part, "{parted:?}, item {item}");
                }
                end = range.end;
            }
            assert_eq!(end, items);
        }
    }
}

#[test]
fn a_layout_says_what_it_was_made_of_and_never_comes_again() {
    let first = Layout(0).next(7, 3);
    assert_eq!((first.leaves(), first.workers()), (7, 3));
    let second = first.next(super::MOST_LEAVES, Layout::MOST_WORKERS);
    assert_eq!(
        (second.leaves(), second.workers()),
        (super::MOST_LEAVES, Layout::MOST_WORKERS)
    );
    assert_ne!(second.next(7, 3), first);
    let mut last = Layout(u64::MAX);
    last = last.next(7, 3);
    assert_eq!((last.leaves(), last.workers()), (7, 3));
}

proptest! {
    /// Every leaf has one worker and one bit, and the bit's leaves are those whose bit it is.
    #[test]
    fn places_and_partitions_agree(
        leaves in 1..=super::MOST_LEAVES,
        workers in 1..=Layout::MOST_WORKERS,
        pick in any::<prop::sample::Index>(),
    ) {
        let layout = Layout(0).next(leaves, workers);
        let leaf = pick.index(leaves);
        let place = layout.place(leaf).unwrap();
        let partition = layout.partition(place.worker);
        prop_assert!(partition.contains(&leaf));
        prop_assert!(place.leaves.contains(&leaf));
        prop_assert!(place.bit < bits_of(&partition) && place.bit < MOST_BITS);
        prop_assert_eq!(&place.leaves, &leaves_of(&partition, place.bit));
        if partition.len() <= MOST_BITS {
            prop_assert_eq!(place.leaves.len(), 1);
        }
        for other in [place.leaves.start, place.leaves.end - 1] {
            prop_assert_eq!(layout.place(other), Some(place.clone()));
        }
        prop_assert_eq!(layout.next(leaves, 0).place(leaf), None);
        prop_assert!(layout.partition(workers).is_empty());
    }
}
