//! Every type on the wire or in the state has exactly one encoding, within its stated bound.

use std::collections::BTreeSet;
use std::path::Path;

use aipot_domain_runtime::{
    account, agenda, bounded, call, challenge, chunk, claim, dispute, evaluation, event, float,
    genesis, operator, order, outcome, payment, primitives, progress, submission, trace, window,
};
use challenge::{proof, subject};
use order::network;
use parity_scale_codec::{Decode, DecodeAll, Encode, MaxEncodedLen};

use super::random::Bytes;

/// Places at which a value is looked for.
const TRIES: usize = 20_000;
/// Values that must be found among them, or the test says nothing.
const VALUES_MIN: usize = 20;

/// Checks values of `T` found in a stream of random bytes: the bytes read are the encoding, the encoding
/// decodes to the value, and a cut or continued one does not decode.
fn check<T: Encode + Decode + MaxEncodedLen + PartialEq + std::fmt::Debug>(name: &str) {
    let stream = Bytes::new(1);
    let values = (0..TRIES).filter_map(|place| stream.read::<T>(7 * place));
    let mut count = 0;
    for (value, read) in values.take(500) {
        count += 1;
        let encoded = value.encode();
        assert_eq!(encoded, read, "{name} has two encodings of {value:?}");
        assert_eq!(encoded.len(), value.encoded_size(), "{name}");
        assert!(encoded.len() <= T::max_encoded_len(), "{name} is larger than its bound");
        assert_eq!(T::decode_all(&mut encoded.as_slice()).as_ref(), Ok(&value), "{name}");
        let cut = &encoded[..encoded.len() - 1];
        assert!(T::decode_all(&mut &*cut).is_err(), "{name} decodes without its last byte");
        let longer = [encoded.as_slice(), &[0]].concat();
        assert!(T::decode_all(&mut longer.as_slice()).is_err(), "{name} decodes with a byte more");
    }
    assert!(count >= VALUES_MIN, "only {count} values of {name} were found");
}

/// Checks each listed type and gives the list of their names.
macro_rules! check_all {
    ($($room:ident: $($name:ident)*;)*) => {{
        $($(check::<$room::$name>(stringify!($name));)*)*
        [$($(stringify!($name)),*),*]
    }};
}

#[test]
fn every_type_has_one_encoding() {
    let checked = check_all! {
        primitives: AccountId OrderId ModelRoot DataRoot TraceRoot Commitment Salt Beacon GenesisHash
            EvaluationDigest Signature BlockNumber Amount Score;
        account: Account Totals;
        agenda: Item Agenda;
        call: Call SignedCall;
        challenge: Challenge OpenGames;
        subject: Subject;
        proof: Proof OtherWeights SameHeader;
        chunk: ChunkTarget ChunkRequest ChunkProof;
        claim: RevealedModel Claim;
        dispute: Side Place Stage Decision Reason Move Dispute Bisection SlotOpening Leaf;
        evaluation: Tally EvaluationEntry Evaluation;
        float: Float;
        event: Verdict VoidReason Event;
        genesis: Parameters Network GenesisAccount Genesis;
        operator: Roles Withdrawal Operator OperatorAt OperatorCount;
        network: AttentionMask Layer GraphLayer GraphInput;
        order: OrderSpecification ModelSpecification Architecture ResnetShape VitShape BertShape
            LlamaShape LoraBase LoraTarget LoraShape ImageShape
            ConvolutionSpecification DataFile DataFormat DataSpecification Loss Metric Recipe
            FixedRecipe RecipeOptimizer RecipeSchedule TrainSpecification Profile PaySpecification
            CommitteeSpecification;
        outcome: Standing Outcome;
        payment: PayoutRole Payout;
        progress: OrderRecord Committee TestReveal TestSource Progress;
        submission: OrdersInBlock;
        trace: TraceOpening ChunkSpan;
        window: Windows Phase;
    };
    check::<order::check::OrderLimits>("OrderLimits");
    check::<bounded::BoundedVec<u16, 9>>("BoundedVec");
    let mut checked: BTreeSet<String> = checked.into_iter().map(String::from).collect();
    checked.insert("OrderLimits".into());
    // The macro of the digests names its types by a variable.
    let declared: BTreeSet<String> = declared_types(&source_folder())
        .into_iter()
        .chain(checked.iter().filter(|name| is_digest(name)).cloned())
        .collect();
    assert_eq!(declared, checked, "types that decode, and types that are checked here");
}

fn source_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn is_digest(name: &str) -> bool {
    let text = std::fs::read_to_string(source_folder().join("primitives.rs")).expect("it is there");
    text.contains(&format!("    {name};\n"))
}

/// Names of all types below `folder` that derive `Decode`.
fn declared_types(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the sources are there").path();
        if path.is_dir() {
            found.extend(declared_types(&path));
        } else if path.file_name().is_some_and(|name| name != "tests.rs") {
            let text = std::fs::read_to_string(&path).expect("a source is text");
            found.extend(types_of(&text));
        }
    }
    found
}

fn types_of(text: &str) -> Vec<String> {
    let parts = text.split("#[derive(").skip(1);
    let decodable = parts.filter_map(|part| {
        let (derives, rest) = part.split_once(")]")?;
        if !derives.split(',').any(|name| name.trim().ends_with("Decode")) {
            return None;
        }
        let declared = ["pub struct ", "pub enum "].into_iter();
        let starts = declared.filter_map(|word| Some((rest.find(word)?, word.len())));
        let (place, length) = starts.min()?;
        let name: String =
            rest[place + length..].chars().take_while(|letter| letter.is_alphanumeric()).collect();
        Some(name).filter(|name| !name.is_empty())
    });
    decodable.collect()
}
