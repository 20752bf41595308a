//! Revealed model in, verdict out; and the player of refereed games.
//!
//! [`verdict`] scores models and compares published entries, [`player`] computes the moves of a game,
//! [`accusation`] shows without one what a file gives away. What
//! the other side did wrong is a value here; an error says that this node could not tell, and never becomes
//! a challenge.

pub mod accusation;
pub mod player;
pub mod verdict;

#[cfg(test)]
mod fixtures;
