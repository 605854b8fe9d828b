//! What goes next: order, turns, limits and holds, over a real queue on a manual clock.

mod doubt;
mod holds;
mod limits;
mod order;
mod stand;
