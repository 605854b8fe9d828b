//! Cuts one JSON object into its fields, and one of its lists into its elements, as the bytes arrive.
//!
//! Only the frame is read here: brackets, strings, commas. Each slice then goes through serde_json, which judges its
//! inside. The result does not depend on how the bytes are cut into pieces, nor on the order of the fields, and no
//! more than one slice is held at a time, so a list of a million recipients needs the memory of the longest one.

use std::fmt;

use memchr::memchr2;

use crate::engine::limits::CutLimits;

/// What is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slice<'a> {
    /// A field of the object that is not the list, or is named like it but holds no list.
    Field {
        /// Its name, unescaped.
        name: &'a str,
        /// Offset of the value in the body.
        at: u64,
        /// The value, whole.
        text: &'a [u8],
    },
    /// The list begins. Comes again when the list is given twice.
    List,
    /// One element of the list.
    Element {
        /// Offset in the body.
        at: u64,
        /// The element, whole.
        text: &'a [u8],
    },
}

/// Why the bytes cannot be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutFault {
    /// Offset in the body of the byte that is wrong.
    pub at: u64,
    /// What is wrong.
    pub kind: CutFaultKind,
}

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutFaultKind {
    /// Something else was expected here.
    Expected(&'static str),
    /// The text ended inside.
    Ended,
    /// Nested deeper than allowed.
    TooDeep,
    /// A field or element longer than allowed.
    TooLong,
}

impl fmt::Display for CutFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            CutFaultKind::Expected(what) => write!(f, "not JSON at byte {}: expected {what}", self.at),
            CutFaultKind::Ended => write!(f, "not JSON: the body ends at byte {} before the object does", self.at),
            CutFaultKind::TooDeep => write!(f, "nested too deeply at byte {}", self.at),
            CutFaultKind::TooLong => write!(f, "a value is too long; it passes the limit at byte {}", self.at),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    FirstKey,
    Key,
    InKey { escaped: bool },
    Colon,
    Value,
    ListStart,
    FirstElement,
    Element,
    Inside(Inside),
    AfterElement,
    AfterValue,
    End,
}

/// The kind of slice that is being collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    /// `true`, `null`, a number: ends where something else begins.
    Bare,
    /// Between the quotes of a string at the top of the slice or below.
    Quoted { escaped: bool },
    /// In a list or object.
    Open,
}

/// The cutter. Feed it pieces, then [`Cutter::end`].
#[derive(Debug)]
pub struct Cutter {
    list: &'static str,
    limits: CutLimits,
    place: Place,
    /// Offset of the next byte.
    at: u64,
    /// Key being collected, with its quotes, then the slice being collected.
    held: Vec<u8>,
    held_at: u64,
    key: String,
    fields_bytes: usize,
    in_list: bool,
    /// Brackets open inside the slice: count, and one bit each (1 = object).
    depth: u32,
    kinds: u64,
}

fn blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

impl Cutter {
    /// `list` is the field whose elements are handed out one by one.
    pub fn new(list: &'static str, limits: CutLimits) -> Self {
        Self {
            list,
            limits,
            place: Place::Start,
            at: 0,
            held: Vec::new(),
            held_at: 0,
            key: String::new(),
            fields_bytes: 0,
            in_list: false,
            depth: 0,
            kinds: 0,
        }
    }

    fn fault<T>(&self, kind: CutFaultKind) -> Result<T, CutFault> {
        Err(CutFault { at: self.at, kind })
    }

    fn expected<T>(&self, what: &'static str) -> Result<T, CutFault> {
        self.fault(CutFaultKind::Expected(what))
    }

    /// Takes a piece and hands out every slice that it completes.
    pub fn feed<E: From<CutFault>>(
        &mut self,
        piece: &[u8],
        sink: &mut dyn FnMut(Slice<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = piece;
        while let Some(&first) = rest.first() {
            let used = match self.place {
                Place::Inside(inside) => self.collect(inside, rest, sink)?,
                Place::InKey { escaped } => self.collect_key(escaped, first)?,
                _ if blank(first) => 1,
                _ => self.step(first, sink)?,
            };
            self.at += used as u64;
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    /// The body is complete.
    pub fn end(&self) -> Result<(), CutFault> {
        match self.place {
            Place::End => Ok(()),
            Place::Start => self.expected("'{'; the body is empty"),
            _ => self.fault(CutFaultKind::Ended),
        }
    }

    /// One byte of the frame. Uses it, or none of it when a slice begins with it.
    fn step<E: From<CutFault>>(
        &mut self,
        byte: u8,
        sink: &mut dyn FnMut(Slice<'_>) -> Result<(), E>,
    ) -> Result<usize, E> {
        self.place = match (self.place, byte) {
            (Place::Start, b'{') => Place::FirstKey,
            (Place::FirstKey | Place::AfterValue, b'}') => Place::End,
            (Place::FirstKey | Place::Key, b'"') => {
                self.held.clear();
                self.held.push(byte);
                Place::InKey { escaped: false }
            }
            (Place::Colon, b':') if self.key == self.list => Place::ListStart,
            (Place::Colon, b':') => Place::Value,
            (Place::ListStart, b'[') => {
                self.in_list = true;
                sink(Slice::List)?;
                Place::FirstElement
            }
            (Place::FirstElement | Place::AfterElement, b']') => {
                self.in_list = false;
                Place::AfterValue
            }
            (Place::AfterElement, b',') => Place::Element,
            (Place::AfterValue, b',') => Place::Key,
            (Place::Value | Place::ListStart | Place::FirstElement | Place::Element, _) => {
                self.begin(byte)?;
                return Ok(0);
            }
            (Place::Start, _) => self.expected("'{'")?,
            (Place::FirstKey, _) => self.expected("a field name or '}'")?,
            (Place::Key, _) => self.expected("a field name")?,
            (Place::Colon, _) => self.expected("':'")?,
            (Place::AfterElement, _) => self.expected("',' or ']'")?,
            (Place::AfterValue, _) => self.expected("',' or '}'")?,
            (Place::End | Place::Inside(_) | Place::InKey { .. }, _) => self.expected("the end of the body")?,
        };
        Ok(1)
    }

    fn begin(&mut self, byte: u8) -> Result<(), CutFault> {
        self.held.clear();
        self.held_at = self.at;
        self.depth = 0;
        self.kinds = 0;
        self.place = Place::Inside(match byte {
            b'"' | b'{' | b'[' => Inside::Open,
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Inside::Bare,
            _ => return self.expected("a value"),
        });
        Ok(())
    }

    fn collect_key(&mut self, escaped: bool, byte: u8) -> Result<usize, CutFault> {
        self.held.push(byte);
        // Names are refused later when unknown; this only keeps a hostile one from growing.
        if self.held.len() > 256 {
            return self.fault(CutFaultKind::TooLong);
        }
        self.place = match byte {
            _ if escaped => Place::InKey { escaped: false },
            b'\\' => Place::InKey { escaped: true },
            b'"' => {
                let Ok(key) = serde_json::from_slice(&self.held) else {
                    return self.expected("a field name of valid UTF-8 and escapes");
                };
                self.key = key;
                Place::Colon
            }
            _ => Place::InKey { escaped: false },
        };
        Ok(1)
    }

    /// Takes as much of `rest` as belongs to the slice.
    fn collect<E: From<CutFault>>(
        &mut self,
        mut inside: Inside,
        rest: &[u8],
        sink: &mut dyn FnMut(Slice<'_>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let start = self.at;
        let room = self.room();
        let mut used = 0;
        let mut ended = false;
        while let Some(&byte) = rest.get(used) {
            if inside == (Inside::Quoted { escaped: false }) {
                // Nearly all of a large body is text in which neither quote nor backslash stands.
                let ahead = rest.get(used..).unwrap_or_default();
                let plain = memchr2(b'"', b'\\', ahead).unwrap_or(ahead.len());
                let plain = plain.min(room.saturating_sub(self.held.len() + used));
                if plain > 0 {
                    used += plain;
                    self.at += plain as u64;
                    continue;
                }
            }
            if inside == Inside::Bare && (blank(byte) || matches!(byte, b',' | b'}' | b']')) {
                ended = true;
                break;
            }
            if self.held.len() + used >= room {
                self.fault(CutFaultKind::TooLong)?;
            }
            inside = self.inner(inside, byte)?;
            used += 1;
            self.at += 1;
            if inside == Inside::Open && self.depth == 0 {
                ended = true;
                break;
            }
        }
        // `feed` counts what was used; faults above have already been given their place.
        self.at = start;
        self.held.extend_from_slice(rest.get(..used).unwrap_or_default());
        self.place = Place::Inside(inside);
        if ended {
            self.hand_out(sink)?;
        }
        Ok(used)
    }

    fn inner(&mut self, inside: Inside, byte: u8) -> Result<Inside, CutFault> {
        Ok(match (inside, byte) {
            (Inside::Quoted { escaped: true }, _) => Inside::Quoted { escaped: false },
            (Inside::Quoted { .. }, b'\\') => Inside::Quoted { escaped: true },
            (Inside::Quoted { .. }, b'"') => Inside::Open,
            (Inside::Open, b'"') => Inside::Quoted { escaped: false },
            (Inside::Open, b'{' | b'[') => {
                // The object itself and the list are levels, too.
                let outer = 1 + u32::from(self.in_list);
                if self.depth + outer >= self.limits.depth_max.min(64) {
                    return self.fault(CutFaultKind::TooDeep);
                }
                self.kinds = (self.kinds << 1) | u64::from(byte == b'{');
                self.depth += 1;
                Inside::Open
            }
            (Inside::Open, b'}' | b']') => {
                if (self.kinds & 1 == 1) != (byte == b'}') {
                    return self.expected(if self.kinds & 1 == 1 { "'}'" } else { "']'" });
                }
                self.kinds >>= 1;
                self.depth = self.depth.saturating_sub(1);
                Inside::Open
            }
            (unchanged, _) => unchanged,
        })
    }

    /// How long the slice at hand may become.
    fn room(&self) -> usize {
        if self.in_list {
            self.limits.element_bytes_max
        } else {
            self.limits.fields_bytes_max.saturating_sub(self.fields_bytes)
        }
    }

    fn hand_out<E: From<CutFault>>(&mut self, sink: &mut dyn FnMut(Slice<'_>) -> Result<(), E>) -> Result<(), E> {
        let (at, text) = (self.held_at, self.held.as_slice());
        if self.in_list {
            self.place = Place::AfterElement;
            return sink(Slice::Element { at, text });
        }
        self.fields_bytes += text.len();
        self.place = Place::AfterValue;
        sink(Slice::Field { name: &self.key, at, text })
    }
}

#[cfg(test)]
mod tests;
