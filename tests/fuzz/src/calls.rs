//! Injections: the cutter that reads a call as its bytes arrive, and serde_json, which sees it whole.

use control_api::CutLimits;
use control_api::engine::inject::cut::{CutFault, Cutter, Slice};
use serde_json::{Map, Value};

use crate::cuts::pieces;

const LIST: &str = "recipients";

/// What was handed out, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cut {
    Field(String, Vec<u8>),
    List,
    Element(Vec<u8>),
}

/// The body of a call.
pub fn run(data: &[u8]) {
    let wide = CutLimits { fields_bytes_max: 1 << 20, element_bytes_max: 1 << 20, depth_max: 64 };
    let narrow = CutLimits { fields_bytes_max: 40, element_bytes_max: 20, depth_max: 4 };
    for limits in [wide, narrow] {
        let (whole, by_pieces) = (cut(&[data], limits), cut(&pieces(data), limits));
        assert_eq!(whole, by_pieces, "the fields depend on the cuts");
    }
    // Arbitrary depth is not ours to agree on, and a key beyond 256 bytes is refused on purpose.
    let Ok(Value::Object(expected)) = serde_json::from_slice::<Value>(data) else { return };
    let (cuts, end) = cut(&[data], wide);
    if end.is_err() {
        let long = expected.keys().any(|key| key.len() > 20) || data.windows(3).any(|w| w == b"[[[" || w == b"{{{");
        assert!(long || depth(data) > 30 || data.len() > 200, "refused: {end:?} {}", data.escape_ascii());
        return;
    }
    assert_eq!(assembled(&cuts), Some(expected));
}

fn depth(data: &[u8]) -> usize {
    data.iter().filter(|byte| b"[{".contains(byte)).count()
}

fn cut(pieces: &[&[u8]], limits: CutLimits) -> (Vec<Cut>, Result<(), CutFault>) {
    let mut cutter = Cutter::new(LIST, limits);
    let mut cuts = Vec::new();
    for piece in pieces {
        let mut sink = |slice: Slice<'_>| {
            cuts.push(match slice {
                Slice::Field { name, text, .. } => Cut::Field(name.to_owned(), text.to_vec()),
                Slice::List => Cut::List,
                Slice::Element { text, .. } => Cut::Element(text.to_vec()),
            });
            Ok::<(), CutFault>(())
        };
        if let Err(fault) = cutter.feed(piece, &mut sink) {
            return (cuts, Err(fault));
        }
    }
    let end = cutter.end();
    (cuts, end)
}

/// The object made of its slices; the last of two equal names counts, as in serde_json.
fn assembled(cuts: &[Cut]) -> Option<Map<String, Value>> {
    let mut object = Map::new();
    for cut in cuts {
        match cut {
            Cut::Field(name, text) => {
                object.insert(name.clone(), serde_json::from_slice(text).ok()?);
            }
            Cut::List => {
                object.insert(LIST.to_owned(), Value::Array(Vec::new()));
            }
            Cut::Element(text) => {
                let list = object.get_mut(LIST)?.as_array_mut()?;
                list.push(serde_json::from_slice(text).ok()?);
            }
        }
    }
    Some(object)
}
