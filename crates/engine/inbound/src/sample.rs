//! A configuration and its addresses, for tests.

use std::os::unix::fs::OpenOptionsExt;

use engine_config::EngineConfig;
use mail_model::UnixMs;

use crate::addresses::Addresses;

/// 2026-11-23, noon in Japan.
pub(crate) const NOW: UnixMs = UnixMs(1_795_402_800_000);

/// An engine with returns, registration of two schools and one-click links. Its keys lie in `dir`.
pub(crate) fn config(dir: &std::path::Path, key: u8) -> EngineConfig {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o400).open(dir.join("returns.key"));
    std::io::Write::write_all(&mut file.unwrap(), &[key; 32]).unwrap();
    std::fs::write(dir.join("todoke.toml"), TEXT).unwrap();
    EngineConfig::load(&dir.join("todoke.toml")).unwrap_or_else(|faults| panic!("{faults}"))
}

const TEXT: &str = r#"
[engine]
node_name = "mx.example.jp"
[returns]
domain = "bounce.example.jp"
key_file = "returns.key"
[unsubscribe]
url = "https://renraku.example.jp/u/"
[inbound]
listen = ["127.0.0.1:2525"]
[registration]
domain = "entry.example.jp"
reply_from = "さくら小学校 <entry@example.jp>"
[[registration_schools]]
number = 1
name = "さくら小学校"
generation = 2
[[registration_schools]]
number = 2
name = "うめ小学校"
generation = 5
accept_previous = true
"#;

fn addresses_of(key: u8) -> Addresses {
    let dir = tempfile::tempdir().unwrap();
    Addresses::new(&config(dir.path(), key).edges).unwrap()
}

/// The addresses of the sample.
pub(crate) fn addresses() -> Addresses {
    addresses_of(7)
}

/// The same with another key.
pub(crate) fn foreign_addresses() -> Addresses {
    addresses_of(8)
}
