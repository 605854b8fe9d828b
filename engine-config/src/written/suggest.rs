//! Did you mean …? The known word nearest to one that is not known.

/// The nearest of `known`, if it is near enough to be a slip of the finger and not another word.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 4);
    let scored = known.into_iter().map(|candidate| (slips(word, candidate), candidate));
    // Ties go to the first in the list, so that messages do not change from run to run.
    let (distance, candidate) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= limit).then_some(candidate)
}

/// `max_sessions` for `sessions_max`: the same words in another order, as other programs write them.
fn turned_round(word: &str, candidate: &str) -> bool {
    let parts = |text: &str| {
        let mut parts: Vec<String> = text.split('_').map(str::to_owned).collect();
        parts.sort_unstable();
        parts
    };
    parts(word) == parts(candidate)
}

/// Levenshtein distance: insertions, deletions and replacements of one character. Words in another order, or without
/// their end (`rate_start` for `rate_start_per_min`), are one slip.
fn slips(a: &str, b: &str) -> usize {
    let cut_short = a.len() >= 4 && b.starts_with(a);
    if turned_round(a, b) || cut_short {
        return 1;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, to) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let cost = (diagonal + usize::from(from != *to)).min(above + 1).min(left + 1);
            diagonal = above;
            left = cost;
            if let Some(cell) = row.get_mut(j + 1) {
                *cell = cost;
            }
        }
        if let Some(cell) = row.first_mut() {
            *cell = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_key_and_another_word_finds_none() {
        let known = ["node_name", "data_dir", "sessions_max", "message_id_host"];
        let table = [
            ("nodename", Some("node_name")),
            ("node_nmae", Some("node_name")),
            ("data_dirs", Some("data_dir")),
            ("max_sessions", Some("sessions_max")),
            ("sesions_max", Some("sessions_max")),
            ("message_id", Some("message_id_host")),
            ("colour", None),
            ("x", None),
        ];
        for (word, expected) in table {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
        assert_eq!(slips("kitten", "sitting"), 3);
        assert_eq!(slips("", "abc"), 3);
    }
}
