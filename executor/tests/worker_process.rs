//! Trainings outside the node's process: in processes that are killed, and on machines that go away. Wherever
//! an order is trained, and whatever happens meanwhile, the model has the same bits.

#[cfg(test)]
#[path = "worker_process/garbage.rs"]
mod garbage;
#[cfg(test)]
#[path = "worker_process/machines.rs"]
mod machines;
#[cfg(test)]
#[path = "worker_process/orders.rs"]
mod orders;
#[cfg(test)]
#[path = "worker_process/pipes.rs"]
mod pipes;
#[cfg(test)]
#[path = "worker_process/processes.rs"]
mod processes;
#[cfg(test)]
#[path = "worker_process/remote.rs"]
mod remote;
#[cfg(test)]
#[path = "worker_process/streams.rs"]
mod streams;
