//! Finding the collections that lie beside the tree.

use std::path::{Path, PathBuf};

/// A file of the papers that lie beside the tree; `None`, with a word of it, where they are absent.
#[allow(clippy::print_stdout)] // Why nothing was judged.
pub fn paper(name: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("shared").join(name));
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: no folder `shared` with {name} beside the tree");
    }
    found
}
