//! A published model against `PyTorch`'s numbers, which `benches/peers/minilm.py` writes.

use std::path::Path;

use super::*;
use crate::base_file::{Base, read_own_base};
use crate::engine::batch::Batch;
use crate::engine::network::Network;

/// How far a number of an embedding may be from that of `PyTorch` in f64.
const TOLERANCE: f32 = 1e-4;
/// Tokens of a sentence.
const TOKENS: u32 = 16;
/// Numbers of an embedding.
const WIDTH: u32 = 384;

#[test]
#[ignore = "needs MINILM_FOLDER with config.json, model.safetensors, reference.u16 and reference.f32"]
fn minilm_embeds_sentences_as_pytorch_does() {
    let folder = std::env::var("MINILM_FOLDER").expect("MINILM_FOLDER names a folder");
    let file = |name: &str| std::fs::read(Path::new(&folder).join(name)).unwrap();
    let (configuration, weights) = (file("config.json"), file("model.safetensors"));
    let folder = Folder { configuration: &configuration, weights: &weights };
    let imported = folder.read(&adapters(&[]), (TOKENS, WIDTH)).unwrap();
    let Written { mut specification, base, .. } = imported.write().unwrap();
    let Some(Base::Frozen(base)) = read_own_base(&base, &specification).unwrap() else {
        panic!("an encoder that is not frozen");
    };
    let tokens: Vec<u32> = file("reference.u16")
        .as_chunks()
        .0
        .iter()
        .map(|word| u32::from(u16::from_le_bytes(*word)))
        .collect();
    let rows = tokens.len() / TOKENS as usize;
    specification.train.batch_size = u32::try_from(rows).unwrap();
    let mut network = Network::new(&specification, rows).unwrap();
    network.set_base(base).unwrap();
    // A head that gives what it reads, so that the logits are the embedding.
    let side = WIDTH as usize;
    let identity = (0..side * side).map(|place| f32::from(u8::from(place / side == place % side)));
    let head = vec![vec![0.0; side], identity.collect()];
    let labels = vec![0; rows];
    let batch = Batch { features: &[], tokens: &tokens, labels: &labels, number: 0 };
    let found = network.logits(&head, batch).unwrap();
    let expected = file("reference.f32");
    let expected = expected.as_chunks().0.iter().map(|word| f32::from_le_bytes(*word));
    assert_eq!(found.len(), expected.len());
    let error = found.iter().zip(expected).map(|(found, expected)| (found - expected).abs());
    let error = error.fold(0.0, f32::max);
    println!("largest difference of {} numbers: {error:e}", found.len());
    assert!(error <= TOLERANCE, "{error}");
}
