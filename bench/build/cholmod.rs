//! CHOLMOD's header and library come from the system.

use std::{env, path::Path};

pub(super) fn compile() {
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
