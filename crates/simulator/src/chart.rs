//! Charts of a run: for a terminal and as SVG.

mod scale;
mod svg;
mod terminal;

pub(crate) use scale::clock;
pub use svg::svg;
pub use terminal::terminal;
