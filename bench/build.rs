//! Notes what the figures depend on: the compiler and the versions of the peers; and compiles the way to CHOLMOD, if asked to.

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
    compile_cholmod();
    Ok(())
}

/// CHOLMOD's header and library come from the system.
#[cfg(feature = "slam-peers")]
fn compile_cholmod() {
    const PLACES: [&str; 3] = [
        "/usr/include/suitesparse",
        "/usr/local/include/suitesparse",
        "/usr/include",
    ];
    println!("cargo::rerun-if-changed=peers/cholmod.c");
    println!("cargo::rerun-if-env-changed=SUITESPARSE_INCLUDE_DIR");
    let named = env::var("SUITESPARSE_INCLUDE_DIR").ok();
    let places = named.iter().map(String::as_str).chain(PLACES);
    let Some(place) = places
        .into_iter()
        .find(|place| Path::new(place).join("cholmod.h").exists())
    else {
        println!(
            "cargo::error=the feature slam-peers needs CHOLMOD, and cholmod.h is in none of {PLACES:?} (SUITESPARSE_INCLUDE_DIR can name \
             another place); install it with: apt-get install libsuitesparse-dev"
        );
        std::process::exit(1);
    };
    cc::Build::new()
        .file("peers/cholmod.c")
        .include(place)
        .compile("bench_cholmod");
    println!("cargo::rustc-link-lib=cholmod");
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
