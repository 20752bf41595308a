//! A domain in memory: people with keys, a genesis, blocks, and what honest people do in each phase.

pub(crate) mod games;
pub(crate) mod ledger;
pub(crate) mod model;
pub(crate) mod people;
pub(crate) mod play;
pub(crate) mod player;
pub(crate) mod setting;
pub(crate) mod world;

pub(crate) use ledger::working_records;
pub(crate) use model::Model;
pub(crate) use people::{CLIENT, OUTSIDER, person};
pub(crate) use play::lie;
pub(crate) use setting::{PARAMETERS, recipe_specification, specification};
pub(crate) use world::{World, refusal};
