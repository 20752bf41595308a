//! The threats of the protocol, each as a scenario that must fail for the attacker.

mod challenge;
mod client;
mod proof;
mod provider;
mod signature;
mod spam;
mod stake;
mod training;
mod validator;
