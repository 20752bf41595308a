//! Order specifications: as they lie on the chain, and as people write them.

use aipot_domain_runtime::{
    bounded::BoundedVec,
    challenge::MOVES_MAX,
    order::{
        Architecture, BertShape, CommitteeSpecification, ConvolutionSpecification, DataFile,
        DataFormat, DataSpecification, ImageShape, Loss, Metric, ModelSpecification,
        OrderSpecification, PaySpecification, Profile, Recipe, ResnetShape, SPECIFICATION_VERSION,
        TrainSpecification, Windows,
        check::{OrderLimits, check},
        network::{GraphInput, GraphLayer, Layer},
    },
    primitives::{Amount, Commitment, DataRoot},
};
use aipot_trainer::specification::{
    OrderDraft, SpecificationError, parse_order_json, parse_order_toml, to_toml,
};
use parity_scale_codec::{DecodeAll, Encode};

use crate::targets::game::recipe_order;

/// Limits that leave it to the static rules to refuse.
const WIDE_LIMITS: OrderLimits = OrderLimits {
    window_min_blocks: 1,
    window_max_blocks: u32::MAX,
    settlement_max_blocks: u32::MAX,
    move_window_blocks: 1,
    reward_min: Amount(1),
    training_price: Amount(1),
    evaluation_price: Amount(1),
};

/// Stake of everybody who works for an order: what a game costs at a unit for each call and byte, and more.
pub(crate) const STAKE_MIN: Amount = Amount(60_000);

/// Decodes a specification, checks it, and encodes it again.
pub(crate) fn accepts_encoding(mut bytes: &[u8]) -> bool {
    let original = bytes;
    let Ok(order) = OrderSpecification::decode_all(&mut bytes) else { return false };
    assert_eq!(order.encode(), original, "two encodings of one order");
    if let Err(refusal) = check(&order, &WIDE_LIMITS) {
        assert!(!refusal.to_string().is_empty(), "a refusal without a reason");
    }
    true
}

/// Reads a specification in TOML.
pub(crate) fn accepts_toml(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_ok_and(|text| accepts_draft(parse_order_toml(text)))
}

/// Reads a specification in JSON.
pub(crate) fn accepts_json(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_ok_and(|text| accepts_draft(parse_order_json(text)))
}

/// What was read and is complete can be written and read again.
fn accepts_draft(read: Result<OrderDraft, SpecificationError>) -> bool {
    let Ok(draft) = read else { return false };
    if let Ok(order) = draft.complete(None, None) {
        let text = to_toml(&order);
        let again = parse_order_toml(&text).expect("what was written can be read");
        assert_eq!(again.complete(None, None).ok(), Some(order), "written otherwise: {text}");
    }
    true
}

pub(crate) fn encodings() -> Vec<Vec<u8>> {
    let [residual, encoder, declared] = network_orders();
    let plain = [small_order(), recipe_order(), convolutional_order(), text_order()];
    let orders = plain.into_iter().chain([residual, encoder, declared]);
    let encoding = |order: OrderSpecification| {
        check(&order, &WIDE_LIMITS).expect("the order keeps every rule");
        order.encode()
    };
    orders.map(encoding).collect()
}

pub(crate) fn toml_texts() -> Vec<Vec<u8>> {
    let plain = [small_order(), recipe_order(), convolutional_order(), text_order()];
    let written = plain.into_iter().chain(network_orders());
    let texts = [
        &include_bytes!("order.toml")[..],
        include_bytes!("../../benches/orders/cnn.toml"),
        include_bytes!("../../benches/orders/gpt.toml"),
    ];
    let written = written.map(|order| to_toml(&order).into_bytes());
    written.chain(texts.map(<[u8]>::to_vec)).collect()
}

pub(crate) fn json_texts() -> Vec<Vec<u8>> {
    let to_json = |text: Vec<u8>| {
        let text = str::from_utf8(&text).expect("TOML is text").to_owned();
        let value: serde_json::Value = toml::from_str(&text).expect("the text is TOML");
        value.to_string().into_bytes()
    };
    toml_texts().into_iter().map(to_json).collect()
}

/// An order of few bits that keeps every rule, with short windows, whose model has three chunks.
pub(crate) fn small_order() -> OrderSpecification {
    OrderSpecification {
        version: SPECIFICATION_VERSION,
        model: ModelSpecification {
            architecture: Architecture::Mlp {
                hidden_widths: vec![100].try_into().expect("one of at most 16"),
            },
            initial_seed: 1,
            base: None,
        },
        data: data(),
        train: TrainSpecification {
            loss: Loss::CrossEntropy,
            metric: Metric::Accuracy,
            recipe: Recipe::Free,
            parameters_max: 1_000,
            epochs: 1,
            batch_size: 8,
        },
        profile: Profile::P0,
        pay: PaySpecification {
            reward: Amount(1_000_000),
            client_bond: Amount(500_000),
            provider_stake_min: STAKE_MIN,
            validator_stake_min: STAKE_MIN,
            metric_min_millionths: 0,
        },
        committee: CommitteeSpecification { provider_count: 2, validator_count: 3 },
        windows: Windows {
            open: 2,
            train: 2,
            reveal: 2,
            availability: 2,
            test_reveal: 2,
            evaluation_commit: 2,
            evaluation_reveal: 2,
            challenge: 4,
            challenge_extension: MOVES_MAX,
        },
    }
}

/// The smallest images that can be pooled.
fn convolutional_order() -> OrderSpecification {
    let mut order = recipe_order();
    order.model.architecture = Architecture::Cnn {
        image: ImageShape { channels: 1, height: 2, width: 2 },
        convolutions: vec![ConvolutionSpecification { outputs: 3, kernel: 1 }]
            .try_into()
            .expect("one"),
        hidden_widths: vec![5].try_into().expect("one of at most 16"),
    };
    order
}

/// A decoder of one block over short texts.
fn text_order() -> OrderSpecification {
    let mut order = recipe_order();
    let (width, context) = (2, 4);
    order.model.architecture = Architecture::Gpt { width, layer_count: 1, head_count: 1, context };
    order.data.format = DataFormat::Text;
    order.data.train.byte_count = u64::from(order.data.train_example_count * context) + 1;
    order.data.class_count = 256;
    order.data.feature_divisor = 1;
    order.train.metric = Metric::Loss;
    order.train.parameters_max = 10_000;
    order
}

/// The smallest residual network, an encoder over four tokens, and layers that are declared.
fn network_orders() -> [OrderSpecification; 3] {
    let with = |architecture| {
        let mut order = recipe_order();
        order.model.architecture = architecture;
        order.train.parameters_max = 10_000;
        order
    };
    let image = ImageShape { channels: 1, height: 2, width: 2 };
    let widths = vec![2].try_into().expect("one of at most 8");
    let residual = ResnetShape { image, widths, block_count: 1, groups: 2 };
    let encoder = BertShape {
        vocabulary: 16,
        positions: 4,
        width: 2,
        hidden_width: 3,
        layer_count: 1,
        head_count: 1,
    };
    let layers = [
        Layer::Convolution { outputs: 2, kernel: 3, stride: 2, padding: 1, has_bias: true },
        Layer::Silu,
        Layer::AveragePool,
        Layer::Linear { outputs: 2, has_bias: true },
    ];
    let layers = layers.map(|layer| GraphLayer { layer, inputs: BoundedVec::new() });
    let layers = layers.to_vec().try_into().expect("four of at most 512");
    [
        with(Architecture::Resnet(residual)),
        with(Architecture::Bert(encoder)),
        with(Architecture::Graph { input: GraphInput::Image(image), layers }),
    ]
}

fn data() -> DataSpecification {
    DataSpecification {
        train: DataFile { root: DataRoot([1; 32]), byte_count: 500 },
        format: DataFormat::Records { value_bytes: 1 },
        train_example_count: 100,
        test_example_count: 300,
        feature_count: 4,
        feature_divisor: 16,
        class_count: 2,
        test_commitment: Commitment([0; 32]),
    }
}
