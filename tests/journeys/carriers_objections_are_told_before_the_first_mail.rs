//! `todoke check-sending` against a name server that knows only what a test says.

use std::net::IpAddr;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;
use testkit::{DnsAnswer, DnsPlan, DnsRecord, DnsRule, MxPlan, World, WorldPlan};
use todoke_tests::program::run;

const DOMAIN: &str = "school.example.jp";

/// A domain whose DNS is as it should be, as far as one source without a configuration goes.
async fn names() -> Result<World> {
    let source: IpAddr = "198.51.100.25".parse()?;
    let mx = DnsAnswer::Mx(vec![MxPlan { preference: 10, host: "mail.example.jp".to_owned() }]);
    let records = vec![
        DnsRecord::address("mail.example.jp", source),
        DnsRecord::ptr(source, "mail.example.jp"),
        DnsRecord::txt(DOMAIN, "v=spf1 ip4:198.51.100.25 -all"),
        DnsRecord::txt("mail.example.jp", "v=spf1 a -all"),
        DnsRecord::txt("_dmarc.example.jp", "v=DMARC1; p=reject; rua=mailto:dmarc@example.jp"),
    ];
    let rules = vec![DnsRule { name: DOMAIN.to_owned(), answer: mx }];
    Ok(World::start(WorldPlan { dns: DnsPlan { rules, records, ..DnsPlan::default() }, ..WorldPlan::default() })
        .await?)
}

async fn check(world: &World, arguments: &[&str]) -> Result<todoke_tests::program::Ran> {
    let server = world.dns().address().to_string();
    let common = ["check-sending", DOMAIN, "--dns", &server];
    run(common.into_iter().chain(arguments.iter().copied())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_domain_passes_and_a_missing_record_fails_with_the_record_to_publish() -> Result<()> {
    let world = names().await?;
    let source = ["--source", "198.51.100.25=mail.example.jp"];
    let good = check(&world, &[&source[..], &["--lang", "ja"]].concat()).await?;
    assert_eq!(good.code, Some(0), "{}{}", good.out, good.err);
    assert!(good.out.contains("○ 198.51.100.25"), "{}", good.out);

    world.dns().remove_records("_dmarc.example.jp");
    let bad = check(&world, &[&source[..], &["--lang", "ja"]].concat()).await?;
    assert_eq!(bad.code, Some(1), "{}{}", bad.out, bad.err);
    for part in [
        "× school.example.jp",
        "_dmarc.school.example.jp. IN TXT \"v=DMARC1;",
        "Gmail、Outlook、iCloud は受け取りません",
    ] {
        assert!(bad.out.contains(part), "{part}\n{}", bad.out);
    }

    let json = check(&world, &[&source[..], &["--json"]].concat()).await?;
    let report: Value = serde_json::from_str(&json.out)?;
    let error = report["findings"].as_array().into_iter().flatten().find(|finding| finding["level"] == "error");
    assert_eq!(error.map(|finding| finding["id"].clone()), Some("dmarc/none".into()), "{}", json.out);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_tells_sources_and_what_is_missing_for_bounces() -> Result<()> {
    let world = names().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("todoke.toml");
    std::fs::write(&file, configuration(folder.path()))?;
    let ran = check(&world, &["--config", &file.display().to_string(), "--json"]).await?;
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let report: Value = serde_json::from_str(&ran.out)?;
    let ids: Vec<&str> = report["findings"].as_array().into_iter().flatten().filter_map(|f| f["id"].as_str()).collect();
    for id in ["spf/pass", "source/ptr", "dkim/none", "returns/none", "dmarc/dkim-not-aligned"] {
        assert!(ids.contains(&id), "{id}: {ids:?}");
    }
    Ok(())
}

fn configuration(folder: &Path) -> String {
    let data = folder.join("data");
    format!(
        "[engine]\nnode_name = \"mail.example.jp\"\ndata_dir = {data:?}\n\n\
         [[sources]]\nname = \"one\"\naddress = \"198.51.100.25\"\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_name_server_leaves_things_unknown_and_a_wrong_command_says_what_is_wrong() -> Result<()> {
    let world = names().await?;
    world.dns().set(DOMAIN, DnsAnswer::ServerFailure);
    let unknown = check(&world, &["--lang", "en"]).await?;
    assert_eq!(unknown.code, Some(1), "{}{}", unknown.out, unknown.err);
    assert!(unknown.out.contains("something stays unknown"), "{}", unknown.out);

    let wrong = run(["check-sending", "localhost"]).await?;
    assert_eq!(wrong.code, Some(2), "{}", wrong.err);
    assert!(wrong.err.contains("\"localhost\" is no domain"), "{}", wrong.err);
    let help = run(["check-sending", "--help"]).await?;
    assert!(help.out.contains("Examples:") && help.out.contains("Exit status:"), "{}", help.out);
    Ok(())
}
