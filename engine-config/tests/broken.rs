//! Broken configurations: each `broken/*.toml` has every one of its faults listed in the `.expected` file beside it.

use std::path::{Path, PathBuf};

use engine_config::EngineConfig;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken")
}

fn told(path: &Path) -> String {
    let name = path.file_name().unwrap().to_str().unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    match EngineConfig::from_toml(&text, name) {
        Ok(_) => format!("{name} loads\n"),
        Err(faults) => faults.iter().map(|fault| format!("{fault}\n")).collect(),
    }
}

#[test]
fn every_fault_of_a_file_is_told_at_once_with_line_key_and_remedy() {
    let mut files = 0;
    let mut differences = String::new();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "toml")) {
        let expected = std::fs::read_to_string(path.with_extension("expected")).unwrap_or_default();
        let found = told(path);
        if found != expected {
            differences.push_str(&format!("== {}\n-- expected\n{expected}-- found\n{found}", path.display()));
        }
        files += 1;
    }
    assert!(differences.is_empty(), "{differences}");
    assert!(files >= 8, "{files}");
}

#[test]
fn a_file_of_keys_is_checked_line_by_line_and_no_key_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let keys = "schools:0123456789abcdef\nno colon here\nschools:fedcba9876543210\nshort:hunter2\n:0123456789abcdef\n";
    std::fs::write(folder.path().join("keys"), keys).unwrap();
    let config =
        "[engine]\nnode_name = \"a.example.jp\"\n[http]\nlisten = \"0.0.0.0:8025\"\napi_keys_file = \"keys\"\n";
    let origin = folder.path().join("todoke.toml");
    let faults = EngineConfig::from_toml(config, origin.to_str().unwrap()).unwrap_err();
    let lines: Vec<Option<u32>> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [Some(2), Some(3), Some(4), Some(5)], "{faults}");
    assert!(!faults.to_string().contains("hunter2") && !faults.to_string().contains("fedcba"), "{faults}");
}

#[test]
fn a_secret_that_others_can_read_or_that_is_too_short_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("returns.key");
    let config =
        "[engine]\nnode_name = \"a.example.jp\"\n[returns]\ndomain = \"b.example.jp\"\nkey_file = \"returns.key\"\n";
    let origin = folder.path().join("todoke.toml");
    let told = |bytes: &str, mode: u32| {
        std::fs::remove_file(&path).ok();
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        EngineConfig::from_toml(config, origin.to_str().unwrap()).map_err(|faults| faults.to_string())
    };
    let long = "0123456789abcdef0123456789abcdef";
    assert!(told(long, 0o644).unwrap_err().contains("can be read by others than its owner; chmod 400 it"));
    assert!(told("hunter2", 0o400).unwrap_err().contains("has fewer than 32 bytes"));
    assert!(told("", 0o400).unwrap_err().contains("is empty"));
    let good = told(long, 0o400).unwrap();
    let returns = good.edges.returns.unwrap();
    assert_eq!((returns.window_days, returns.key.bytes()), (14, long.as_bytes()));
    assert!(!format!("{returns:?}").contains("0123"), "a secret is never shown");
}
