//! The built-in profiles and the example: they load, they agree with each other, and every number says where it is
//! from.

use std::collections::BTreeMap;
use std::path::Path;

use engine_config::{CarrierProfile, EngineConfig, IpVersion, TlsPolicy};
use mail_model::CarrierName;

const LEAST: &str = "[engine]\nnode_name = \"mail.example.jp\"\n";

fn loaded(text: &str) -> EngineConfig {
    EngineConfig::from_toml(text, "test.toml").unwrap_or_else(|faults| panic!("{faults}"))
}

fn profile<'a>(config: &'a EngineConfig, name: &str) -> &'a CarrierProfile {
    config.carriers.profile(&CarrierName::new(name).unwrap())
}

/// The text of a line without what stands between quotes, and its comment.
fn parts(line: &str) -> (String, &str) {
    let (mut outside, mut quoted) = (String::new(), false);
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return (outside, &line[at..]),
            _ if !quoted => outside.push(c),
            _ => {}
        }
    }
    (outside, "")
}

#[test]
fn every_built_in_profile_loads_without_a_fault() {
    let config = loaded(LEAST);
    let names: Vec<&str> = config.carriers.iter().map(|profile| profile.name.as_str()).collect();
    let expected = [
        "apple",
        "au",
        "docomo",
        "google",
        "jp_isp",
        "microsoft",
        "microsoft365",
        "mopera",
        "rakuten",
        "softbank",
        "softbank_i",
        "yahoo_inc",
        "yahoo_jp",
        "ymobile_old",
        "other",
    ];
    assert_eq!(names, expected);
    for profile in config.carriers.iter() {
        assert_eq!(profile.recipients_per_transaction_max, 1, "{}", profile.name);
        assert!(profile.name.is_other() || profile.label.is_some(), "{} has no name for people", profile.name);
        assert_ne!(profile.connections_max, 0);
    }
}

#[test]
fn every_file_of_the_folder_is_part_of_the_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("defaults/carriers");
    let config = loaded(LEAST);
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let carrier = name.trim_end_matches(".toml");
        let known =
            carrier == "_defaults" || config.carriers.profiles.contains_key(&CarrierName::new(carrier).unwrap());
        assert!(known, "{name} is not embedded");
        files += 1;
    }
    assert_eq!(files, config.carriers.profiles.len() + 1);
}

#[test]
fn every_domain_belongs_to_one_carrier_only() {
    let config = loaded(LEAST);
    let mut owners = BTreeMap::new();
    for profile in config.carriers.profiles.values() {
        for domain in &profile.domains {
            assert_eq!(owners.insert(domain.as_str(), &profile.name), None, "{domain}");
        }
    }
    assert_eq!(owners.get("docomo.ne.jp").map(|name| name.as_str()), Some("docomo"));
    assert!(owners.len() > 80, "{}", owners.len());
}

#[test]
fn every_number_says_its_source_or_that_it_is_a_guess() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("defaults/carriers");
    let mut numbers = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        for (line, text) in (1..).zip(std::fs::read_to_string(&path).unwrap().lines()) {
            let (outside, comment) = parts(text);
            let Some((_, value)) = outside.split_once('=') else { continue };
            if value.bytes().any(|b| b.is_ascii_digit()) {
                let told = comment.contains("source:") || comment.contains("guess");
                assert!(told, "{}:{line} has a number without a source", path.display());
                numbers += 1;
            }
        }
    }
    assert!(numbers > 50, "{numbers}");
}

#[test]
fn the_sections_left_out_have_their_defaults() {
    let config = loaded(LEAST);
    assert_eq!(config.engine.node_name.as_str(), "mail.example.jp");
    assert_eq!(config.engine.message_id_host.as_str(), "mail.example.jp");
    assert_eq!(config.engine.sessions_max, 512);
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8025");
    assert_eq!(config.http.recipients_max, 1_000_000);
    assert_eq!((config.dns.smtp_port, config.dns.allow_private_addresses), (25, false));
    assert!(config.routes.is_empty());
    let [source] = config.pools.sources.as_slice() else { panic!("one source") };
    assert_eq!((source.name.as_str(), source.address, source.ehlo_name.as_str()), ("default", None, "mail.example.jp"));
    let pools: Vec<(&str, usize)> =
        config.pools.pools.iter().map(|pool| (pool.name.as_str(), pool.members.len())).collect();
    assert_eq!(pools, [("wide", 1), ("narrow", 1)]);
    assert_eq!(config.pools.warmup.hourly_cap_by_day.len(), 21);
}

#[test]
fn the_operators_tables_lie_over_the_built_in_ones_key_by_key() {
    let text = "[engine]\nnode_name = \"mail.example.jp\"\n\
        [tls]\npolicy = \"off\"\n\
        [defaults]\nconnections_max = 7\nrate_step_per_min = 1.5\n\
        [carriers.softbank]\nrate_start_per_min = 20\n\
        [carriers.ours]\ndomains = [\"School.Example.jp\"]\n\
        [carriers.other]\nip_version = \"v4_v6\"\n";
    let config = loaded(text);
    let (softbank, ours, docomo) = (profile(&config, "softbank"), profile(&config, "ours"), profile(&config, "docomo"));
    // The operator's [carriers], the built-in profile, the operator's [defaults], the built-in defaults.
    assert_eq!((softbank.rate_start_per_min, softbank.connections_start), (20.0, 1));
    assert_eq!((softbank.rate_step_per_min, softbank.give_up_after_s), (1.5, 14_400));
    assert_eq!((ours.connections_max, ours.name_for_people()), (7, "ours"));
    assert_eq!(ours.domains[0].as_str(), "school.example.jp");
    assert_eq!((docomo.tls, profile(&config, "google").tls), (TlsPolicy::Off, TlsPolicy::Required));
    assert_eq!((docomo.ip_version, config.carriers.other.ip_version), (IpVersion::V4, IpVersion::V4V6));
    assert_eq!(profile(&config, "no-such-carrier").name, CarrierName::other());
}

#[test]
fn pools_left_out_are_made_of_the_sources() {
    let text = format!(
        "{LEAST}[[sources]]\nname = \"a\"\naddress = \"192.0.2.1\"\nwarmup_started = 2026-11-01\n\
         [[sources]]\nname = \"b\"\nehlo_name = \"B.example.jp\"\n\
         [[pools]]\nname = \"relay\"\nmembers = [{{ source = \"b\", weight = 3 }}]\n"
    );
    let config = loaded(&text);
    let shown: Vec<String> = config
        .pools
        .pools
        .iter()
        .map(|pool| {
            let members = pool.members.iter().map(|m| format!("{}*{}", m.source, m.weight));
            format!("{}: {}", pool.name, members.collect::<Vec<_>>().join(" "))
        })
        .collect();
    assert_eq!(shown, ["relay: b*3", "wide: a*1 b*1", "narrow: a*1 b*1"]);
    assert_eq!(
        config.pools.pools.iter().map(|pool| pool.kind.as_str()).collect::<Vec<_>>(),
        ["wide", "wide", "narrow"]
    );
    assert_eq!(config.pools.sources[0].warmup_started.map(|at| at.0), Some(1_793_458_800_000));
    assert_eq!(config.pools.sources[1].ehlo_name.as_str(), "b.example.jp");
}

#[test]
fn the_example_loads_as_it_is_and_with_every_line_in_force() {
    let config = loaded(EngineConfig::example());
    assert_eq!(config.engine.data_dir, Path::new("data"));

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("api-keys"), "# for the control plane\nschools:0123456789abcdef\n").unwrap();
    for file in ["keys/t2026a.pem", "keys/returns.key", "tls/key.pem", "tls/fullchain.pem"] {
        secret_file(&folder.path().join(file));
    }
    let in_force = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.is_empty() || rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => {
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    let all: Vec<String> = EngineConfig::example().lines().map(in_force).collect();
    let path = folder.path().join("todoke.toml");
    std::fs::write(&path, all.join("\n")).unwrap();
    let config = EngineConfig::load(&path).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.engine.data_dir, folder.path().join("data"));
    assert_eq!((config.pools.sources.len(), config.routes.len(), config.dns.servers.len()), (2, 1, 1));
    assert_eq!(profile(&config, "school_hosting").name_for_people(), "School hosting");
    let [key] = config.http.api_keys.as_slice() else { panic!("one key") };
    assert_eq!((key.name.as_str(), key.secret()), ("schools", "0123456789abcdef"));
    assert_eq!(format!("{key:?}"), "ApiKey(schools)");
    assert_eq!((config.edges.dkim_keys.len(), config.edges.inbound.listen.len()), (1, 1));
    assert!(config.edges.returns.is_some() && config.edges.inbound.certificate.is_some());
    assert_eq!(config.edges.registration.map(|registration| registration.schools.len()), Some(1));
}

fn secret_file(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "0123456789abcdef0123456789abcdef").unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o400)).unwrap();
}

#[test]
fn a_file_that_is_not_there_is_a_fault_with_a_remedy() {
    let faults = EngineConfig::load(Path::new("/no/such/todoke.toml")).unwrap_err();
    assert_eq!(faults.count(), 1);
    assert!(faults.to_string().contains("/no/such/todoke.toml: the file cannot be read"), "{faults}");
}
