//! Every command and flag, with its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::address_command::AddressCommand;
use crate::canaries_command::CanariesArgs;
use crate::check_sending::CheckSendingArgs;
use crate::dkim::DkimCommand;
use crate::engine_args::EngineArgs;
use crate::inbox_command::InboxCommand;
use crate::keys::KeysCommand;
use crate::limits_command::LimitsArgs;
use crate::registration::RegistrationArgs;

const ABOUT: &str =
    "Todoke (届け) hands a school's notice to every guardian's mail carrier, and names what did not arrive.";

/// The whole command line.
#[derive(Parser, Debug)]
#[command(version, about = ABOUT, arg_required_else_help = true, max_term_width = 100, after_help = "\
First steps:
  todoke demo                            see a notice reach 80,000 addresses, on this machine only
  todoke check-config --example          print a configuration to start from
  todoke serve --config todoke.toml      run the engine
  todoke send --to list.csv --from 'Sakura School <notice@school.example>' \\
              --subject 'Closed today' --body notice.txt")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run the engine until it is told to stop (Ctrl-C or SIGTERM).
    Serve(ServeArgs),
    /// Say everything that is wrong with a configuration file, or print one to start from.
    CheckConfig(CheckConfigArgs),
    /// Say what carriers would object to in mail from a domain, and which DNS records to publish. Sends nothing.
    CheckSending(CheckSendingArgs),
    /// Send a notice to a list of addresses through a running engine, and keep the bounce report.
    Send(Box<SendArgs>),
    /// Say when a list would have been handed over if it were sent now, carrier by carrier, and why. Sends nothing.
    Estimate(EstimateArgs),
    /// Look into, hold and release the queue of a running engine.
    Queue {
        #[command(flatten)]
        engine: EngineArgs,
        #[command(subcommand)]
        command: QueueCommand,
    },
    /// Say what mails that came back mean (one JSON line a recipient), or one reply of a carrier (one JSON object).
    Classify(ClassifyArgs),
    /// Say which addresses get no mail and why, and let mail go there again.
    Address {
        #[command(flatten)]
        engine: EngineArgs,
        #[command(subcommand)]
        command: AddressCommand,
    },
    /// Show what was learned about the carriers' limits: how fast, by which source, who rests and why.
    Limits(LimitsArgs),
    /// Read received mail that is meant for a person: postmaster, abuse, replies.
    Inbox {
        #[command(flatten)]
        engine: EngineArgs,
        #[command(subcommand)]
        command: InboxCommand,
    },
    /// Show which mails to our own mailboxes arrived and which a carrier accepted and dropped.
    Canaries(Box<CanariesArgs>),
    /// Print the address to which guardians of each school send an empty mail to register.
    Registration(RegistrationArgs),
    /// Make the keys that sign mail (DKIM), and print their DNS records.
    #[command(subcommand)]
    Dkim(DkimCommand),
    /// Make the key that authenticates what comes back.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Watch a ward's notice reach ten scripted carriers on this machine, or a scenario. No mail leaves it.
    Demo(DemoArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// The configuration file (TOML). `todoke check-config --example` prints one.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct CheckConfigArgs {
    /// The configuration file to check.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["example", "explain"])]
    pub(crate) config: Option<PathBuf>,
    /// Print a commented configuration to start from.
    #[arg(long)]
    pub(crate) example: bool,
    /// Print every setting with its type, unit, default, bounds and reason.
    #[arg(long)]
    pub(crate) explain: bool,
}

#[derive(Args, Debug)]
pub(crate) struct SendArgs {
    /// The recipients: a CSV file with a header row. Column `email` (or メールアドレス) is needed, `name` (or 氏名) is
    /// used for the To line, every other column can stand in the text as {{ column }}. UTF-8 or Shift_JIS.
    #[arg(long, value_name = "CSV")]
    pub(crate) to: PathBuf,
    /// The sender that recipients see, as "Sakura School <notice@school.example>".
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: String,
    /// The envelope sender, to which bounces go; the address of --from when not given.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) envelope_sender: Option<String>,
    /// The subject; may hold {{ columns }}.
    #[arg(long)]
    pub(crate) subject: String,
    /// A text file with the notice (UTF-8 or Shift_JIS); may hold {{ columns }}.
    #[arg(long, value_name = "FILE")]
    pub(crate) body: PathBuf,
    /// A name under which the notice is counted; made from the time when not given.
    #[arg(long)]
    pub(crate) campaign: Option<String>,
    /// Whose notice it is, usually a school's code.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: String,
    /// How urgent it is. An emergency goes before everything else.
    #[arg(long, value_enum, default_value_t = ClassArg::Normal)]
    pub(crate) class: ClassArg,
    /// Give up what has not been handed over after so many minutes.
    #[arg(long, value_name = "MINUTES")]
    pub(crate) give_up_after: Option<u64>,
    /// The time after which the notice is of no use: 15:30 today, or 2026-09-01T15:30:00+09:00. What could not be handed
    /// over by then is not sent.
    #[arg(long, value_name = "TIME", conflicts_with = "give_up_after")]
    pub(crate) not_after: Option<String>,
    /// What happens then to those who were not reached: nothing, or they get the text of --replacement instead.
    #[arg(long, value_enum, requires = "not_after")]
    pub(crate) when_late: Option<WhenLateArg>,
    /// A text file with what is said instead of a late notice, as "the children stay at school".
    #[arg(long, value_name = "FILE", requires = "when_late")]
    pub(crate) replacement: Option<PathBuf>,
    /// The subject of the replacement; the notice's when not given.
    #[arg(long, value_name = "SUBJECT", requires = "replacement")]
    pub(crate) replacement_subject: Option<String>,
    /// For how many minutes after the deadline the replacement is sent; six hours when not given.
    #[arg(long, value_name = "MINUTES", requires = "replacement")]
    pub(crate) replacement_for: Option<u64>,
    /// How many minutes before the deadline those who wait are listed as foreseen to be late.
    #[arg(long, value_name = "MINUTES", requires = "not_after")]
    pub(crate) warn_before: Option<u64>,
    /// Leave out bad rows instead of refusing the whole list.
    #[arg(long)]
    pub(crate) skip_bad: bool,
    /// Only check the list and the text; send nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Where to keep the bounce report.
    #[arg(long, value_name = "CSV", default_value = "bounces.csv")]
    pub(crate) bounces: PathBuf,
    /// Return as soon as the engine has the list safely; do not wait for the carriers.
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenLateArg {
    Drop,
    Replace,
}

#[derive(Args, Debug)]
pub(crate) struct EstimateArgs {
    /// The recipients, as for `todoke send`. Only counts by domain are given to the engine.
    #[arg(long, value_name = "CSV")]
    pub(crate) to: PathBuf,
    /// How urgent it is. An emergency goes before everything else.
    #[arg(long, value_enum, default_value_t = ClassArg::Normal)]
    pub(crate) class: ClassArg,
    /// Say how many would be too late for this time, as 2026-09-01T15:30:00+09:00.
    #[arg(long, value_name = "TIME")]
    pub(crate) not_after: Option<String>,
    /// Print the engine's answer as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClassArg {
    Emergency,
    Normal,
}

#[derive(Subcommand, Debug)]
pub(crate) enum QueueCommand {
    /// Show how much waits in which lane, what rests and why.
    Shape,
    /// Stop sending what matches, without refusing new work.
    Hold {
        /// Only this campaign.
        #[arg(long)]
        campaign: Option<String>,
        /// Only this tenant (school).
        #[arg(long)]
        tenant: Option<String>,
        /// Only this recipient domain.
        #[arg(long)]
        domain: Option<String>,
        /// Only this carrier.
        #[arg(long)]
        carrier: Option<String>,
        /// Why; shown to whoever looks next.
        #[arg(long)]
        reason: String,
        /// For how long, as 30m, 2h, 90s.
        #[arg(long = "for", value_name = "TIME", default_value = "1h")]
        duration: String,
    },
    /// End a hold by its number (see `queue shape`).
    Release {
        /// The number of the hold.
        id: u64,
    },
    /// List the mails that a crash may have sent twice.
    InDoubt,
    /// Show one notification: where it waits, and every attempt so far.
    Inspect {
        /// Its id, 16 hex digits, a dash, 8 hex digits.
        id: String,
    },
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  todoke classify bounce.eml                       one mail; - reads it from standard input
  todoke classify Maildir/new | jq -r 'select(.is_bounce) | [.recipient, .cause] | @tsv'
  todoke classify --reply '550 Unknown user <a@docomo.ne.jp>' --command DATA --carrier docomo

Each line is one JSON object, null where the mail does not tell:
  file, recipient
  is_bounce    true for the kinds bounce and delayed: the mail has not arrived
  kind         bounce, delayed (not given up yet), delivered, relayed, complaint, auto_reply,
               read_receipt, other
  cause        address_unknown, mailbox_full, recipient_filtered ...
  status, reply_code, action
               what the mail quotes: 5.1.1, 550, failed
  rule, evidence
               by which rule it was decided, and by which words of the mail
The exit code is 0, or 1 when a file could not be read.")]
pub(crate) struct ClassifyArgs {
    /// Mails: files, folders with all that is in them, or - for standard input. What begins with a separator line
    /// 'From sender date' is read as an mbox, unless its name ends in .eml.
    #[arg(value_name = "FILE", required_unless_present = "reply", conflicts_with = "reply")]
    pub(crate) mails: Vec<PathBuf>,
    /// A reply as the carrier wrote it: '550 5.1.1 Unknown user <a@docomo.ne.jp>'.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reply: Option<String>,
    /// The command it answers: connect, EHLO, MAIL, RCPT, DATA, 'end of DATA'.
    #[arg(long, default_value = "RCPT")]
    pub(crate) command: String,
    /// Whose server said it: docomo, au, softbank, google, … or other.
    #[arg(long, default_value = "other")]
    pub(crate) carrier: String,
}

#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// How many guardians get the notice.
    #[arg(long, env = "CONTACTS", default_value_t = 80_000, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    pub(crate) contacts: u32,
    /// End when the notice is through; the last line is then one JSON object.
    #[arg(long, env = "EXIT", num_args = 0..=1, default_missing_value = "1", default_value = "0")]
    pub(crate) exit: String,
    /// Play a scenario file instead: carriers whose limits nobody tells the engine. The end names crossings, bans and
    /// the time against that of a sender who knows every limit.
    #[arg(long, value_name = "FILE", env = "SCENARIO")]
    pub(crate) scenario: Option<PathBuf>,
    /// Play one mail in so many of the scenario; it takes about as much less time.
    #[arg(long, value_name = "N", env = "SHRINK", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) shrink: u64,
    /// Makes the run repeatable: who is unknown, who is full.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where the demo keeps its queue and reports; a new temporary folder when not given.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where the engine of the demo listens.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8025")]
    pub(crate) listen: String,
}
