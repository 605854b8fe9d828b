//! `GET /engine/api/campaigns/v1/{id}/bounces.csv`: who was not reached, why, and what to do.
//!
//! One row for each notification whose last outcome is not "accepted": failed, expired, withheld, and still deferred.
//! UTF-8 with a byte order mark, without which a Japanese Excel shows garbage; CRLF line ends; every cell quoted.

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use csv::{QuoteStyle, Terminator, WriterBuilder};
use jiff::Timestamp;
use jiff::tz::{self, TimeZone};
use mail_model::{Outcome, Stage, UnixMs, Withheld};
use queue::AttemptRecord;

use crate::engine::campaigns::cell::safe;
use crate::engine::campaigns::found::find;
use crate::engine::state::EngineState;
use crate::http::fault::Fault;

/// The columns, in order.
pub const HEADER: [&str; 14] = [
    "アドレス",
    "携帯会社",
    "結果",
    "原因ID",
    "原因",
    "対処",
    "応答コード",
    "相手の応答",
    "コマンド",
    "相手のサーバー",
    "時刻",
    "試行回数",
    "通知ID",
    "重複の可能性",
];

/// Without it a Japanese Excel shows garbage.
pub const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// Rows read from the queue at a time.
const ROWS_PER_PIECE: usize = 1_000;

fn result(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "受付済み",
        Outcome::Replaced => "代替文を受付",
        Outcome::Deferred(_) => "再送待ち",
        Outcome::Failed(_) => "配信失敗",
        Outcome::Expired(_) => "期限切れ",
        Outcome::Withheld(_) => "送信見合わせ",
        Outcome::Bounced(_) => "受付後に返送",
        Outcome::Complained => "迷惑メールとして申告",
    }
}

/// Id, label and advice. A withheld mail has no bounce behind it, so its reason stands there.
fn cause(outcome: Outcome) -> (&'static str, &'static str, &'static str) {
    match outcome {
        Outcome::Withheld(Withheld::Suppressed) => (
            Withheld::Suppressed.as_str(),
            "過去の配信エラーにより送信停止中",
            "以前の配信エラーのため送信していません。保護者に正しいアドレスの再登録を依頼してください。",
        ),
        Outcome::Withheld(Withheld::Cancelled) => {
            (Withheld::Cancelled.as_str(), "運用担当者または送信者による取消", "必要な場合は送り直してください。")
        }
        Outcome::Replaced => (
            "replaced",
            "期限までに届かず、代わりの文面を送信",
            "元の連絡は届いていません。必要な場合は電話などで連絡してください。",
        ),
        Outcome::Complained => (
            "complained",
            "受信者が迷惑メールとして申告",
            "このアドレスへの送信を停止しました。保護者に受信の希望を確認してください。",
        ),
        other => other.cause().map_or(("", "", ""), |cause| (cause.id(), cause.label_ja(), cause.advice_ja())),
    }
}

/// Japanese time as a spreadsheet reads it. Japan has had no daylight saving time since 1951.
pub fn japanese(at: UnixMs) -> String {
    let time = i64::try_from(at.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let zone = TimeZone::fixed(tz::offset(9));
    time.map(|time| time.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}

/// One row, every cell safe to open.
pub fn row(record: &AttemptRecord) -> [String; HEADER.len()] {
    let (id, label, advice) = cause(record.outcome);
    let reply = record.reply.as_ref();
    [
        record.address.for_people().into_owned(),
        record.carrier.to_string(),
        result(record.outcome).to_owned(),
        id.to_owned(),
        label.to_owned(),
        advice.to_owned(),
        reply.map(|reply| reply.code.to_string()).unwrap_or_default(),
        reply.map(ToString::to_string).unwrap_or_default(),
        record.stage.map(Stage::as_str).unwrap_or_default().to_owned(),
        record.mx_host.clone(),
        japanese(record.at),
        record.attempt.to_string(),
        record.id.to_string(),
        if record.in_doubt { "あり" } else { "" }.to_owned(),
    ]
    .map(|cell| safe(&cell).into_owned())
}

/// Rows as CSV.
pub fn lines<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> Vec<u8> {
    let mut writer =
        WriterBuilder::new().quote_style(QuoteStyle::Always).terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        // Into memory, and every row has the same length: cannot fail.
        let _ = writer.write_record(&row);
    }
    writer.into_inner().unwrap_or_default()
}

/// The call.
pub async fn csv(State(state): State<EngineState>, Path(id): Path<String>) -> Result<Response, Fault> {
    let found = find(&state, &id)?;
    let stream = async_stream::stream! {
        let mut head = BYTE_ORDER_MARK.to_vec();
        head.extend(lines(std::iter::once(HEADER.map(str::to_owned))));
        yield Ok(Bytes::from(head));
        let mut after = None;
        loop {
            let (queue, of) = (state.parts.queue.clone(), found.clone());
            let read = move || of.failures(&queue, after, ROWS_PER_PIECE);
            let page = match tokio::task::spawn_blocking(read).await {
                Ok(page) => page,
                // The answer has begun; breaking it off is the only way left to say that it is not complete.
                Err(error) => { yield Err(error); return; }
            };
            let Some(last) = page.last() else { return };
            after = Some(last.id);
            yield Ok(Bytes::from(lines(page.iter().map(row))));
        }
    };
    Ok(as_file(Body::from_stream(stream), "bounces", &id))
}

/// An answer that a browser keeps as a file.
pub fn as_file(body: Body, what: &str, id: &str) -> Response {
    let name = format!("attachment; filename=\"{what}-{}.csv\"", id.replace([':', '/'], "_"));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    // The id is a checked name: no quote, no line feed.
    if let Ok(value) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
