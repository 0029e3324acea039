//! What the figures were measured on.

use std::fs;

/// One line: processor, how many of them, system, how busy it was, priority, compiler, versions of the peers.
pub(crate) fn describe_machine() -> String {
    let processor =
        field("/proc/cpuinfo", "model name").unwrap_or_else(|| "processor unknown".into());
    let processors = taskweave_sys::machine::topology::available_cpus();
    let kernel = line("/proc/sys/kernel/osrelease").unwrap_or_else(|| "release unknown".into());
    let load = line("/proc/loadavg")
        .and_then(|line| line.split(' ').next().map(str::to_owned))
        .unwrap_or_else(|| "unknown".into());
    format!(
        "{processor}, {processors} processors, Linux {kernel}, load {load} at the start, {}; {}; {}.",
        policy(),
        env!("BENCH_RUSTC"),
        env!("BENCH_PEERS"),
    )
}

/// How the system schedules this process: real-time policies keep other work off.
fn policy() -> &'static str {
    let stat = line("/proc/self/stat").unwrap_or_default();
    // The name, in parentheses, may hold blanks; the policy is the 39th field behind it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    match fields.split_whitespace().nth(38) {
        Some("0") => "ordinary priority",
        Some("1" | "2") => "real-time priority",
        _ => "unknown priority",
    }
}

fn line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.lines().next()?.to_owned())
}

/// The value of the first `name : value` line.
fn field(path: &str, name: &str) -> Option<String> {
    fs::read_to_string(path).ok()?.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::{describe_machine, policy};

    #[test]
    fn the_machine_is_described_in_one_line() {
        let line = describe_machine();
        assert!(
            line.contains("rayon 1.") && line.contains("rustc 1."),
            "{line}"
        );
        assert!(!line.contains("unknown") && !line.contains('\n'), "{line}");
        assert_ne!(policy(), "unknown priority");
    }
}
