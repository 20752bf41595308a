//! A domain in memory: people with keys, a genesis, blocks, and what honest people do in each phase.

pub(crate) mod ledger;
pub(crate) mod people;
pub(crate) mod play;
pub(crate) mod setting;
pub(crate) mod world;

pub(crate) use ledger::working_records;
pub(crate) use people::{CLIENT, OUTSIDER, person};
pub(crate) use play::{Model, lie};
pub(crate) use setting::{PARAMETERS, specification};
pub(crate) use world::{World, refusal};
