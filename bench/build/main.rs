//! Notes what the figures depend on: the compiler and the versions of the peers; and compiles the ways to native peers, if asked to.

#[cfg(feature = "slam-peers")]
mod cholmod;
#[cfg(feature = "native-peers")]
mod native;

use std::{env, error::Error, fs, path::Path, process::Command};

const PEERS: [&str; 5] = [
    "rayon",
    "chili",
    "crossbeam-deque",
    "tokio",
    "async-executor",
];

fn main() -> Result<(), Box<dyn Error>> {
    let rustc = Command::new(env::var("RUSTC")?).arg("--version").output()?;
    println!(
        "cargo::rustc-env=BENCH_RUSTC={}",
        String::from_utf8_lossy(&rustc.stdout).trim()
    );

    let lock = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let lock = fs::read_to_string(lock)?;
    let versions: Vec<String> = PEERS
        .iter()
        .map(|peer| format!("{peer} {}", version(&lock, peer).unwrap_or("?")))
        .collect();
    println!("cargo::rustc-env=BENCH_PEERS={}", versions.join(", "));
    #[cfg(feature = "slam-peers")]
    cholmod::compile();
    #[cfg(feature = "native-peers")]
    native::compile()?;
    Ok(())
}

/// The version of `package` in a lock file.
fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}
