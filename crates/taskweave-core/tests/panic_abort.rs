//! With `panic = "abort"` a panic ends the process at once, wherever it happens, and a program without one works as ever.
#![cfg(all(
    target_os = "linux",
    not(any(taskweave_loom, taskweave_shuttle, taskweave_portable))
))]

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that does everything, or panics in the way it is told to.
const PROGRAM: &str = r#"
use taskweave_core::{Pool, for_each, join, scope};

fn main() {
    let pool = Pool::builder().worker_threads(2).build().unwrap();
    match std::env::args().nth(1).as_deref() {
        Some("spawn") => drop(pool.spawn(|| panic!("on purpose")).wait()),
        Some("detached") => {
            drop(pool.spawn(|| panic!("on purpose")));
            loop {
                std::thread::park();
            }
        }
        Some("join") => drop(pool.install(|| join(|| (), || panic!("on purpose")))),
        Some("scope") => pool.scope(|s| s.spawn(|| panic!("on purpose"))),
        Some("prepared") => drop(pool.prepare(|| panic!("on purpose")).submit().map(|job| job.wait())),
        Some("blocking") => drop(pool.spawn_blocking(|| panic!("on purpose")).wait()),
        _ => {
            let sum = pool.spawn(|| (0..100).sum::<u32>()).wait().unwrap();
            let (a, b) = pool.install(|| join(|| 1, || 2));
            let mut data = vec![0_u32; 1000];
            pool.install(|| for_each(&mut data[..], |x| *x += 1));
            pool.scope(|s| s.spawn(|| scope(|s| s.spawn(|| ()))));
            println!("{} {} {}", sum, a + b, data.iter().sum::<u32>());
        }
    }
}
"#;

/// Builds the program in a folder of its own, and returns where it is.
fn build() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("panic_abort");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("it's in the folder")).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let core = env!("CARGO_MANIFEST_DIR");
    let manifest = format!(
        "[package]\nname = \"aborts\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\ntaskweave-core = {{ path = {core:?} }}\n\n\
         [profile.dev]\npanic = \"abort\"\ndebug = false\n\n[workspace]\n"
    );
    write("Cargo.toml", &manifest);
    write("src/main.rs", PROGRAM);
    // What the workspace has already: nothing has to be downloaded.
    let lock = Path::new(core).join("../../Cargo.lock");
    if let Ok(text) = std::fs::read_to_string(lock) {
        write("Cargo.lock", &text);
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let of_this_build = ["CARGO_", "RUSTFLAGS", "RUSTC", "RUST_", "ASAN_"];
        if of_this_build.iter().any(|prefix| text.starts_with(prefix)) && text != "CARGO_HOME" {
            cargo.env_remove(&name);
        }
    }
    let output = cargo
        .args(["build", "--offline", "--quiet", "--target-dir"])
        .arg(folder.join("target"))
        .current_dir(&folder)
        .output()
        .expect("cargo runs this test");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the program can't be built:\n{errors}"
    );
    folder.join("target/debug/aborts")
}

#[test]
fn a_panic_ends_the_process() {
    let program = build();
    let fine = Command::new(&program).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&fine.stdout), "4950 3 1000\n");
    assert!(fine.status.success());
    for way in ["spawn", "detached", "join", "scope", "prepared", "blocking"] {
        let output = Command::new(&program).arg(way).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("on purpose"), "{way}: {text}");
        assert_eq!(output.status.signal(), Some(6), "{way} ends by SIGABRT");
    }
}
