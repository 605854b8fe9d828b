//! Every mail of the collection beside the tree, sent to a return path: each ends, none is unreadable, and a mail that is
//! no bounce moves nothing.

#![allow(clippy::print_stdout)] // what is absent is said

mod world;

use std::path::{Path, PathBuf};

use mail_model::Outcome;
use world::World;

fn folder(name: &str) -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("shared/bounces").join(name));
    let Some(found) = beside.into_iter().find(|path| path.is_dir()) else {
        println!("shared/bounces/{name} is not beside the tree: nothing is judged");
        return vec![];
    };
    let mut files: Vec<_> = std::fs::read_dir(found).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn every_mail_of_the_collection_comes_to_an_end() {
    let mut world = World::new("").await;
    world.start();
    let mut outcomes = std::collections::BTreeMap::new();
    for (n, file) in folder("mails").iter().enumerate() {
        let to = format!("guardian{n}@docomo.ne.jp");
        let id = world.sent(&to).await;
        let path = world.addresses.return_paths().unwrap().mint(id);
        world.comes_from("198.51.100.7", "", &[path.as_str()], &std::fs::read(file).unwrap()).await;
        world.settled().await;
        *outcomes.entry(world.outcome(id).kind()).or_insert(0_u32) += 1;
    }
    println!("{outcomes:?}");
    assert!(world.kept().iter().all(|kept| kept.kind != "unreadable"));
    let all: u32 = outcomes.values().sum();
    let moved: u32 = all - outcomes.get("accepted").copied().unwrap_or(0);
    assert!(moved * 10 >= all * 9, "{moved} of {all} led to an outcome");
}

#[tokio::test]
async fn no_mail_that_is_no_bounce_moves_an_outcome() {
    let mut world = World::new("").await;
    world.start();
    for (n, file) in folder("negatives").iter().enumerate() {
        let to = format!("guardian{n}@docomo.ne.jp");
        let id = world.sent(&to).await;
        let path = world.addresses.return_paths().unwrap().mint(id);
        world.comes_from("198.51.100.7", "", &[path.as_str()], &std::fs::read(file).unwrap()).await;
        world.settled().await;
        assert_eq!(world.outcome(id), Outcome::Accepted, "{}", file.display());
        assert_eq!(world.reason(&to), None, "{}", file.display());
    }
}
