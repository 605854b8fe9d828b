//! `dkim new, record`: keys that sign mail, and the DNS records by which their signatures are verified.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use compose::dkim::{Algorithm, Record, new_key};
use mail_model::EmailAddress;

use crate::keys::{shown, write_new};

#[derive(Subcommand, Debug)]
#[command(after_help = "\
To sign mail from school.example:
  1. todoke dkim new --domain school.example --selector t2026a --out t2026a.pem
  2. publish the record that it prints, and wait until every name server of the domain has it
  3. put the [[dkim_keys]] lines that it prints into the configuration, and restart
  4. todoke check-sending school.example     says what carriers still object to

A second key with `--algorithm ed25519` and a selector of its own signs beside the RSA key. Those who know only RSA \
ignore it; the RSA key is needed as long as there are such.

To change keys: make one with a new selector, publish its record, and give it `since = \"2026-12-01\"`, a day on which \
the record is known everywhere. It takes over on that day. Leave the old record in DNS for a week: mail that waits is \
still signed with the old key.")]
pub(crate) enum DkimCommand {
    /// Make a key in a new file, print its DNS record and the lines for the configuration.
    New(NewArgs),
    /// Print the DNS record of a key again.
    Record(RecordArgs),
}

/// Whose key it is.
#[derive(Args, Debug)]
pub(crate) struct Place {
    /// The domain of the From addresses that it signs. Sub-domains need keys of their own.
    #[arg(long)]
    domain: String,
    /// Its name below _domainkey in DNS. One with a date, such as t2026a, makes the next change easy.
    #[arg(long)]
    selector: String,
}

#[derive(Args, Debug)]
pub(crate) struct NewArgs {
    #[command(flatten)]
    place: Place,
    /// What kind of key.
    #[arg(long, value_enum, default_value_t = AlgorithmArg::Rsa)]
    algorithm: AlgorithmArg,
    /// The file for the private key; it must not exist. Only its owner will be able to read it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct RecordArgs {
    #[command(flatten)]
    place: Place,
    /// The private key, PEM (PKCS#8).
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AlgorithmArg {
    /// RSA with 2048 bits: every carrier verifies it.
    Rsa,
    /// Ed25519 (RFC 8463): quick, and not yet verified by every carrier.
    Ed25519,
}

pub(crate) fn run(command: &DkimCommand) -> Result<ExitCode> {
    match command {
        DkimCommand::New(args) => new(args)?,
        DkimCommand::Record(args) => {
            let pem = std::fs::read(&args.key).with_context(|| format!("cannot read {}", args.key.display()))?;
            print_record(&record(&pem, &args.place).with_context(|| format!("in {}", args.key.display()))?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn new(args: &NewArgs) -> Result<()> {
    let algorithm = match args.algorithm {
        AlgorithmArg::Rsa => Algorithm::Rsa,
        AlgorithmArg::Ed25519 => Algorithm::Ed25519,
    };
    let pem = new_key(algorithm).context("the machine has no randomness to give")?;
    let record = record(pem.as_bytes(), &args.place)?;
    write_new(&args.out, pem.as_bytes())?;
    println!("wrote {} (mode 0400)\n", args.out.display());
    print_record(&record);
    let (domain, selector) = (domain(&args.place.domain)?, &args.place.selector);
    println!("\nFor the configuration, once every name server has the record:\n");
    println!("[[dkim_keys]]\ndomain = \"{domain}\"\nselector = \"{selector}\"\nkey_file = {}", shown(&args.out)?);
    Ok(())
}

fn record(pem: &[u8], place: &Place) -> Result<Record> {
    let good = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if !place.selector.split('.').all(good) {
        bail!("--selector: write letters, digits and '-' only, such as t2026a");
    }
    Ok(Record::of(pem, &domain(&place.domain)?, &place.selector)?)
}

/// The domain as DNS has it: lower case, other scripts in their ASCII form.
fn domain(text: &str) -> Result<String> {
    let address: Result<EmailAddress, _> = format!("postmaster@{text}").parse();
    let address = address.context("--domain: write a domain such as school.example")?;
    Ok(address.domain().to_owned())
}

fn print_record(record: &Record) {
    println!("The DNS record, as a line of a zone file:\n\n{record}\n");
    println!("For a form that takes one text, type TXT at {}\n\n{}", record.name.trim_end_matches('.'), record.text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_dns_cannot_have_is_refused() {
        let pem = new_key(Algorithm::Ed25519).unwrap();
        let table = [
            ("school.example", "t2026a", Some("t2026a._domainkey.school.example.")),
            ("学校.example", "a.b", Some("a.b._domainkey.xn--48s290a.example.")),
            ("school.example", "a b", None),
            ("school.example", "a\"", None),
            ("school.example", "", None),
            ("school example", "s", None),
            ("", "s", None),
        ];
        for (domain, selector, name) in table {
            let place = Place { domain: domain.to_owned(), selector: selector.to_owned() };
            let made = record(pem.as_bytes(), &place).ok().map(|record| record.name);
            assert_eq!(made.as_deref(), name, "{selector} of {domain}");
        }
    }
}
