//! What goes next: order, turns, limits and holds, over a real queue on a manual clock.

mod doubt;
mod estimate;
mod holds;
mod learned;
mod limits;
mod nodes;
mod order;
mod stand;
