use std::{collections::HashMap, path::Path};

use super::*;

fn limit(files: &[(&str, &str)]) -> Option<usize> {
    let files: HashMap<&Path, &str> = files
        .iter()
        .map(|&(path, text)| (Path::new(path), text))
        .collect();
    cpu_limit(&|path| files.get(path).map(|&text| text.to_owned()))
}

const UNIFIED: &str =
    "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const LEGACY: &str = "\
23 28 0:22 / /proc rw,relatime shared:14 - proc proc rw
31 30 0:27 / /sys/fs/cgroup/memory rw,nosuid shared:8 - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:10 - cgroup cgroup rw,cpu,cpuacct
";

#[test]
fn the_unified_hierarchy_is_read_up_to_its_root() {
    let files = |inner, outer| {
        limit(&[
            ("/proc/self/cgroup", "0::/jobs/one\n"),
            ("/proc/self/mountinfo", UNIFIED),
            ("/sys/fs/cgroup/jobs/one/cpu.max", inner),
            ("/sys/fs/cgroup/jobs/cpu.max", outer),
        ])
    };
    assert_eq!(files("max 100000\n", "max 100000\n"), None);
    assert_eq!(files("200000 100000\n", "max 100000\n"), Some(2));
    assert_eq!(
        files("max 100000\n", "150000 100000\n"),
        Some(2),
        "rounded up"
    );
    assert_eq!(
        files("800000 100000\n", "300000 100000\n"),
        Some(3),
        "the least counts"
    );
    assert_eq!(
        files("1000 100000\n", "max 100000\n"),
        Some(1),
        "never none at all"
    );
}

#[test]
fn the_legacy_hierarchy_of_the_cpu_controller_is_found_among_others() {
    let files = |quota, period| {
        limit(&[
            (
                "/proc/self/cgroup",
                "11:memory:/m\n4:cpu,cpuacct:/box\n0::/\n",
            ),
            ("/proc/self/mountinfo", LEGACY),
            ("/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", quota),
            ("/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", period),
        ])
    };
    assert_eq!(files("-1\n", "100000\n"), None);
    assert_eq!(files("250000\n", "100000\n"), Some(3));
    assert_eq!(files("50000\n", "100000\n"), Some(1));
}

#[test]
fn a_container_that_sees_its_group_as_the_root_is_limited_by_the_root() {
    let mount = "40 30 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n";
    let files = |membership| {
        limit(&[
            ("/proc/self/cgroup", membership),
            ("/proc/self/mountinfo", mount),
            ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "400000"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"),
        ])
    };
    assert_eq!(files("4:cpu:/docker/abc\n"), Some(4));
    assert_eq!(files("4:cpu:/somewhere/else\n"), Some(4));
}

#[test]
fn nonsense_is_no_limit() {
    for text in [
        "",
        "max",
        "100000",
        "x y",
        "100000 0",
        "-5 100000",
        "99999999999999999999 1",
    ] {
        assert_eq!(cpu_max(text), None, "{text:?}");
    }
    for line in [
        "",
        "a b c",
        "1 2 3:4 / /x opts - cgroup2",
        "1 2 3 - cgroup x rw,cpuset",
        " - cgroup2 a b",
        ":::",
        "- - -",
    ] {
        if let Some(mount) = Mount::parse(line) {
            assert_eq!(mount.version, Version::Two, "{line:?}");
        }
        assert_eq!(group(line, Version::One), None, "{line:?}");
    }
    assert_eq!(limit(&[]), None);
    assert_eq!(
        limit(&[
            ("/proc/self/cgroup", "0::/"),
            ("/proc/self/mountinfo", UNIFIED)
        ]),
        None
    );
}

#[test]
fn escapes_in_mount_points_are_undone() {
    assert_eq!(unescape(r"/a\040b\134c"), r"/a b\c");
    assert_eq!(unescape(r"/a\04"), r"/a\04");
    assert_eq!(unescape(r"/a\9zz\"), r"/a\9zz\");
    assert_eq!(unescape(r"\é\377"), r"\é\377");
}
