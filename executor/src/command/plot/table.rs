//! `aipot plot table`: all proofs of one seed, and the numbers by which two programs compare them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aipot_kernels::proof_of_space::{K, RecordProofs, proof_bytes};
use clap::Args;
use serde_json::json;

use super::super::model::on_threads;
use super::super::train::processor_time;
use super::super::{CommandError, Output};
use super::fresh_file::FreshFile;
use super::input;

/// Arguments of `aipot plot table`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot plot table --variant v1 --seed 0171e0a99173564931c0b8acc52d2685a8e39c64dc52e3d02390fdac2a12b155 --backend cpu --threads 1"
)]
pub(in crate::command) struct TableArguments {
    /// Seed of the tables: 32 bytes in hexadecimal digits.
    #[arg(long)]
    seed: String,
    /// Which proofs are chosen, v1 or v2; there is no default, since they do not mix.
    #[arg(long)]
    variant: String,
    /// What computes: cpu, wgpu, cuda, or auto; wgpu:1 is the second device of wgpu.
    #[arg(long, default_value = "cpu")]
    backend: String,
    /// Threads on the processor; the result is the same for every number. 0 means one for each core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Size of the tables; the network knows 20 only, smaller ones are for quick looks.
    #[arg(long, default_value_t = K)]
    k: u8,
    /// Where to write the proofs: 8,192 bytes of bitmap, then the proofs one after the other.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What was found, and in what time.
struct Found {
    proofs: RecordProofs,
    device: String,
    wall: Duration,
    processor: Duration,
}

/// Finds the proofs and prints what identifies them.
pub(super) fn run(arguments: &TableArguments, output: Output) -> Result<ExitCode, CommandError> {
    let found = find(arguments)?;
    if let Some(path) = &arguments.out {
        let bytes = [&found.proofs.found[..], &found.proofs.proofs].concat();
        let needed_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let mut file = FreshFile::begin(path, needed_bytes)?;
        file.write(&bytes)?;
        file.finish()?;
    }
    print(arguments, &found, output)?;
    Ok(ExitCode::SUCCESS)
}

fn find(arguments: &TableArguments) -> Result<Found, CommandError> {
    let (seed, variant) = (input::seed(&arguments.seed)?, input::variant(&arguments.variant)?);
    let finder = input::device(&arguments.backend)?.candidate()?.finder()?;
    on_threads(arguments.threads, || {
        let (start, processor_start) = (Instant::now(), processor_time());
        let proofs = finder.find(&seed, arguments.k, variant, &|| true)?;
        Ok(Found {
            proofs,
            device: finder.name().to_owned(),
            wall: start.elapsed(),
            processor: processor_time().saturating_sub(processor_start),
        })
    })?
}

fn print(arguments: &TableArguments, found: &Found, output: Output) -> Result<(), CommandError> {
    let proof_bytes = proof_bytes(arguments.k);
    let proofs = &found.proofs;
    let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
    let mut hashes = blake3::Hasher::new();
    for proof in proofs.proofs.chunks(proof_bytes) {
        hashes.update(blake3::hash(proof).as_bytes());
    }
    let (wall_ms, cpu_ms) = (input::milliseconds(found.wall), input::milliseconds(found.processor));
    let value = json!({
        "variant": arguments.variant,
        "k": arguments.k,
        "backend": arguments.backend,
        "device": found.device,
        "entries": proofs.table_entries,
        "proof_count": proofs.proof_count(),
        "found_bitmap_blake3": hash(&proofs.found[..]),
        "all_proofs_blake3": hash(&proofs.proofs),
        "all_proof_hashes_blake3": hashes.finalize().to_hex().to_string(),
        "cpu_ms": cpu_ms,
        "wall_ms": wall_ms,
    });
    let text = format!(
        "entries       {:?}\nproofs        {}\nbitmap        blake3:{}\nproofs        blake3:{}\n\
         proof hashes  blake3:{}\ntime          {wall_ms} ms, {cpu_ms} CPU-ms on {}",
        proofs.table_entries,
        value["proof_count"],
        hash(&proofs.found[..]),
        hash(&proofs.proofs),
        hashes.finalize().to_hex(),
        found.device,
    );
    output.result(&value, &text)
}
