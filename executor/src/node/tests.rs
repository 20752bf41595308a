//! Nodes in one process, over real connections on the loopback, on a chain that the test steps by hand.

mod calls;
mod faults;
mod remote_procedures;
mod stage;
