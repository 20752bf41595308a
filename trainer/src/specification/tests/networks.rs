//! Models of declared layers, and layouts of data: written, read again, and refused with their words.

use aipot_domain_runtime::order::network::{AttentionMask, GraphInput, GraphLayer, Layer};
use aipot_domain_runtime::order::{
    Architecture, BertShape, DataFile, DataFormat, ImageShape, LlamaShape, LoraBase, LoraShape,
    LoraTarget, ResnetShape, VitShape,
};
use aipot_domain_runtime::primitives::DataRoot;
use proptest::prelude::*;

use super::refusal;
use crate::fixtures::{DIGITS_MODEL, digits_fixture};
use crate::specification::{parse_order_toml, to_toml};

fn size() -> impl Strategy<Value = u32> {
    1..=65_536_u32
}

fn blocks() -> impl Strategy<Value = u32> {
    1..=100_u32
}

/// The bits of every finite number from zero on.
fn real() -> impl Strategy<Value = u32> {
    prop_oneof![0..=0x7f7f_ffff_u32, 0x3800_0000..=0x4000_0000_u32]
}

fn image() -> impl Strategy<Value = ImageShape> {
    [size(), size(), size()].prop_map(|[channels, height, width]| ImageShape {
        channels,
        height,
        width,
    })
}

fn bert() -> impl Strategy<Value = BertShape> {
    (1..=1_u32 << 20, [size(), size(), size(), size()], blocks()).prop_map(
        |(vocabulary, [positions, width, hidden_width, head_count], layer_count)| BertShape {
            vocabulary,
            positions,
            width,
            hidden_width,
            layer_count,
            head_count,
        },
    )
}

fn llama() -> impl Strategy<Value = LlamaShape> {
    ([size(), size(), size()], blocks(), real()).prop_map(
        |([width, hidden_width, head_count], layer_count, rope_base)| LlamaShape {
            width,
            hidden_width,
            layer_count,
            head_count,
            rope_base,
        },
    )
}

fn layer() -> impl Strategy<Value = Layer> {
    let convolution = ([size(), size(), size()], 0..=65_536_u32, any::<bool>()).prop_map(
        |([outputs, kernel, stride], padding, has_bias)| Layer::Convolution {
            outputs,
            kernel,
            stride,
            padding,
            has_bias,
        },
    );
    let masks = [AttentionMask::None, AttentionMask::Causal, AttentionMask::Padding];
    let masks = prop::sample::select(masks.to_vec());
    prop_oneof![
        (size(), any::<bool>()).prop_map(|(outputs, has_bias)| Layer::Linear { outputs, has_bias }),
        convolution,
        real().prop_map(|epsilon| Layer::LayerNorm { epsilon }),
        real().prop_map(|epsilon| Layer::RmsNorm { epsilon }),
        (size(), real()).prop_map(|(groups, epsilon)| Layer::GroupNorm { groups, epsilon }),
        (size(), masks).prop_map(|(heads, mask)| Layer::Attention { heads, mask }),
        (1..=1_u32 << 20, size())
            .prop_map(|(vocabulary, width)| Layer::Embedding { vocabulary, width }),
        size().prop_map(|positions| Layer::PositionEmbedding { positions }),
        (size(), real()).prop_map(|(heads, base)| Layer::Rope { heads, base }),
        real().prop_map(|rate| Layer::Dropout { rate }),
        real().prop_map(|factor| Layer::Scale { factor }),
        size().prop_map(|side| Layer::Patches { side }),
        prop::sample::select(vec![
            Layer::MaxPool,
            Layer::AveragePool,
            Layer::Relu,
            Layer::Gelu,
            Layer::Silu,
            Layer::Add,
            Layer::Multiply,
            Layer::Flatten,
            Layer::MeanTokens,
            Layer::FirstToken,
        ]),
    ]
}

fn graph() -> impl Strategy<Value = Architecture> {
    let input = prop_oneof![
        Just(GraphInput::Features),
        Just(GraphInput::Tokens),
        image().prop_map(GraphInput::Image),
    ];
    let layer = (layer(), prop::collection::vec(0..=512_u16, 0..=2))
        .prop_map(|(layer, inputs)| GraphLayer { layer, inputs: inputs.try_into().unwrap() });
    (input, prop::collection::vec(layer, 1..12)).prop_map(|(input, layers)| Architecture::Graph {
        input,
        layers: layers.try_into().unwrap(),
    })
}

fn lora() -> impl Strategy<Value = Architecture> {
    let targets = vec![
        LoraTarget::AttentionInput,
        LoraTarget::AttentionOutput,
        LoraTarget::PerceptronGate,
        LoraTarget::PerceptronInput,
        LoraTarget::PerceptronOutput,
    ];
    let base = prop_oneof![bert().prop_map(LoraBase::Bert), llama().prop_map(LoraBase::Llama)];
    (base, size(), real(), prop::sample::subsequence(targets, 0..=5)).prop_map(
        |(base, rank, alpha, targets)| {
            let targets = targets.try_into().unwrap();
            Architecture::Lora(LoraShape { base, rank, alpha, targets })
        },
    )
}

fn architectures() -> impl Strategy<Value = Architecture> {
    let widths = prop::collection::vec(size(), 0..=8);
    let resnet =
        (image(), widths, blocks(), size()).prop_map(|(image, widths, block_count, groups)| {
            let widths = widths.try_into().unwrap();
            Architecture::Resnet(ResnetShape { image, widths, block_count, groups })
        });
    let vit = (image(), [size(), size(), size()], blocks()).prop_map(
        |(image, [patch, width, head_count], layer_count)| {
            Architecture::Vit(VitShape { image, patch, width, layer_count, head_count })
        },
    );
    prop_oneof![
        graph(),
        resnet,
        vit,
        bert().prop_map(Architecture::Bert),
        llama().prop_map(Architecture::Llama),
        lora(),
    ]
}

fn formats() -> impl Strategy<Value = DataFormat> {
    prop_oneof![
        Just(DataFormat::Floats),
        prop::sample::select(vec![2_u8, 4])
            .prop_map(|value_bytes| DataFormat::Tokens { value_bytes }),
    ]
}

proptest! {
    /// Reading gives back what was written.
    #[test]
    fn reading_undoes_writing(
        architecture in architectures(),
        format in formats(),
        base in prop::option::of((any::<[u8; 32]>(), 1..=1_u64 << 36)),
    ) {
        let mut specification = digits_fixture(0).specification;
        specification.model.architecture = architecture;
        specification.model.base =
            base.map(|(root, byte_count)| DataFile { root: DataRoot(root), byte_count });
        specification.data.format = format;
        let text = to_toml(&specification);
        let found = parse_order_toml(&text).unwrap().complete(None, None).unwrap();
        prop_assert_eq!(found, specification);
    }
}

/// The message about the digits' order with another model.
fn model(keys: &str) -> String {
    refusal(DIGITS_MODEL, keys)
}

#[test]
fn wrong_layers_are_named_with_their_place() {
    let graph = |layer: &str| model(&format!("architecture = \"graph\"\nlayer = [{layer}]"));
    let unknown = graph("{ operation = \"relu\" }, { operation = \"conv\" }");
    assert!(unknown.starts_with("model.layer[1].operation is \"conv\", allowed: linear, "));
    let found = graph("{ operation = \"linear\" }");
    assert_eq!(found, "model.layer[0].outputs is missing");
    let found = graph("{ operation = \"linear\", outputs = 0 }");
    assert_eq!(found, "model.layer[0].outputs is 0, allowed 1 to 65536");
    let found = graph("{ operation = \"relu\", inputs = [1, 2, 3] }");
    assert_eq!(found, "model.layer[0].inputs is 3, allowed 0 to 2");
    assert_eq!(model("architecture = \"graph\""), "model.layer is missing");
    let found = model("architecture = \"vit\"\nimage = [1, 8]");
    assert!(found.contains("[channels, rows, columns]"), "{found}");
}
