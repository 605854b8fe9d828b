//! The tree as it lies on disk: text files, parsed Rust, manifests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::circles::{Crate, modules};

/// One text file.
pub struct File {
    /// From the root, with `/`.
    pub path: String,
    pub text: String,
    pub syntax: Option<syn::File>,
}

/// One crate's Cargo.toml.
pub struct Manifest {
    /// The folder, from the root.
    pub folder: String,
    pub name: String,
    pub text: String,
}

pub struct Tree {
    pub files: Vec<File>,
    pub manifests: Vec<Manifest>,
    pub top_level: BTreeSet<String>,
}

/// Folders that hold what is made, not what is written.
const MADE: [&str; 5] = ["target", "node_modules", "dist", "data", ".git"];
const TEXT: [&str; 14] =
    ["rs", "toml", "md", "sh", "ts", "tsx", "css", "html", "json", "yml", "yaml", "csv", "service", "conf"];

impl Tree {
    pub fn load() -> Self {
        // Asked at run time: clones share one folder of build products, and the path compiled in may be another clone's.
        let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&here).parent().expect("the tests folder lies in the root");
        let mut paths = Vec::new();
        walk(root, &mut paths);
        let mut files: Vec<File> = paths.iter().filter_map(|path| read(root, path)).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let manifests = files.iter().filter_map(manifest).collect();
        let names = std::fs::read_dir(root).expect("the root can be listed").flatten();
        let top_level = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        Self { files, manifests, top_level }
    }

    pub fn rust(&self) -> impl Iterator<Item = (&File, &syn::File)> {
        self.files.iter().filter_map(|file| Some((file, file.syntax.as_ref()?)))
    }

    pub fn text(&self, path: &str) -> Option<String> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.clone())
    }

    /// Every root module (`lib.rs`, `main.rs`) with the modules it declares outside tests.
    pub fn crates(&self) -> Vec<Crate<'_>> {
        let roots = |manifest: &Manifest| {
            ["lib.rs", "main.rs"].map(|root| modules(self, &format!("{}/src", manifest.folder), root))
        };
        self.manifests.iter().flat_map(roots).flatten().collect()
    }

    /// Rust files of the program itself: declared from `lib.rs`, `main.rs` or in `src/bin`, and not under
    /// `#[cfg(test)]`. All others are compiled for tests only.
    pub fn product(&self) -> Vec<(&File, &syn::File)> {
        let crates = self.crates();
        let reached: BTreeSet<&str> = crates.iter().flat_map(|c| &c.modules).map(|m| m.file.path.as_str()).collect();
        self.rust()
            .filter(|(file, _)| reached.contains(file.path.as_str()) || file.path.contains("/src/bin/"))
            .collect()
    }
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if MADE.contains(&name.as_str()) {
            continue;
        }
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, paths);
        } else if path.extension().is_none_or(|e| e.to_str().is_some_and(|e| TEXT.contains(&e))) {
            paths.push(path);
        }
    }
}

fn read(root: &Path, path: &Path) -> Option<File> {
    let text = std::fs::read_to_string(path).ok()?;
    let name = path.strip_prefix(root).ok()?.to_string_lossy().into_owned();
    let syntax = name.ends_with(".rs").then(|| {
        syn::parse_file(&text).unwrap_or_else(|error| panic!("{name}:{}: {error}", error.span().start().line))
    });
    Some(File { path: name, text, syntax })
}

fn manifest(file: &File) -> Option<Manifest> {
    let folder = file.path.strip_suffix("/Cargo.toml")?;
    let table: toml::Table = file.text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.path));
    let name = table.get("package")?.get("name")?.as_str()?.to_owned();
    Some(Manifest { folder: folder.to_owned(), name, text: file.text.clone() })
}
