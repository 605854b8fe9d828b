//! Did you mean …? The known key nearest to one that is not known.

/// The nearest of `known`, if it is near enough to be a slip of the finger.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let most = (word.chars().count() / 2).clamp(1, 3);
    let scored = known.iter().map(|candidate| (slips(word, candidate), *candidate));
    let (distance, candidate) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= most).then_some(candidate)
}

/// Insertions, deletions and replacements of one letter; a word that only lacks its end is one slip.
fn slips(from: &str, to: &str) -> usize {
    if from.len() >= 3 && to.starts_with(from) {
        return 1;
    }
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut next = vec![line + 1];
        for (column, other) in to.iter().enumerate() {
            let replaced = row[column] + usize::from(letter != *other);
            next.push(replaced.min(row[column + 1] + 1).min(next[column] + 1));
        }
        row = next;
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_key_and_another_word_finds_none() {
        let known = ["per_min", "burst", "mail_ms", "unknown_share"];
        let table =
            [("permin", Some("per_min")), ("brust", Some("burst")), ("mail", Some("mail_ms")), ("colour", None)];
        for (word, near) in table {
            assert_eq!(nearest(word, &known), near, "{word}");
        }
    }
}
