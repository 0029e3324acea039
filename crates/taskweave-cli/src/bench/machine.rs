//! What the figures were measured on.

use std::fs;

use taskweave_sys::machine::topology;

/// Processor, how many of them, system, load at the time; without what the system doesn't tell.
pub(crate) fn describe() -> String {
    let mut parts = Vec::new();
    let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    parts.extend(model);
    parts.push(format!("{} processors", topology::available_cpus()));
    let first_word = |path| {
        let text = fs::read_to_string(path).ok()?;
        text.split_whitespace().next().map(str::to_owned)
    };
    parts
        .extend(first_word("/proc/sys/kernel/osrelease").map(|release| format!("Linux {release}")));
    parts.extend(first_word("/proc/loadavg").map(|load| format!("load {load} at the start")));
    parts.join(", ")
}
