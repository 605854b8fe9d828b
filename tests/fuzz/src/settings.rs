//! Configurations: every fault is told, and none of them is a panic.

use engine_config::EngineConfig;

/// A configuration file.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // A configuration may name files, and would have them read: the fuzzer must not find the machine's devices.
    if text.contains("_file") || text.contains("\\u") || text.contains("\\U") {
        return;
    }
    match EngineConfig::from_toml(&text, "todoke.toml") {
        Ok(config) => assert!(!config.pools.sources.is_empty() && config.pools.pools.len() >= 2),
        Err(faults) => assert!(!faults.to_string().is_empty()),
    }
}
