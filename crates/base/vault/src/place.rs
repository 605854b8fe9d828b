//! Where a sealed value stands.

/// Table, column and row of a value. Bound into its seal: an address copied into another person's row, or a note into a
/// column that more people may read, does not open there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    table: &'static str,
    column: &'static str,
    row: &'a [u8],
}

impl<'a> Place<'a> {
    /// The names are constants of the caller's schema and hold no NUL; `row` may be any bytes.
    pub const fn new(table: &'static str, column: &'static str, row: &'a [u8]) -> Self {
        Self { table, column, row }
    }

    /// The row comes last, so no two places have the same bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.table.len() + self.column.len() + self.row.len() + 2);
        bytes.extend_from_slice(self.table.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(self.column.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(self.row);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_places_look_alike() {
        let places = [
            Place::new("contacts", "name", b"1"),
            Place::new("contacts", "name", b""),
            Place::new("contacts", "nam", b"e1"),
            Place::new("contact", "sname", b"1"),
            Place::new("contacts", "", b"name\x001"),
        ];
        for (n, one) in places.iter().enumerate() {
            for other in &places[n + 1..] {
                assert_ne!(one.bytes(), other.bytes(), "{one:?} and {other:?}");
            }
        }
    }
}
