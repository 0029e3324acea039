//! Files are written whole or not at all where that can be had, and stay what they were: private, linked, devices.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use taskweave_slam::{Output, Picture, Problem, write_file};

/// A folder of a test's own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("taskweave-slam-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.0, Permissions::from_mode(0o700));
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_regular_file_is_replaced_in_one_step() {
    let folder = Folder::new("replaced");
    let path = folder.path("map.svg");
    write_file(&path, b"one").unwrap();
    let mut open = File::open(&path).unwrap();
    write_file(&path, b"two").unwrap();
    let mut seen = String::new();
    open.read_to_string(&mut seen).unwrap();
    assert_eq!(seen, "one", "who has it open reads on in the old one");
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(folder.names(), ["map.svg"], "nothing is left beside it");
}

#[test]
fn nothing_changes_before_it_is_published() {
    let folder = Folder::new("staged");
    for (name, hard_link) in [("new", false), ("old", false), ("linked", true)] {
        let path = folder.path(name);
        if name != "new" {
            fs::write(&path, "before").unwrap();
        }
        if hard_link {
            fs::hard_link(&path, folder.path("second")).unwrap();
        }
        let before = fs::read(&path).ok();
        let output = Output::find(&path).unwrap();
        drop(output.stage(b"after").unwrap());
        assert_eq!(fs::read(&path).ok(), before, "{name}");
        let staged = output.stage(b"after").unwrap();
        assert_eq!(fs::read(&path).ok(), before, "{name}");
        staged.publish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"after", "{name}");
    }
    assert_eq!(folder.names(), ["linked", "new", "old", "second"]);
}

#[test]
fn a_private_file_stays_private() {
    let folder = Folder::new("private");
    let path = folder.path("map.svg");
    for wanted in [0o600, 0o640, 0o444, 0o755] {
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(wanted)).unwrap();
        if let Ok(output) = Output::find(&path) {
            output.stage(b"new").unwrap().publish().unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new");
        }
        assert_eq!(mode(&path), wanted);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn while_it_is_written_a_private_file_is_private_too() {
    let folder = Folder::new("private_new");
    let path = folder.path("map.svg");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let output = Output::find(&path).unwrap();
    let staged = output.stage(b"new").unwrap();
    for name in folder.names() {
        assert_eq!(mode(&folder.path(&name)), 0o600, "{name}");
    }
    staged.publish().unwrap();
}

#[test]
fn hard_links_stay_links() {
    let folder = Folder::new("hard_links");
    let (one, two) = (folder.path("one.svg"), folder.path("two.svg"));
    fs::write(&one, "something longer than what comes").unwrap();
    fs::hard_link(&one, &two).unwrap();
    write_file(&one, b"new").unwrap();
    assert_eq!(fs::read(&two).unwrap(), b"new");
    assert_eq!(fs::metadata(&one).unwrap().ino(), fs::metadata(&two).unwrap().ino());
}

#[test]
fn symbolic_links_are_followed_also_those_that_lead_to_no_file_yet() {
    let folder = Folder::new("links");
    fs::create_dir(folder.path("sub")).unwrap();
    symlink("sub/real.svg", folder.path("link.svg")).unwrap();
    symlink("link.svg", folder.path("second.svg")).unwrap();
    for content in ["made", "replaced"] {
        write_file(&folder.path("second.svg"), content.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(folder.path("sub/real.svg")).unwrap(), content);
        for link in ["link.svg", "second.svg"] {
            assert!(fs::symlink_metadata(folder.path(link)).unwrap().is_symlink(), "{link}");
        }
    }
    symlink("missing/real.svg", folder.path("lost.svg")).unwrap();
    assert!(write_file(&folder.path("lost.svg"), b"x").is_err());
    symlink("loop.svg", folder.path("loop.svg")).unwrap();
    assert!(write_file(&folder.path("loop.svg"), b"x").is_err());
    assert_eq!(folder.names(), ["link.svg", "loop.svg", "lost.svg", "second.svg", "sub"]);
}

#[test]
fn a_picture_written_through_a_link_leaves_the_link() {
    let folder = Folder::new("picture_link");
    let text = "VERTEX2 0 0 0 0\nVERTEX2 1 1 0 0\nEDGE2 0 1 1 0 0 1 0 1 1 0 0\n";
    let problem = Problem::parse("two", text).unwrap();
    fs::write(folder.path("real.svg"), "old").unwrap();
    symlink("real.svg", folder.path("link.svg")).unwrap();
    Picture { problem: &problem, poses: problem.poses(), iterations: 0 }.write(folder.path("link.svg")).unwrap();
    assert!(fs::symlink_metadata(folder.path("link.svg")).unwrap().is_symlink());
    assert!(fs::read_to_string(folder.path("real.svg")).unwrap().starts_with("<svg"));
}

#[test]
fn what_a_dead_process_left_behind_is_in_nobodys_way() {
    let folder = Folder::new("stale");
    let stale = |n: usize| folder.path(&format!(".taskweave.{}.{n}.new", std::process::id()));
    (0..3).for_each(|n| fs::write(stale(n), "left behind").unwrap());
    write_file(&folder.path("map.svg"), b"x").unwrap();
    assert_eq!(fs::read(folder.path("map.svg")).unwrap(), b"x");
    (0..3).for_each(|n| assert_eq!(fs::read(stale(n)).unwrap(), b"left behind"));
    // With all names taken, what stands there is still written, and what doesn't is refused.
    (3..1000).for_each(|n| fs::write(stale(n), "").unwrap());
    write_file(&folder.path("map.svg"), b"y").unwrap();
    assert_eq!(fs::read(folder.path("map.svg")).unwrap(), b"y");
    let error = write_file(&folder.path("new.svg"), b"y").unwrap_err().to_string();
    assert!(error.contains("remove `.taskweave.*.new`"), "{error}");
}

#[test]
fn a_name_may_be_as_long_as_names_can_be() {
    let folder = Folder::new("long");
    let path = folder.path(&"x".repeat(255));
    for content in [b"one", b"two"] {
        write_file(&path, content).unwrap();
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    assert!(write_file(&folder.path(&"x".repeat(256)), b"x").is_err());
    assert_eq!(folder.names().len(), 1);
}

#[test]
fn a_file_in_a_folder_that_lets_none_be_made_is_written_in_place() {
    let folder = Folder::new("read_only");
    let path = folder.path("map.svg");
    fs::write(&path, "something longer than what comes").unwrap();
    fs::set_permissions(&folder.0, Permissions::from_mode(0o555)).unwrap();
    write_file(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    // Nobody, root neither, makes a file here.
    let name = Path::new("/proc/self/comm");
    if name.exists() {
        let before = fs::read(name).unwrap();
        write_file(name, b"renamed").unwrap();
        assert_eq!(fs::read(name).unwrap(), b"renamed\n");
        write_file(name, before.trim_ascii_end()).unwrap();
    }
}

#[test]
fn folders_and_paths_to_nowhere_are_refused() {
    let folder = Folder::new("refused");
    fs::create_dir(folder.path("sub")).unwrap();
    for path in ["sub", "sub/", "sub/..", "..", "no/such/folder/map.svg", "new/", "new/.", "new/.."] {
        let path = folder.path(path);
        let error = write_file(&path, b"x").unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: can't be written: ", path.display())), "{error}");
    }
    assert!(write_file(Path::new(""), b"x").is_err());
    assert_eq!(folder.names(), ["sub"]);
}

#[test]
fn devices_pipes_and_descriptors_are_written_directly() {
    write_file(Path::new("/dev/null"), b"x").unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file(), "a device stays one");
    assert!(write_file(Path::new("/dev/full"), b"x").is_err());

    let (mut reader, writer) = std::io::pipe().unwrap();
    write_file(Path::new(&format!("/dev/fd/{}", writer.as_raw_fd())), b"through the pipe").unwrap();
    drop(writer);
    let mut seen = String::new();
    reader.read_to_string(&mut seen).unwrap();
    assert_eq!(seen, "through the pipe");

    // Who holds a descriptor of a file sees what is written to it, for it's the same file still.
    let folder = Folder::new("descriptor");
    let mut file = File::options().read(true).write(true).create_new(true).open(folder.path("held")).unwrap();
    file.write_all(b"something longer than what comes").unwrap();
    write_file(Path::new(&format!("/dev/fd/{}", file.as_raw_fd())), b"new").unwrap();
    assert_eq!(file.metadata().unwrap().ino(), fs::metadata(folder.path("held")).unwrap().ino());
    assert_eq!(fs::read(folder.path("held")).unwrap(), b"new");
    assert_eq!(folder.names(), ["held"]);
}

#[test]
fn one_file_is_known_by_all_its_names() {
    let folder = Folder::new("names");
    fs::write(folder.path("one"), "").unwrap();
    fs::hard_link(folder.path("one"), folder.path("two")).unwrap();
    symlink("one", folder.path("three")).unwrap();
    symlink("new", folder.path("four")).unwrap();
    let find = |name: &str| Output::find(&folder.path(name)).unwrap();
    let metadata = fs::metadata(folder.path("one")).unwrap();
    for (name, is_one) in [("one", true), ("two", true), ("three", true), ("./one", true), ("new", false)] {
        assert_eq!(find(name).is_file(&metadata), is_one, "{name}");
        assert_eq!(find(name).is_same_file(&find("three")), is_one, "{name}");
    }
    assert!(find("new").is_same_file(&find("four")));
    assert!(!find("new").is_same_file(&find("newer")));
    let null = || Output::find(Path::new("/dev/null")).unwrap();
    assert!(!null().is_same_file(&null()), "a device can take two outputs");
}
