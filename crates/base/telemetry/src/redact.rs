//! Takes addresses out of what a remote server said before it is logged.

/// Where one word of a reply ends and the next begins.
const BETWEEN: &str = " \t<>()[]{},;:\"'=|";

/// Replaces every mailbox by `…`: words with `@` keep their domain, words equal to `local` vanish.
///
/// Servers repeat the recipient in their replies (`550 <taro@docomo.ne.jp>: Unknown user`), some without the domain.
pub fn without_addresses(text: &str, local: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if !BETWEEN.contains(c) {
            word.push(c);
            continue;
        }
        push_word(&mut out, &word, local);
        word.clear();
        out.push(c);
    }
    out.pop();
    out
}

fn push_word(out: &mut String, word: &str, local: &str) {
    if let Some(at) = word.rfind('@') {
        out.push('…');
        out.push_str(word.get(at..).unwrap_or_default());
    } else if !local.is_empty() && word.trim_end_matches(['.', '!']).eq_ignore_ascii_case(local) {
        out.push('…');
    } else {
        out.push_str(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mailbox_survives_in_a_reply() {
        let table = [
            ("550 <taro@docomo.ne.jp>: Unknown user", "550 <…@docomo.ne.jp>: Unknown user"),
            ("User taro.", "User …"),
            ("user=TARO, rejected", "user=…, rejected"),
            ("to:taro@a.jp;from:x@b.jp", "to:…@a.jp;from:…@b.jp"),
            ("no address", "no address"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(without_addresses(text, "taro"), expected);
        }
    }
}
