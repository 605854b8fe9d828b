//! Random actions against a trivial model: a map of what waits, a list of what ended, and a list of what came in.

mod back;
#[path = "../common/mod.rs"]
mod common;
mod finish;
mod world;

use world::World;

#[test]
fn random_actions_do_what_the_model_does() {
    for seed in 0..100 {
        let mut world = World::new(seed);
        for step in 0..250 {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.act()));
            assert!(done.is_ok(), "seed {seed}, step {step}");
        }
        world.finish();
    }
}
