//! Tests of folders of published models.

mod published;

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};

use super::*;
use crate::import::Written;

const BERT: &str = r#"{"model_type":"bert","hidden_size":4,"intermediate_size":6,"num_hidden_layers":1,
    "num_attention_heads":2,"vocab_size":9,"max_position_embeddings":5,"type_vocab_size":2,
    "hidden_act":"gelu","layer_norm_eps":1e-12,"pad_token_id":0,"position_embedding_type":"absolute"}"#;
const LLAMA: &str = r#"{"model_type":"llama","hidden_size":8,"intermediate_size":6,"num_hidden_layers":1,
    "num_attention_heads":4,"num_key_value_heads":2,"vocab_size":9,"hidden_act":"silu",
    "rms_norm_eps":1e-5,"rope_theta":500000.0,"tie_word_embeddings":true}"#;

/// A file of tensors in bf16, all of whose values are small numbers that differ.
fn file(tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let mut count = 0_u16;
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, sides)| {
            let values = (0..sides.iter().product::<usize>()).flat_map(|_| {
                count = (count + 1) % 128;
                // 1.0 and what differs from it in the seven bits of the fraction.
                (0x3f80 | count).to_le_bytes()
            });
            ((*name).to_owned(), sides.to_vec(), values.collect())
        })
        .collect();
    let views = bytes.iter().map(|(name, sides, bytes)| {
        (name.as_str(), TensorView::new(Dtype::BF16, sides.clone(), bytes).unwrap())
    });
    serialize(views.collect::<BTreeMap<_, _>>(), None).unwrap()
}

fn bert() -> Vec<u8> {
    let layer = "bert.encoder.layer.0";
    let names = |part: &str| format!("{layer}.{part}");
    let mut tensors = vec![
        ("bert.embeddings.word_embeddings.weight".to_owned(), vec![9, 4]),
        ("bert.embeddings.position_embeddings.weight".to_owned(), vec![5, 4]),
        ("bert.embeddings.token_type_embeddings.weight".to_owned(), vec![2, 4]),
        ("bert.embeddings.LayerNorm.weight".to_owned(), vec![4]),
        ("bert.embeddings.LayerNorm.bias".to_owned(), vec![4]),
        ("bert.pooler.dense.weight".to_owned(), vec![4, 4]),
    ];
    for (name, sides) in [
        ("attention.self.query", vec![4, 4]),
        ("attention.self.key", vec![4, 4]),
        ("attention.self.value", vec![4, 4]),
        ("attention.output.dense", vec![4, 4]),
        ("attention.output.LayerNorm", vec![4]),
        ("intermediate.dense", vec![6, 4]),
        ("output.dense", vec![4, 6]),
        ("output.LayerNorm", vec![4]),
    ] {
        tensors.push((names(&format!("{name}.bias")), sides[..1].to_vec()));
        tensors.push((names(&format!("{name}.weight")), sides));
    }
    let tensors: Vec<_> = tensors.iter().map(|(name, sides)| (name.as_str(), &sides[..])).collect();
    file(&tensors)
}

fn llama() -> Vec<u8> {
    file(&[
        ("model.embed_tokens.weight", &[9, 8]),
        ("model.norm.weight", &[8]),
        ("model.layers.0.input_layernorm.weight", &[8]),
        ("model.layers.0.post_attention_layernorm.weight", &[8]),
        ("model.layers.0.self_attn.q_proj.weight", &[8, 8]),
        ("model.layers.0.self_attn.k_proj.weight", &[4, 8]),
        ("model.layers.0.self_attn.v_proj.weight", &[4, 8]),
        ("model.layers.0.self_attn.o_proj.weight", &[8, 8]),
        ("model.layers.0.mlp.gate_proj.weight", &[6, 8]),
        ("model.layers.0.mlp.up_proj.weight", &[6, 8]),
        ("model.layers.0.mlp.down_proj.weight", &[8, 6]),
    ])
}

fn read(configuration: &str, weights: &[u8], purpose: &Purpose) -> Result<Written, ImportError> {
    let folder = Folder { configuration: configuration.as_bytes(), weights };
    folder.read(purpose, (5, 3))?.write()
}

fn adapters(targets: &[LoraTarget]) -> Purpose {
    Purpose::Adapters { rank: 2, alpha: 4.0, targets: targets.to_vec() }
}

#[test]
fn an_encoder_becomes_a_base_for_adapters_for_a_head_or_for_all_of_it() {
    let weights = bert();
    let targets = [LoraTarget::AttentionInput];
    for purpose in [adapters(&targets), adapters(&[]), Purpose::Whole] {
        let written = read(BERT, &weights, &purpose).unwrap();
        crate::base_file::check_base(&written.base, &written.specification).unwrap();
        let draft = crate::specification::parse_order_toml(&written.order).unwrap();
        assert_eq!(draft.model, written.specification.model);
    }
}

#[test]
fn queries_keys_and_values_are_packed_and_the_type_of_tokens_goes_into_their_positions() {
    let weights = bert();
    let folder = Folder { configuration: BERT.as_bytes(), weights: &weights };
    let imported = folder.read(&adapters(&[]), (5, 3)).unwrap();
    let mut source = Weights::new(&weights).unwrap();
    source.prefix = "bert.";
    let mut take = |name: &str, sides: &[u32]| source.take(name, sides).unwrap();
    let layer = "encoder.layer.0.attention.self";
    let parts =
        ["query", "key", "value"].map(|part| take(&format!("{layer}.{part}.weight"), &[4, 4]));
    assert_eq!(imported.tensors["blocks.00.attention.input.weight"], parts.concat());
    let positions = take("embeddings.position_embeddings.weight", &[5, 4]);
    let kinds = take("embeddings.token_type_embeddings.weight", &[2, 4]);
    let sum = positions[6] + kinds[2];
    assert_eq!(imported.tensors["position.weight"][6].to_bits(), sum.to_bits());
}

#[test]
fn heads_that_share_keys_get_one_each_and_a_tied_head_is_the_table() {
    let weights = llama();
    let folder = Folder { configuration: LLAMA.as_bytes(), weights: &weights };
    let imported = folder.read(&Purpose::Whole, (5, 0)).unwrap();
    assert_eq!((imported.class_count, folder.family().unwrap()), (9, Family::Llama));
    assert_eq!(imported.tensors["output.weight"], imported.tensors["token.weight"]);
    let packed = imported.tensors["blocks.00.attention.input.weight"].clone();
    let mut source = Weights::new(&weights).unwrap();
    let keys = source.take("model.layers.0.self_attn.k_proj.weight", &[4, 8]).unwrap();
    let (first, second) = keys.split_at(16);
    assert_eq!(packed[64..128], [first, first, second, second].concat());
    imported.write().unwrap();
}

#[test]
fn what_another_network_computes_is_refused_by_its_key() {
    let bert = bert();
    let other = |from: &str, to: &str| {
        assert!(BERT.contains(from), "{from}");
        read(&BERT.replace(from, to), &bert, &adapters(&[])).unwrap_err().to_string()
    };
    let found = other(r#""bert""#, r#""gpt2""#);
    assert_eq!(found, r#"model_type in config.json is "gpt2", allowed: "bert" or "llama""#);
    let found = other(r#""gelu""#, r#""relu""#);
    assert_eq!(found, r#"hidden_act in config.json is "relu", allowed: "gelu""#);
    let found = other(r#""absolute""#, r#""relative_key""#);
    let expected =
        r#"position_embedding_type in config.json is "relative_key", allowed: "absolute""#;
    assert_eq!(found, expected);
    let found = other("1e-12", "1e-5");
    assert!(found.starts_with("layer_norm_eps in config.json is 0.00001, allowed"), "{found}");
    let found = other(r#""pad_token_id":0"#, r#""pad_token_id":1"#);
    assert_eq!(found, "pad_token_id in config.json is 1, allowed: 0");
    let found = other(r#""hidden_size":4"#, r#""hidden_size":8"#);
    let name = "bert.embeddings.word_embeddings.weight";
    assert_eq!(found, format!("the shape of tensor {name} is [9, 4], allowed: [9, 8]"));
    let scaled = LLAMA.replace(r#""rope_theta""#, r#""rope_scaling":{"factor":2.0},"rope_theta""#);
    let found = read(&scaled, &llama(), &Purpose::Whole).unwrap_err().to_string();
    assert!(found.starts_with("rope_scaling in config.json is"), "{found}");
}

#[test]
fn a_tensor_that_nobody_reads_is_refused() {
    let weights = file(&[("bert.encoder.layer.0.attention.gate.weight", &[4, 4])]);
    let weights = Weights::new(&weights).unwrap();
    let found = weights.finish().unwrap_err().to_string();
    assert!(found.contains("attention.gate.weight is not of the model"), "{found}");
}
