//! Crates depend on lower layers only, and programs in `apps/` on the public ones only.

use crate::tree::Tree;

/// The layers, lowest first. Crates of one row do not know each other.
const LAYERS: [&[&str]; 8] = [
    &["taskweave-sys"],
    &["taskweave-core"],
    &["taskweave-testing"],
    &["taskweave"],
    &["taskweave-process", "taskweave-progress"],
    &["taskweave-cluster"],
    &["taskweave-taskbench"],
    &["taskweave-cli", "taskweave-bench"],
];

/// What a user of the library sees, and so all that an application may use.
const PUBLIC: [&str; 4] = [
    "taskweave",
    "taskweave-process",
    "taskweave-progress",
    "taskweave-cluster",
];

/// What tests of every layer use; it can't get into a library, for a package can't be made with what isn't published.
const TESTING: &str = "taskweave-testing";

/// Who may depend on whom.
pub(crate) fn dependencies_go_down(tree: &Tree) -> Vec<String> {
    let manifests: Vec<(&str, Manifest)> = tree
        .texts()
        .filter(|(path, _)| path.ends_with("/Cargo.toml"))
        .map(|(path, text)| (path, Manifest::read(text)))
        .collect();
    let apps: Vec<&str> = manifests
        .iter()
        .filter(|(path, _)| is_app(path))
        .map(|(_, manifest)| manifest.name)
        .collect();

    let mut findings = Vec::new();
    for (path, manifest) in &manifests {
        let layer = layer(manifest.name);
        if !is_app(path) && layer.is_none() {
            findings.push(format!(
                "{path}: `{}` has no place in the layers of tests/house/crates.rs",
                manifest.name
            ));
            continue;
        }
        for dependency in &manifest.dependencies {
            let allowed = if *dependency == TESTING {
                true
            } else if is_app(path) {
                PUBLIC.contains(dependency) || apps.contains(dependency)
            } else if apps.contains(dependency) {
                // The program and the benches run the applications; nothing below does.
                layer == Some(LAYERS.len() - 1)
            } else {
                self::layer(dependency) < layer
            };
            if !allowed {
                findings.push(format!(
                    "{path}: `{}` must not depend on `{dependency}`",
                    manifest.name
                ));
            }
        }
    }
    findings
}

fn is_app(path: &str) -> bool {
    path.starts_with("apps/")
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&name))
}

/// What this rule needs of a `Cargo.toml`: the package's name and the crates of this workspace that it depends on, in any section.
struct Manifest<'a> {
    name: &'a str,
    dependencies: Vec<&'a str>,
}

impl<'a> Manifest<'a> {
    fn read(text: &'a str) -> Self {
        let mut manifest = Manifest {
            name: "",
            dependencies: Vec::new(),
        };
        let mut section = "";
        for line in text.lines().map(str::trim) {
            if let Some(header) = line.strip_prefix('[') {
                section = header.trim_end_matches(']');
                if let Some((_, name)) = section
                    .rsplit_once('.')
                    .filter(|(table, _)| table.ends_with("dependencies"))
                {
                    manifest.add(name);
                    section = "one dependency";
                }
            } else if let Some((key, value)) = line.split_once('=') {
                let value = value.trim();
                if section == "package" && key.trim() == "name" {
                    manifest.name = value.trim_matches('"');
                } else if section == "one dependency" && key.trim() == "package" {
                    manifest.add(value);
                } else if section.ends_with("dependencies") {
                    manifest.add(key.split('.').next().unwrap_or(key));
                    if let Some((_, renamed)) = value.split_once("package = ") {
                        manifest.add(renamed.split(['"', '\'']).nth(1).unwrap_or(renamed));
                    }
                }
            }
        }
        manifest
    }

    fn add(&mut self, name: &'a str) {
        let name = name.trim().trim_matches(['"', '\'']);
        // A crate's tests may use a second copy of it with other features.
        if (name == "taskweave" || name.starts_with("taskweave-")) && name != self.name {
            self.dependencies.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::dependencies_go_down;
    use crate::{assert_clean, assert_found};

    fn manifest(name: &str, rest: &str) -> String {
        format!("[package]\nname = \"{name}\"\n{rest}")
    }

    #[test]
    fn the_layers_as_drawn_are_fine() {
        assert_clean(
            dependencies_go_down,
            &[
                (
                    "crates/taskweave-sys/Cargo.toml",
                    &manifest("taskweave-sys", "[dependencies]\nrustix = \"1\"\n"),
                ),
                (
                    "crates/taskweave/Cargo.toml",
                    &manifest(
                        "taskweave",
                        "[dependencies]\ntaskweave-core.workspace = true\n",
                    ),
                ),
                (
                    "crates/taskweave-cli/Cargo.toml",
                    &manifest("taskweave-cli", "[dependencies]\ntaskweave-slam = \"1\"\n"),
                ),
                (
                    "apps/slam/Cargo.toml",
                    &manifest(
                        "taskweave-slam",
                        "[dependencies]\ntaskweave.workspace = true\n",
                    ),
                ),
            ],
        );
    }

    #[test]
    fn an_upward_dependency_is_found_in_every_section() {
        for section in [
            "[dependencies]\ntaskweave.workspace = true",
            "[dev-dependencies]\ntaskweave = { path = \"../taskweave\" }",
            "[build-dependencies]\n\"taskweave\" = \"0.1\"",
            "[target.'cfg(target_os = \"linux\")'.dependencies]\ntaskweave.path = \"../taskweave\"",
            "[dependencies.taskweave]\npath = \"../taskweave\"",
            "[dependencies]\nweave = { package = \"taskweave\", path = \"../taskweave\" }",
            "[dependencies.weave]\npackage = \"taskweave\"",
        ] {
            let planted = manifest("taskweave-core", section);
            assert_found(
                dependencies_go_down,
                &[("crates/taskweave-core/Cargo.toml", &planted)],
                "`taskweave-core` must not depend on `taskweave`",
            );
        }
    }

    #[test]
    fn an_application_keeps_to_the_public_crates() {
        let planted = manifest(
            "taskweave-slam",
            "[dependencies]\ntaskweave-core.workspace = true\n",
        );
        assert_found(
            dependencies_go_down,
            &[("apps/slam/Cargo.toml", &planted)],
            "must not depend on `taskweave-core`",
        );
    }

    #[test]
    fn neighbours_do_not_know_each_other() {
        let planted = manifest(
            "taskweave-progress",
            "[dependencies]\ntaskweave-process.workspace = true\n",
        );
        assert_found(
            dependencies_go_down,
            &[("crates/taskweave-progress/Cargo.toml", &planted)],
            "`taskweave-process`",
        );
    }

    #[test]
    fn the_library_does_not_use_an_application() {
        let library = manifest(
            "taskweave",
            "[dev-dependencies]\ntaskweave-slam.workspace = true\n",
        );
        let app = manifest("taskweave-slam", "");
        assert_found(
            dependencies_go_down,
            &[
                ("crates/taskweave/Cargo.toml", &library),
                ("apps/slam/Cargo.toml", &app),
            ],
            "`taskweave` must not depend on `taskweave-slam`",
        );
    }

    #[test]
    fn a_new_crate_must_take_its_place() {
        assert_found(
            dependencies_go_down,
            &[("crates/extra/Cargo.toml", &manifest("extra", ""))],
            "has no place",
        );
    }
}
