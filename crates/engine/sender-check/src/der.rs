//! As much of DER (X.690) as it takes to measure an RSA key and to read a certificate's names and dates.

/// `SEQUENCE`.
pub(crate) const SEQUENCE: u8 = 0x30;
/// `INTEGER`.
pub(crate) const INTEGER: u8 = 0x02;
/// `BIT STRING`.
pub(crate) const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// `OBJECT IDENTIFIER`.
pub(crate) const OBJECT: u8 = 0x06;
/// `UTCTime`.
pub(crate) const UTC_TIME: u8 = 0x17;
/// `GeneralizedTime`.
pub(crate) const GENERALIZED_TIME: u8 = 0x18;

/// One element: its tag, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub tag: u8,
    pub inside: &'a [u8],
}

/// Elements that stand one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The inside of the next element if it has this tag.
    pub fn required(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|element| element.tag == tag).map(|element| element.inside)
    }

    /// Takes the next element if it has this tag.
    pub fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        let ahead = *self;
        let found = self.required(tag);
        if found.is_none() {
            *self = ahead;
        }
        found
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    /// None at the end, and from the first byte on that is no DER.
    fn next(&mut self) -> Option<Element<'a>> {
        let bytes = std::mem::take(&mut self.0);
        let (tag, rest) = bytes.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            // Four bytes of length are 4 GiB: more is no certificate.
            let count = usize::from(first & 0x7f);
            let digits = rest.get(..count).filter(|_| (1..=4).contains(&count))?;
            let length =
                digits.iter().try_fold(0_usize, |sum, digit| sum.checked_mul(256)?.checked_add((*digit).into()));
            (length?, rest.get(count..)?)
        };
        let inside = rest.get(..length)?;
        self.0 = rest.get(length..)?;
        Some(Element { tag: *tag, inside })
    }
}

/// Bits of an RSA key's modulus. `key` is a SubjectPublicKeyInfo (RFC 5280), which DKIM wants, or the bare
/// RSAPublicKey (RFC 8017) that some publish instead.
pub(crate) fn rsa_bits(key: &[u8]) -> Option<usize> {
    let mut outer = Elements::of(Elements::of(key).required(SEQUENCE)?);
    let mut numbers = match outer.optional(SEQUENCE) {
        Some(_algorithm) => {
            let (unused, bits) = outer.required(BIT_STRING)?.split_first()?;
            Elements::of(Elements::of(bits).required(SEQUENCE).filter(|_| *unused == 0)?)
        }
        None => outer,
    };
    let modulus = numbers.required(INTEGER)?;
    numbers.required(INTEGER)?;
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let digits = modulus.get(zeros..)?;
    let leading = usize::try_from(digits.first()?.leading_zeros()).ok()?;
    (digits.len() * 8).checked_sub(leading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_der_ends_the_elements_instead_of_failing() {
        let table: [(&[u8], usize); 6] = [
            (b"", 0),
            (b"\x30", 0),
            (b"\x30\x05abc", 0),
            (b"\x02\x01\x05\x02\x01\x06", 2),
            (b"\x02\x01\x05\x02\x84\xff\xff\xff\xff", 1),
            (b"\x02\x81\x01\x05\x02\x80", 1),
        ];
        for (bytes, count) in table {
            assert_eq!(Elements::of(bytes).count(), count, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_bare_rsa_key_is_measured_without_its_leading_zeros() {
        let mut modulus = vec![0, 0x80];
        modulus.resize(129, 1);
        let mut key = vec![SEQUENCE, 0x81, 0x87, INTEGER, 0x81, 0x81];
        key.extend_from_slice(&modulus);
        key.extend_from_slice(&[INTEGER, 0x01, 0x03]);
        assert_eq!(rsa_bits(&key), Some(1024));
        assert_eq!(rsa_bits(&key[..40]), None);
    }
}
