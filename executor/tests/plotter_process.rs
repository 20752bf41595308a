//! A plotter against a real NATS server, with a farmer, a controller and a cache that are written from the
//! wire specification and share no code with the plotter.

#[cfg(test)]
#[path = "plotter_process/binary_process.rs"]
mod binary_process;
#[cfg(test)]
#[path = "plotter_process/bytes.rs"]
mod bytes;
#[cfg(test)]
#[path = "plotter_process/encoders.rs"]
mod encoders;
#[cfg(test)]
#[path = "plotter_process/farmer.rs"]
mod farmer;
#[cfg(test)]
#[path = "plotter_process/harness.rs"]
mod harness;
#[cfg(test)]
#[path = "plotter_process/nats_server.rs"]
mod nats_server;
#[cfg(test)]
#[path = "plotter_process/process.rs"]
mod process;
#[cfg(test)]
#[path = "plotter_process/storage.rs"]
mod storage;
