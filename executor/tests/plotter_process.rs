//! A plotter against a real NATS server, with a farmer, a controller and a cache that are written from the
//! wire specification and share no code with the plotter.

#[path = "plotter_process/bytes.rs"]
mod bytes;
#[path = "plotter_process/encoders.rs"]
mod encoders;
#[path = "plotter_process/farmer.rs"]
mod farmer;
#[path = "plotter_process/harness.rs"]
mod harness;
#[path = "plotter_process/nats_server.rs"]
mod nats_server;
#[path = "plotter_process/process.rs"]
mod process;
#[path = "plotter_process/storage.rs"]
mod storage;
