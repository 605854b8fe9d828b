//! The engine's face driven from outside: a real queue in a temporary directory, requests by `oneshot`.

mod access;
mod admin;
mod campaigns;
mod canaries;
mod deadlines;
mod desk;
mod estimating;
mod injecting;
mod large;
mod limits;
mod ops;
mod refusing;
mod returns;
mod sockets;
