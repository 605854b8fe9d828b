//! A day's sums in the shape of a TLS-RPT report (RFC 8460 4.4). Sending it is not ours.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;

use crate::result::FailureType;
use crate::tally::{PolicyKey, Sums};

const DAY_S: u64 = 86_400;

/// One domain's report of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Who reports.
    pub organization_name: String,
    /// The day.
    pub date_range: DateRange,
    /// Whom to ask.
    pub contact_info: String,
    /// Unique among the reporter's.
    pub report_id: String,
    /// One entry for each policy that was applied.
    pub policies: Vec<PolicyReport>,
}

/// From the first to the last second of a day, RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DateRange {
    /// 00:00:00.
    pub start_datetime: String,
    /// 23:59:59.
    pub end_datetime: String,
}

/// What one policy came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PolicyReport {
    /// Which it was.
    pub policy: ReportedPolicy,
    /// How many sessions.
    pub summary: PolicySummary,
    /// What failed.
    pub failure_details: Vec<FailureDetails>,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReportedPolicy {
    /// `sts`, `tlsa` or `no-policy-found`.
    pub policy_type: &'static str,
    /// Its lines, or the TLSA records.
    pub policy_string: Vec<String>,
    /// The recipients' domain.
    pub policy_domain: String,
    /// The host names in it, for `sts`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mx_host: Vec<String>,
}

/// How many sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PolicySummary {
    /// Sessions encrypted as the policy demands.
    pub total_successful_session_count: u64,
    /// The others.
    pub total_failure_session_count: u64,
}

/// One kind of failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailureDetails {
    /// Its type.
    pub result_type: FailureType,
    /// Our address, where we chose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sending_mta_ip: Option<IpAddr>,
    /// The host.
    pub receiving_mx_hostname: String,
    /// The host's address, where there was a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiving_ip: Option<IpAddr>,
    /// How many sessions.
    pub failed_session_count: u64,
    /// Our own word where the type says too little.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub failure_reason_code: &'static str,
}

/// The report of one domain.
pub(crate) fn report<'a>(
    organization: &str,
    day: u64,
    domain: &str,
    policies: impl Iterator<Item = (&'a PolicyKey, &'a Sums)>,
) -> Report {
    let start_s = day.saturating_mul(DAY_S);
    Report {
        organization_name: organization.to_owned(),
        date_range: DateRange { start_datetime: rfc_3339(start_s), end_datetime: rfc_3339(start_s + DAY_S - 1) },
        // RFC 5321 4.5.1: every mail domain has one.
        contact_info: format!("postmaster@{organization}"),
        report_id: format!("{}-{domain}@{organization}", rfc_3339(start_s)),
        policies: policies.map(|(policy, sums)| policy_report(domain, policy, sums)).collect(),
    }
}

fn policy_report(domain: &str, policy: &PolicyKey, sums: &Sums) -> PolicyReport {
    let details = sums.details.iter().map(|(detail, count)| FailureDetails {
        result_type: detail.kind,
        sending_mta_ip: detail.sending_ip,
        receiving_mx_hostname: detail.mx_host.clone(),
        receiving_ip: detail.receiving_ip,
        failed_session_count: *count,
        failure_reason_code: detail.reason,
    });
    PolicyReport {
        policy: ReportedPolicy {
            policy_type: policy.kind,
            policy_string: policy.lines.clone(),
            policy_domain: domain.to_owned(),
            mx_host: policy.mx_hosts.clone(),
        },
        summary: PolicySummary {
            total_successful_session_count: sums.successes,
            total_failure_session_count: sums.failures,
        },
        failure_details: details.collect(),
    }
}

fn rfc_3339(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map(|at| at.to_string()).unwrap_or_default()
}
