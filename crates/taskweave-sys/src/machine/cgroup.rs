//! The processor quota of the control groups that this process is in, both versions.
//!
//! Everything here is a function of text, but for the `read` that fetches a file, so that the tests
//! need no container.

use std::path::{Path, PathBuf};

/// The least quota among the groups that hold this process, in whole processors, rounded up. `None`
/// if there is no quota.
pub(super) fn cpu_limit(read: &impl Fn(&Path) -> Option<String>) -> Option<usize> {
    let memberships = read(Path::new("/proc/self/cgroup"))?;
    let mounts = read(Path::new("/proc/self/mountinfo"))?;
    mounts
        .lines()
        .filter_map(Mount::parse)
        .filter_map(|mount| mount.limit(&memberships, read))
        .min()
}

/// A mounted hierarchy of groups that can limit processor time.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    version: Version,
    /// The group that is mounted: `/` but for some containers.
    root: String,
    /// Where it is mounted.
    point: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Mount {
    /// Reads a line of `/proc/self/mountinfo`: `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG…] -
    /// TYPE SOURCE SUPEROPTIONS`.
    fn parse(line: &str) -> Option<Self> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (mount.next()?, mount.next()?);
        let mut filesystem = filesystem.split(' ');
        let (kind, options) = (filesystem.next()?, filesystem.nth(1).unwrap_or(""));
        let version = match kind {
            "cgroup2" => Version::Two,
            "cgroup" if options.split(',').any(|option| option == "cpu") => Version::One,
            _ => return None,
        };
        Some(Self {
            version,
            root: unescape(root),
            point: PathBuf::from(unescape(point)),
        })
    }

    fn limit(&self, memberships: &str, read: &impl Fn(&Path) -> Option<String>) -> Option<usize> {
        let group = memberships
            .lines()
            .find_map(|line| group(line, self.version))?;
        self.directories(group)
            .iter()
            .filter_map(|directory| self.version.limit(directory, read))
            .min()
    }

    /// The directories of a group and of those around it, as far as the mount shows them.
    fn directories(&self, group: &str) -> Vec<PathBuf> {
        // A group outside the mounted part is seen from within a container; what limits it from
        // there is the mount's own root.
        let below = Path::new(group)
            .strip_prefix(&self.root)
            .unwrap_or(Path::new(""));
        below
            .ancestors()
            .map(|below| self.point.join(below))
            .collect()
    }
}

impl Version {
    fn limit(self, directory: &Path, read: &impl Fn(&Path) -> Option<String>) -> Option<usize> {
        match self {
            Self::Two => cpu_max(&read(&directory.join("cpu.max"))?),
            Self::One => {
                let quota = read(&directory.join("cpu.cfs_quota_us"))?;
                let period = read(&directory.join("cpu.cfs_period_us"))?;
                processors(quota.trim(), period.trim())
            }
        }
    }
}

/// The path in a line of `/proc/self/cgroup`, `ID:CONTROLLERS:PATH`, if the line is about the
/// hierarchy that limits processor time.
fn group(line: &str, version: Version) -> Option<&str> {
    let mut fields = line.splitn(3, ':');
    let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let fits = match version {
        Version::Two => id == "0" && controllers.is_empty(),
        Version::One => controllers.split(',').any(|controller| controller == "cpu"),
    };
    fits.then_some(path)
}

/// The contents of `cpu.max`: `QUOTA PERIOD` in microseconds, or `max PERIOD`.
fn cpu_max(text: &str) -> Option<usize> {
    let mut fields = text.split_whitespace();
    processors(fields.next()?, fields.next()?)
}

/// Quota by period, rounded up. `max` and -1 mean that there is none.
fn processors(quota: &str, period: &str) -> Option<usize> {
    let quota: u64 = quota.parse().ok()?;
    let period: u64 = period.parse().ok().filter(|&period| period > 0)?;
    usize::try_from(quota.div_ceil(period))
        .ok()
        .map(|count| count.max(1))
}

/// Undoes the octal escapes (`\040` for a space) of mount tables.
fn unescape(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut result = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let code = part
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                result.push(char::from(code));
                result.push_str(&part[3..]);
            }
            None => {
                result.push('\\');
                result.push_str(part);
            }
        }
    }
    result
}

#[cfg(test)]
#[path = "cgroup_tests.rs"]
mod tests;
