//! The threats of the protocol that need no game, each as a scenario that must fail for the attacker.

mod challenge;
mod client;
mod proof;
mod provider;
mod signature;
mod spam;
mod stake;
mod training;
mod validator;
