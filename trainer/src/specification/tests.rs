//! Tests of the order specification: what is read, what is refused and with which words.

mod networks;

use aipot_domain_runtime::order::check::{OrderLimits, check};
use aipot_domain_runtime::order::{
    Architecture, CommitteeSpecification, ConvolutionSpecification, DataFile, DataFormat,
    DataSpecification, FixedRecipe, ImageShape, Loss, Metric, ModelSpecification,
    OrderSpecification, PaySpecification, Profile, Recipe, RecipeOptimizer, RecipeSchedule,
    TrainSpecification, Windows,
};
use aipot_domain_runtime::primitives::{Amount, Commitment, DataRoot, Salt};
use proptest::prelude::*;

use super::{
    DataSource, DecimalError, OrderDraft, SPECIFICATION_BYTES_MAX, SpecificationError, TestFacts,
    format_tokens, parse_order_json, parse_order_toml, parse_tokens, to_toml,
};
use crate::dataset::synthetic::Part;
use crate::dataset::{FileFormat, prepare};
use crate::fixtures::{DIGITS_ORDER, digits_fixture, facts, small_fixture};

/// The message about the digits' order with one piece of text replaced.
fn refusal(old: &str, new: &str) -> String {
    assert!(DIGITS_ORDER.contains(old), "{old:?} is in the order");
    let text = DIGITS_ORDER.replacen(old, new, 1);
    parse_order_toml(&text).expect_err(&text).to_string()
}

#[test]
fn what_is_left_out_has_its_default() {
    let draft = parse_order_toml(DIGITS_ORDER).unwrap();
    assert_eq!((draft.train.epochs, draft.train.batch_size), (40, 32));
    assert_eq!((draft.committee.provider_count, draft.committee.validator_count), (2, 3));
    assert_eq!(draft.pay.client_bond, Amount::tokens(10));
    assert_eq!(draft.pay.provider_stake_min, Amount::tokens(100));
    assert_eq!(draft.pay.validator_stake_min, Amount::tokens(100));
    assert_eq!((draft.windows.open, draft.windows.challenge_extension), (100, 800));
    assert_eq!(draft.pay.metric_min_millionths, 900_000);
    assert_eq!(draft.data.train_root, None);
}

#[test]
fn an_order_with_defaults_passes_the_rules_of_the_network() {
    let limits = OrderLimits {
        window_min_blocks: 1,
        window_max_blocks: 14_400,
        settlement_max_blocks: 14_400,
        move_window_blocks: 30,
        reward_min: Amount(1),
        training_price: Amount(1),
        evaluation_price: Amount(1),
    };
    check(&digits_fixture(0).specification, &limits).unwrap();
}

#[test]
fn every_key_is_read() {
    let mut text = to_toml(&digits_fixture(0).specification);
    for (key, value) in [("epochs = 40", "epochs = 3"), ("open = 100", "open = 5")] {
        assert!(text.contains(key));
        text = text.replacen(key, value, 1);
    }
    let specification = parse_order_toml(&text).unwrap().complete(None, None).unwrap();
    assert_eq!((specification.train.epochs, specification.windows.open), (3, 5));
}

#[test]
fn json_says_the_same() {
    let text = r#"{
        "version": 1,
        "model": {"architecture": "mlp", "hidden": [128, 64], "initial": {"seed": 7}},
        "data": {"divisor": 16},
        "train": {"parameters_max": 100000},
        "pay": {"reward": "100", "metric_min": 0.9}
    }"#;
    assert_eq!(parse_order_json(text).unwrap(), parse_order_toml(DIGITS_ORDER).unwrap());
}

/// The digits' order with another model and a recipe.
fn with(model: &str, recipe: &str) -> String {
    DIGITS_ORDER
        .replace("architecture = \"mlp\"\nhidden = [128, 64]", model)
        .replace("recipe = \"free\"", recipe)
}

#[test]
fn images_and_texts_have_their_own_models() {
    let cnn = "architecture = \"cnn\"\nimage = [1, 28, 28]\nhidden = [1024]\n\
               convolutions = [{ outputs = 32, kernel = 5 }, { outputs = 64, kernel = 5 }]";
    let draft = parse_order_toml(&with(cnn, "recipe = \"free\"")).unwrap();
    let one = |outputs| ConvolutionSpecification { outputs, kernel: 5 };
    let expected = Architecture::Cnn {
        image: ImageShape { channels: 1, height: 28, width: 28 },
        convolutions: vec![one(32), one(64)].try_into().unwrap(),
        hidden_widths: vec![1_024].try_into().unwrap(),
    };
    assert_eq!(draft.model.architecture, expected);
    let gpt = "architecture = \"gpt\"\nwidth = 256\nlayers = 4\nheads = 8\ncontext = 128";
    let draft = parse_order_toml(&with(gpt, "recipe = \"free\"")).unwrap();
    let expected = Architecture::Gpt { width: 256, layer_count: 4, head_count: 8, context: 128 };
    assert_eq!(draft.model.architecture, expected);
}

#[test]
fn a_recipe_is_a_word_or_a_table() {
    let mlp = "architecture = \"mlp\"\nhidden = [4]";
    let read = |recipe: &str| parse_order_toml(&with(mlp, recipe)).map(|draft| draft.train.recipe);
    let found = read("recipe = { steps = 200, optimizer = \"adamw\", learning_rate = 0.001 }");
    let adamw = RecipeOptimizer::AdamW {
        beta1: 0.9_f32.to_bits(),
        beta2: 0.999_f32.to_bits(),
        epsilon: 1e-8_f32.to_bits(),
        weight_decay: 0.01_f32.to_bits(),
    };
    let recipe = FixedRecipe {
        step_count: 200,
        optimizer: adamw,
        learning_rate: 0.001_f32.to_bits(),
        schedule: RecipeSchedule::Constant,
        checkpoint_interval: 100,
    };
    assert_eq!(found.unwrap(), Recipe::Fixed(recipe));
    let found = read(
        "recipe = { steps = 7, optimizer = \"momentum\", learning_rate = 1, momentum = 0.5, \
         schedule = \"cosine\", warmup_steps = 3, checkpoint_interval = 2 }",
    );
    let recipe = FixedRecipe {
        step_count: 7,
        optimizer: RecipeOptimizer::Momentum { momentum: 0.5_f32.to_bits(), weight_decay: 0 },
        learning_rate: 1.0_f32.to_bits(),
        schedule: RecipeSchedule::Cosine { warmup_step_count: 3 },
        checkpoint_interval: 2,
    };
    assert_eq!(found.unwrap(), Recipe::Fixed(recipe));
    assert_eq!(read("recipe = \"free\"").unwrap(), Recipe::Free);
}

#[test]
fn a_wrong_recipe_or_model_is_named() {
    let recipe = |text: &str| with("architecture = \"mlp\"\nhidden = [4]", text);
    let model = |text: &str| with(text, "recipe = \"free\"");
    let table = |rest: &str| recipe(&format!("recipe = {{ steps = 1, {rest} }}"));
    let cases = [
        (recipe("recipe = {}"), "train.recipe.steps is missing"),
        (recipe("recipe = \"fix\""), "train.recipe is \"fix\", allowed: free"),
        (table("learning_rate = 1"), "train.recipe.optimizer is missing"),
        (
            table("optimizer = \"sgd\", learning_rate = 1"),
            "train.recipe.optimizer is \"sgd\", allowed: adamw, momentum, lion",
        ),
        (
            table("optimizer = \"adamw\", learning_rate = \"1\""),
            "train.recipe.learning_rate is a text, expected a number of 32 bits",
        ),
        (
            table("optimizer = \"adamw\", learning_rate = 1, beta3 = 1"),
            "unknown key train.recipe.beta3, did you mean beta1?",
        ),
        (
            model("architecture = \"cnn\"\nhidden = []\nconvolutions = []\nimage = [28, 28]"),
            "model.image is \"[28, 28]\", expected [channels, rows, columns]",
        ),
        (
            model(
                "architecture = \"cnn\"\nhidden = []\nimage = [1, 4, 4]\n\
                 convolutions = [{ outputs = 1 }]",
            ),
            "model.convolutions[0].kernel is missing",
        ),
        (
            model("architecture = \"gpt\"\nwidth = 8\nlayers = 101\nheads = 1\ncontext = 8"),
            "model.layers is 101, allowed 1 to 100",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_order_toml(&text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn an_unknown_key_is_an_error_with_a_hint() {
    let cases = [
        (
            "parameters_max",
            "parameter_max",
            "unknown key train.parameter_max, did you mean parameters_max?",
        ),
        ("hidden =", "hiden =", "unknown key model.hiden, did you mean hidden?"),
        (
            "[data]",
            "[data]\ntrain_example = 5",
            "unknown key data.train_example, did you mean train_examples?",
        ),
        ("seed = 7", "sed = 7", "unknown key model.initial.sed, did you mean seed?"),
        (
            "[pay]",
            "[paid]\nx = 1\n[pay]",
            "unknown key paid, allowed: version, model, data, train, verify, pay, committee, windows",
        ),
        (
            "[pay]",
            "[sandwich]\n[pay]",
            "unknown key sandwich, allowed: version, model, data, train, verify, pay, committee, windows",
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(refusal(old, new), expected);
    }
}

#[test]
fn a_wrong_type_is_named_with_the_right_one() {
    let cases = [
        ("version = 1", "version = true", "version is true or false, expected a whole number"),
        ("[128, 64]", "128", "model.hidden is a whole number, expected a list"),
        (
            "[128, 64]",
            "[128, 6.5]",
            "model.hidden[1] is a number with a point, expected a whole number",
        ),
        ("\"mlp\"", "3", "model.architecture is a whole number, expected a text"),
        ("{ seed = 7 }", "7", "model.initial is a whole number, expected a table"),
        (
            "\"100\"",
            "100.5",
            "pay.reward is a number with a point, expected tokens in quotes, with at most 18 decimals",
        ),
        ("100_000", "1979-05-27", "train.parameters_max is a table, expected a whole number"),
    ];
    for (old, new, expected) in cases {
        assert_eq!(refusal(old, new), expected);
    }
}

#[test]
fn a_value_out_of_range_is_named_with_the_range() {
    let cases = [
        ("version = 1", "version = 2", "version is 2, allowed 1 to 1"),
        ("[128, 64]", "[128, 0]", "model.hidden[1] is 0, allowed 1 to 65536"),
        (
            "[128, 64]",
            "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
            "model.hidden (layers) is 17, allowed 0 to 16",
        ),
        ("divisor = 16", "divisor = 0", "data.divisor is 0, allowed 1 to 16777216"),
        ("100_000", "-1", "train.parameters_max is -1, allowed 1 to 1099511627776"),
        ("[train]", "[train]\nbatch = 65_537", "train.batch is 65537, allowed 1 to 65536"),
        ("0.9", "1.1", "pay.metric_min is 1.1, allowed 0 to 1"),
        (
            "[pay]",
            "[windows]\nopen = 4294967296\n[pay]",
            "windows.open is 4294967296, allowed 0 to 4294967295",
        ),
        (
            "[pay]",
            "[committee]\nvalidators = 33\n[pay]",
            "committee.validators is 33, allowed 1 to 32",
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(refusal(old, new), expected);
    }
}

#[test]
fn a_malformed_text_is_named_with_the_form() {
    let tokens = "tokens in quotes, with at most 18 decimals";
    let cases = [
        (
            "\"mlp\"",
            "\"mpl\"",
            "model.architecture is \"mpl\", allowed: mlp, cnn, gpt, graph, resnet, vit, bert, \
             llama, lora"
                .to_owned(),
        ),
        (
            "\"accuracy\"",
            "\"loose\"",
            "train.metric is \"loose\", allowed: accuracy, loss".to_owned(),
        ),
        ("\"100\"", "\"-1\"", format!("pay.reward is \"-1\", expected {tokens}")),
        ("\"100\"", "\"1e3\"", format!("pay.reward is \"1e3\", expected {tokens}")),
        (
            "0.9",
            "nan",
            "pay.metric_min is \"NaN\", expected a number from 0 to 1 with at most 6 decimals"
                .to_owned(),
        ),
        (
            "[data]",
            "[data]\ntest_commitment = \"blake3:12\"",
            "data.test_commitment is \"blake3:12\", expected blake3: and 64 hexadecimal digits"
                .to_owned(),
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(refusal(old, new), expected);
    }
}

#[test]
fn what_has_no_default_must_be_there() {
    assert_eq!(refusal("version = 1", ""), "version is missing");
    assert_eq!(refusal("reward = \"100\"", ""), "pay.reward is missing");
    assert_eq!(refusal("architecture = \"mlp\"", ""), "model.architecture is missing");
    assert_eq!(refusal("parameters_max = 100_000", ""), "train.parameters_max is missing");
}

#[test]
fn a_key_given_twice_is_an_error_in_both_notations() {
    let found = parse_order_json(r#"{"version": 1, "version": 1}"#);
    assert!(matches!(found, Err(SpecificationError::Json { .. })));
    let found = parse_order_toml("version = 1\nversion = 1");
    assert!(matches!(found, Err(SpecificationError::Toml { .. })));
}

#[test]
fn endless_and_bottomless_texts_are_refused() {
    let long = " ".repeat(SPECIFICATION_BYTES_MAX + 1);
    assert!(matches!(parse_order_toml(&long), Err(SpecificationError::TooLong { .. })));
    assert!(matches!(parse_order_json(&long), Err(SpecificationError::TooLong { .. })));
    let deep = 1 << 18;
    let lists = "[".repeat(deep);
    let objects = "{\"a\":".repeat(deep / 2);
    assert!(parse_order_json(&lists).is_err());
    assert!(parse_order_json(&objects).is_err());
    assert!(parse_order_json(&format!("{}{}", "[".repeat(9), "]".repeat(9))).is_err());
    assert!(parse_order_toml(&format!("a = {lists}")).is_err());
    assert!(parse_order_toml(&format!("a = {}", "{a=".repeat(deep))).is_err());
    assert!(parse_order_toml(&format!("{}a = 1", "a.".repeat(deep))).is_err());
    assert!(parse_order_toml(&format!("[{}a]", "a.".repeat(deep))).is_err());
}

#[test]
fn files_that_are_not_those_described_are_refused_with_both_values() {
    let fixture = small_fixture();
    let draft = parse_order_toml(&to_toml(&fixture.specification)).unwrap();
    let facts = |bytes| facts(bytes, &fixture.specification);
    let train = facts(&fixture.files.train);
    let test = TestFacts::new(facts(&fixture.files.test), &Salt([9; 32]));
    assert_eq!(draft.complete(Some(&train), Some(&test)).unwrap(), fixture.specification);

    let mut other = train;
    other.file.root = DataRoot([3; 32]);
    let found = draft.complete(Some(&other), None).unwrap_err().to_string();
    let (given, found_root) = (train.file.root, other.file.root);
    assert_eq!(
        found,
        format!(
            "data.train.blob is blake3:{given} in the specification, but blake3:{found_root} by the files"
        )
    );
    let other = TestFacts::new(test.facts, &Salt([8; 32]));
    let found = draft.complete(Some(&train), Some(&other)).unwrap_err();
    assert!(matches!(found, SpecificationError::Different { field: "data.test_commitment", .. }));
    let mut other = train;
    other.class_count = 3;
    let found = draft.complete(Some(&other), None).unwrap_err().to_string();
    assert_eq!(found, "data.classes is 2 in the specification, but at least 3 by the files");
    let mut other = test;
    other.facts.feature_count = 4;
    let found = draft.complete(Some(&train), Some(&other)).unwrap_err().to_string();
    assert_eq!(found, "data.features is 3 in the specification, but 4 by the files");
    let mut other = test;
    other.facts.format = DataFormat::Records { value_bytes: 2 };
    let found = draft.complete(Some(&train), Some(&other)).unwrap_err().to_string();
    assert_eq!(
        found,
        "data.train.format is records with 1 bytes a value in the specification, \
         but records with 2 bytes a value by the files"
    );
}

/// The part of the digits' order about its data, and another one.
fn with_data(data: &str) -> Result<OrderDraft, SpecificationError> {
    parse_order_toml(&DIGITS_ORDER.replacen("divisor = 16", data, 1))
}

#[test]
fn files_are_lines_of_numbers_records_or_text() {
    let format = |data: &str| with_data(data).unwrap().data.format;
    let records = |value_bytes| FileFormat::Exact(DataFormat::Records { value_bytes });
    assert_eq!(format("divisor = 16"), FileFormat::Csv);
    assert_eq!(format("train = { format = \"csv\" }"), FileFormat::Csv);
    assert_eq!(format("train = { format = \"records\" }"), records(1));
    assert_eq!(format("train = { format = \"records\", value_bytes = 4 }"), records(4));
    let text = with_data("train = { format = \"text\" }\nfeatures = 64").unwrap().data;
    assert_eq!(text.format, FileFormat::Exact(DataFormat::Text));
    assert_eq!((text.class_count, text.feature_divisor), (Some(256), 1));
    let refused = |data: &str| with_data(data).unwrap_err().to_string();
    assert_eq!(
        refused("train = { format = \"records\", value_bytes = 3 }"),
        "data.train.value_bytes is \"3\", expected 1, 2 or 4"
    );
    let found = refused("train = { format = \"text\", value_bytes = 1 }");
    assert!(found.starts_with("unknown key data.train.value_bytes"), "{found}");
}

#[test]
fn a_client_may_write_down_where_its_files_lie() {
    let data = "train = { path = \"x.csv\", format = \"csv\" }\ntest = { path = \"y.csv\" }";
    let (train, test) = (Some("x.csv".to_owned()), Some("y.csv".to_owned()));
    assert_eq!(with_data(data).unwrap().data.source, DataSource::Files { train, test });
}

const SYNTHETIC: &str = "synthetic = { seed = 7 }\ntrain_examples = 20\ntest_examples = 10\n\
                         features = 12\nclasses = 3";

#[test]
fn a_synthetic_order_is_complete_without_files() {
    let draft = with_data(SYNTHETIC).unwrap();
    assert_eq!(draft.data.source, DataSource::Synthetic { seed: 7 });
    let file = |part| draft.data.synthetic(part).unwrap().unwrap();
    let (train, test) = (file(Part::Train), file(Part::Test));
    let (train, test) =
        prepare(&draft.data.shape(), Some(train.as_slice()), Some(test.as_slice())).unwrap();
    let test = TestFacts::new(test.unwrap().facts, &Salt([1; 32]));
    let specification = draft.complete(Some(&train.unwrap().facts), Some(&test)).unwrap();
    assert_eq!(specification.data.format, DataFormat::Records { value_bytes: 1 });
    assert_eq!(specification.data.feature_divisor, 255);
    assert_eq!(specification.data.train.byte_count, 20 * 13);
}

#[test]
fn a_synthetic_order_says_how_much_and_needs_no_files() {
    let refused = |old: &str, new: &str| {
        let draft = with_data(&SYNTHETIC.replacen(old, new, 1));
        let file = draft.and_then(|draft| draft.data.synthetic(Part::Train));
        file.unwrap_err().to_string()
    };
    assert_eq!(refused("features = 12\n", ""), "data.features is missing");
    assert_eq!(refused("train_examples = 20\n", ""), "data.train_examples is missing");
    assert_eq!(refused("{ seed = 7 }", "{}"), "data.synthetic.seed is missing");
    let found = refused("classes = 3", "classes = 3\ntrain = { format = \"csv\" }");
    assert!(found.contains("\"csv\", expected records or text"), "{found}");
    let found = refused("classes = 3", "classes = 3\ntrain = { path = \"x\" }");
    assert!(found.starts_with("unknown key data.train.path"), "{found}");
    let found = refused("classes = 3", "classes = 257");
    assert_eq!(found, "synthetic data of 257 classes, allowed 1 to 256");
    let wide = "classes = 3\ntrain = { format = \"records\", value_bytes = 2 }";
    let found = refused("classes = 3", wide);
    assert_eq!(found, "synthetic records have values of 1 byte, the order wants 2");
    let found = refused("train_examples = 20", "train_examples = 100000000");
    assert_eq!(found, "synthetic data of 1300000000 bytes, allowed at most 1073741824");
}

#[test]
fn a_draft_without_files_says_what_is_missing() {
    let draft = parse_order_toml(DIGITS_ORDER).unwrap();
    let found = draft.complete(None, None).unwrap_err().to_string();
    assert_eq!(found, "data.features is missing");
    let text = to_toml(&digits_fixture(0).specification);
    let records = "format = \"records\", value_bytes = 1";
    assert!(text.contains(records));
    let draft = parse_order_toml(&text.replace(records, "format = \"csv\"")).unwrap();
    let found = draft.complete(None, None).unwrap_err().to_string();
    assert_eq!(found, "the training file is missing");
}

#[test]
fn tokens_are_read_and_written_exactly() {
    let cases = [
        ("0", 0),
        ("1", 1_000_000_000_000_000_000),
        ("0.000000000000000001", 1),
        ("12.5", 12_500_000_000_000_000_000),
        ("340282366920938463463.374607431768211455", u128::MAX),
    ];
    for (text, amount) in cases {
        assert_eq!(parse_tokens(text), Ok(Amount(amount)));
        assert_eq!(format_tokens(Amount(amount)), text);
    }
    let refused = [
        ("", DecimalError::Malformed),
        (".", DecimalError::Malformed),
        ("1.", DecimalError::Malformed),
        (".5", DecimalError::Malformed),
        ("1.2.3", DecimalError::Malformed),
        ("+1", DecimalError::Malformed),
        ("1_000", DecimalError::Malformed),
        ("0.0000000000000000001", DecimalError::TooPrecise { max: 18 }),
        ("340282366920938463463.374607431768211456", DecimalError::TooLarge),
        ("99999999999999999999999999999999999999999", DecimalError::TooLarge),
    ];
    for (text, expected) in refused {
        assert_eq!(parse_tokens(text), Err(expected), "{text:?}");
    }
}

fn data_specifications() -> impl Strategy<Value = DataSpecification> {
    let format = prop_oneof![
        prop::sample::select(vec![1_u8, 2, 4])
            .prop_map(|value_bytes| DataFormat::Records { value_bytes }),
        Just(DataFormat::Text),
    ];
    let file = (any::<[u8; 32]>(), format, 1..=1_u64 << 36);
    let counts = (1..=100_000_000_u32, 1..=100_000_000_u32, 1..=65_536_u32);
    let rest = (1..=1_u32 << 24, 2..=65_536_u32, any::<[u8; 32]>());
    (file, counts, rest).prop_map(|((root, format, byte_count), (train, test, features), rest)| {
        DataSpecification {
            train: DataFile { root: DataRoot(root), byte_count },
            format,
            train_example_count: train,
            test_example_count: test,
            feature_count: features,
            feature_divisor: rest.0,
            class_count: rest.1,
            test_commitment: Commitment(rest.2),
        }
    })
}

fn architectures() -> impl Strategy<Value = Architecture> {
    let size = || 1..=65_536_u32;
    let hidden =
        || prop::collection::vec(1..=65_536_u32, 0..=16).prop_map(|all| all.try_into().unwrap());
    let convolution =
        (size(), size()).prop_map(|(outputs, kernel)| ConvolutionSpecification { outputs, kernel });
    let image = (size(), size(), size()).prop_map(|(channels, height, width)| ImageShape {
        channels,
        height,
        width,
    });
    let convolutions = prop::collection::vec(convolution, 0..=8);
    prop_oneof![
        hidden().prop_map(|hidden_widths| Architecture::Mlp { hidden_widths }),
        (image, convolutions, hidden()).prop_map(|(image, convolutions, hidden_widths)| {
            let convolutions = convolutions.try_into().unwrap();
            Architecture::Cnn { image, convolutions, hidden_widths }
        }),
        (size(), 1..=100_u32, size(), size()).prop_map(
            |(width, layer_count, head_count, context)| Architecture::Gpt {
                width,
                layer_count,
                head_count,
                context,
            }
        ),
    ]
}

fn recipes() -> impl Strategy<Value = Recipe> {
    // All numbers from the smallest to the largest, and both zeros.
    let number =
        || prop_oneof![0..=0x7f7f_ffff_u32, Just(0x8000_0000), 0x3800_0000..=0x4000_0000_u32];
    let optimizer = prop_oneof![
        [number(), number(), number(), number()].prop_map(
            |[beta1, beta2, epsilon, weight_decay]| {
                RecipeOptimizer::AdamW { beta1, beta2, epsilon, weight_decay }
            }
        ),
        [number(), number()].prop_map(|[momentum, weight_decay]| RecipeOptimizer::Momentum {
            momentum,
            weight_decay
        }),
    ];
    let schedule = prop_oneof![
        Just(RecipeSchedule::Constant),
        (0..=1_000_000_u32)
            .prop_map(|warmup_step_count| RecipeSchedule::Cosine { warmup_step_count }),
    ];
    let steps = 1..=1_000_000_u32;
    let fixed = (steps.clone(), optimizer, number(), schedule, steps).prop_map(
        |(step_count, optimizer, learning_rate, schedule, checkpoint_interval)| {
            Recipe::Fixed(FixedRecipe {
                step_count,
                optimizer,
                learning_rate,
                schedule,
                checkpoint_interval,
            })
        },
    );
    prop_oneof![Just(Recipe::Free), fixed]
}

fn specifications() -> impl Strategy<Value = OrderSpecification> {
    let data = data_specifications();
    let bounds = (1..=1_u64 << 40, 1..=100_000_u32, 1..=65_536_u32);
    let train = (any::<bool>(), recipes(), bounds).prop_map(
        |(is_loss, recipe, (parameters_max, epochs, batch_size))| TrainSpecification {
            loss: Loss::CrossEntropy,
            metric: if is_loss { Metric::Loss } else { Metric::Accuracy },
            recipe,
            parameters_max,
            epochs,
            batch_size,
        },
    );
    let pay = (any::<[u128; 4]>(), 0..=1_000_000_u32).prop_map(|(amounts, share)| {
        let [reward, client_bond, provider_stake_min, validator_stake_min] = amounts.map(Amount);
        let metric_min_millionths = share;
        PaySpecification {
            reward,
            client_bond,
            provider_stake_min,
            validator_stake_min,
            metric_min_millionths,
        }
    });
    let windows = any::<[u32; 9]>().prop_map(|blocks| Windows {
        open: blocks[0],
        train: blocks[1],
        reveal: blocks[2],
        availability: blocks[3],
        test_reveal: blocks[4],
        evaluation_commit: blocks[5],
        evaluation_reveal: blocks[6],
        challenge: blocks[7],
        challenge_extension: blocks[8],
    });
    let model = (architectures(), any::<u64>());
    (model, data, train, pay, (1..=32_u32, 1..=32_u32), windows).prop_map(
        |((architecture, initial_seed), data, train, pay, committee, windows)| OrderSpecification {
            version: 1,
            model: ModelSpecification { architecture, initial_seed, base: None },
            data,
            train,
            profile: Profile::P0,
            pay,
            committee: CommitteeSpecification {
                provider_count: committee.0,
                validator_count: committee.1,
            },
            windows,
        },
    )
}

proptest! {
    /// Reading gives back what was written.
    #[test]
    fn reading_undoes_writing(specification in specifications()) {
        let text = to_toml(&specification);
        let found = parse_order_toml(&text).unwrap().complete(None, None).unwrap();
        prop_assert_eq!(found, specification);
    }

    /// No text makes the reader panic.
    #[test]
    fn no_text_panics(text in ".{0,300}") {
        prop_assert!(parse_order_toml(&text).is_err());
        prop_assert!(parse_order_json(&text).is_err());
    }

    /// A piece of the order replaced by anything is either read or refused, never a panic.
    #[test]
    fn no_tampered_order_panics(place: prop::sample::Index, piece in ".{0,12}") {
        let place = place.index(DIGITS_ORDER.len());
        let text = format!("{}{piece}{}", &DIGITS_ORDER[..place], &DIGITS_ORDER[place..]);
        if let Ok(draft) = parse_order_toml(&text) {
            prop_assert_eq!(draft.version, 1);
        }
    }

    /// Amounts of any size survive being written.
    #[test]
    fn every_amount_is_written_exactly(amount: u128) {
        prop_assert_eq!(parse_tokens(&format_tokens(Amount(amount))), Ok(Amount(amount)));
    }
}
