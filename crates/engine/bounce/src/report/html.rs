//! A web page as plain text, for reports that come without another form.

/// The text of a page: tags away, block elements as line ends, the common entities resolved.
pub(crate) fn to_text(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some(open) = memchr::memchr(b'<', rest.as_bytes()) {
        push_text(&mut out, rest.get(..open).unwrap_or_default());
        let tag = rest.get(open + 1..).unwrap_or_default();
        let Some(close) = memchr::memchr(b'>', tag.as_bytes()) else { return out };
        let name: String = (tag.chars().skip_while(|c| *c == '/'))
            .take_while(char::is_ascii_alphanumeric)
            .take(12)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let inside = tag.get(..close).unwrap_or_default();
        // `<a@b.jp>` written without escaping.
        if inside.contains('@') && !inside.contains([' ', '=', '"']) {
            out.push_str(inside);
        }
        if matches!(
            name.as_str(),
            "br" | "p"
                | "div"
                | "tr"
                | "td"
                | "table"
                | "li"
                | "ul"
                | "h1"
                | "h2"
                | "h3"
                | "h4"
                | "pre"
                | "blockquote"
                | "hr"
        ) && !out.ends_with('\n')
        {
            out.push('\n');
        }
        rest = tag.get(close + 1..).unwrap_or_default();
        if matches!(name.as_str(), "style" | "script" | "head") && !tag.starts_with('/') {
            let end = format!("</{name}");
            let skipped = rest.find(&end).or_else(|| rest.find(&end.to_ascii_uppercase())).unwrap_or(rest.len());
            rest = rest.get(skipped..).unwrap_or_default();
        }
    }
    push_text(&mut out, rest);
    out
}

fn push_text(out: &mut String, text: &str) {
    for word in text.split_inclusive(char::is_whitespace) {
        let blank = word.ends_with(char::is_whitespace);
        let word = word.trim_end();
        if !word.is_empty() {
            push_resolved(out, word);
        }
        if blank && !out.is_empty() && !out.ends_with([' ', '\n']) {
            out.push(' ');
        }
    }
}

fn push_resolved(out: &mut String, word: &str) {
    let mut rest = word;
    while let Some(at) = rest.find('&') {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        let end = rest.bytes().take(10).position(|b| b == b';');
        let entity = end.and_then(|end| rest.get(1..end)).and_then(resolve);
        match (entity, end) {
            (Some(c), Some(end)) => {
                out.push(c);
                rest = rest.get(end + 1..).unwrap_or_default();
            }
            _ => {
                out.push('&');
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
}

fn resolve(entity: &str) -> Option<char> {
    Some(match entity {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "nbsp" => ' ',
        "apos" => '\'',
        "commat" => '@',
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|c| !c.is_control())?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_become_lines_of_text() {
        let table = [
            ("<html><head><title>x</title></head><body><p>a&lt;b@c.jp&gt;</p>d<br>e", "\na<b@c.jp>\nd\ne"),
            ("<style>p { x }</style>a&#64;b &amp c&nbsp;d", "a@b &amp c d"),
            ("<b@c.jp>: no", "b@c.jp: no"),
            ("a <", "a "),
            ("a\n   b", "a b"),
        ];
        for (html, wanted) in table {
            assert_eq!(to_text(html), wanted, "{html}");
        }
    }
}
