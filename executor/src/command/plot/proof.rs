//! `aipot plot prove` and `aipot plot verify-proof`: one proof of space.

use std::process::ExitCode;

use aipot_kernels::proof_of_space::{K, PROOF_BYTES, is_valid_proof, prove};
use clap::Args;
use serde_json::json;

use super::super::{CommandError, Output};
use super::input;

/// Arguments of `aipot plot prove`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot plot prove --variant v1 --s-bucket 10 --seed 0171e0a99173564931c0b8acc52d2685a8e39c64dc52e3d02390fdac2a12b155"
)]
pub(in crate::command) struct ProveArguments {
    /// Seed of the tables: 32 bytes in hexadecimal digits.
    #[arg(long)]
    seed: String,
    /// Which of several proofs is chosen, v1 or v2; there is no default, since they do not mix.
    #[arg(long)]
    variant: String,
    /// For which s-bucket, 0 to 65,535.
    #[arg(long)]
    s_bucket: u64,
}

/// Arguments of `aipot plot verify-proof`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot plot verify-proof --seed HEX --s-bucket 10 --proof HEX\n\nExit code 0 when the proof is valid, 1 when it is not."
)]
pub(in crate::command) struct VerifyProofArguments {
    /// Seed of the tables: 32 bytes in hexadecimal digits.
    #[arg(long)]
    seed: String,
    /// For which s-bucket, 0 to 65,535.
    #[arg(long)]
    s_bucket: u64,
    /// The proof: 160 bytes in hexadecimal digits.
    #[arg(long)]
    proof: String,
}

/// Prints the proof for an s-bucket, or that there is none.
pub(super) fn prove_one(
    arguments: &ProveArguments,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let (seed, s_bucket) = (input::seed(&arguments.seed)?, input::s_bucket(arguments.s_bucket)?);
    let proof = prove(&seed, K, input::variant(&arguments.variant)?, s_bucket)?.map(hex::encode);
    let value = json!({
        "variant": arguments.variant,
        "s_bucket": arguments.s_bucket,
        "challenge_index": s_bucket.challenge_index(K),
        "proof": proof,
    });
    output.result(&value, proof.as_deref().unwrap_or("none"))?;
    Ok(ExitCode::SUCCESS)
}

/// Checks a proof; one that is not valid is an answer, with its own exit code.
pub(super) fn verify(
    arguments: &VerifyProofArguments,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let (seed, s_bucket) = (input::seed(&arguments.seed)?, input::s_bucket(arguments.s_bucket)?);
    let proof = input::bytes::<PROOF_BYTES>("--proof", &arguments.proof)?;
    let is_valid = is_valid_proof(&seed, K, s_bucket.challenge_index(K), &proof);
    output.result(&json!({ "valid": is_valid }), if is_valid { "valid" } else { "not valid" })?;
    Ok(if is_valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
