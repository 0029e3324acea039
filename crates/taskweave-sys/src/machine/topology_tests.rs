use std::{collections::HashMap, path::Path};

use super::*;

/// Two packages of two cores of two threads, numbered as on most servers: packages alternate,
/// second threads come last.
fn server() -> Vec<Processor> {
    (0..8)
        .map(|id| Processor {
            package: id % 2,
            core: id / 2 % 2,
            id,
        })
        .collect()
}

#[test]
fn compact_keeps_neighbours_together() {
    assert_eq!(Order::Compact.arrange(&server()), [0, 4, 2, 6, 1, 5, 3, 7]);
}

#[test]
fn spread_takes_packages_then_cores_then_second_threads() {
    assert_eq!(Order::Spread.arrange(&server()), [0, 1, 2, 3, 4, 5, 6, 7]);
    let mut server = server();
    // Numbers may be anything, and so may the order in which they come.
    for processor in &mut server {
        processor.id = 100 - processor.id;
    }
    assert_eq!(
        Order::Spread.arrange(&server),
        [96, 95, 94, 93, 100, 99, 98, 97]
    );
}

#[test]
fn both_orders_are_permutations() {
    for order in [Order::Compact, Order::Spread] {
        let mut arranged = order.arrange(&server());
        arranged.sort_unstable();
        assert_eq!(arranged, (0..8).collect::<Vec<_>>());
        assert!(order.arrange(&[]).is_empty());
    }
}

#[test]
fn places_are_read_from_the_system_files_and_have_defaults() {
    let files: HashMap<&str, &str> = HashMap::from([
        (
            "/sys/devices/system/cpu/cpu3/topology/physical_package_id",
            "1\n",
        ),
        ("/sys/devices/system/cpu/cpu3/topology/core_id", "7\n"),
        (
            "/sys/devices/system/cpu/cpu4/topology/physical_package_id",
            "-1\n",
        ),
    ]);
    let read = |path: &Path| files.get(path.to_str()?).map(|&text| text.to_owned());
    assert_eq!(
        processor(3, &read),
        Processor {
            package: 1,
            core: 7,
            id: 3
        }
    );
    assert_eq!(
        processor(4, &read),
        Processor {
            package: 0,
            core: 4,
            id: 4
        }
    );
}

#[test]
fn this_machine_has_processors() {
    assert!(available_cpus() >= 1);
    assert_eq!(
        processors().len(),
        affinity::current().map_or(0, |cpus| cpus.len())
    );
}
