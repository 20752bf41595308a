//! Rules that hold for every input: money, phases, encodings, hostile bytes.

mod encoding;
mod hostile;
mod random;
mod sequence;
mod turn;
