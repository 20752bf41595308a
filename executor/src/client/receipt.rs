//! The client's own check of a bought model, and the receipt that it prints.

use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::order::{DataFile, OrderSpecification};
use aipot_domain_runtime::outcome::{Outcome, Standing};
use aipot_domain_runtime::primitives::{OrderId, Score, to_hex};
use aipot_domain_runtime::progress::{OrderRecord, TestSource};
use aipot_trainer::dataset::{data_file, pack_for};
use aipot_trainer::evaluation::Evaluation;
use aipot_trainer::model_file::model_root;
use aipot_trainer::specification::format_tokens;
use aipot_trainer::trace::machine::Files;
use aipot_validator::verdict::{Examination, Finding};
use serde::Serialize;

use super::ClientError;

/// What the client holds in the end.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Receipt {
    /// The order.
    pub order: String,
    /// Who trained the model.
    pub winner: String,
    /// BLAKE3 of the model's bytes.
    pub model_root: String,
    /// Their number.
    pub model_bytes: u64,
    /// The score on the chain.
    pub score: u64,
    /// The score as the client computed it.
    pub measured_score: u64,
    /// Share of correct answers.
    pub test_accuracy: f64,
    /// Mean loss in nats.
    pub test_loss: f64,
    /// Commits to model, data, answers and score.
    pub evaluation_root: String,
    /// BLAKE3 of the bits of the answers.
    pub logits_hash: String,
    /// Whether score and root are those on the chain.
    pub agrees: bool,
    /// Every share of the escrow.
    pub payouts: Vec<PayoutLine>,
}

/// A share of the escrow.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PayoutLine {
    /// As what.
    pub role: String,
    /// To whom.
    pub account: String,
    /// How much, in tokens.
    pub amount: String,
}

/// Evaluates the bought model on the client's own test file and compares everything with the chain.
///
/// # Errors
/// [`ClientError::WrongModel`] when the model or its score is another; [`ClientError::NotSettled`] when there
/// is no winner.
pub fn check_model(
    order: &OrderId,
    record: &OrderRecord,
    model: &[u8],
    test: &[u8],
) -> Result<Receipt, ClientError> {
    let (outcome, winner) = winner(order, record)?;
    let wrong = |reason: String| ClientError::WrongModel { order: *order, reason };
    let root = model_root(model);
    if root != winner.model.root {
        return Err(wrong(format!("its root is {root}, paid for was {}", winner.model.root)));
    }
    let test = pack_for(test, &record.specification.data)
        .map_err(|source| ClientError::Data { file: "test", source })?;
    let file = data_file(&test);
    check_source(outcome, file).map_err(wrong)?;
    let measured = measure(&record.specification, (winner.model, model), &test).map_err(wrong)?;
    if measured.score != winner.score {
        let (measured, paid) = (measured.score.0, winner.score.0);
        return Err(wrong(format!("its score is {measured}, the chain says {paid}")));
    }
    let Measured { evaluation, answer_count, score } = measured;
    Ok(Receipt {
        order: order.to_string(),
        winner: winner.provider.to_string(),
        model_root: root.to_string(),
        model_bytes: winner.model.byte_count,
        score: winner.score.0,
        measured_score: score.0,
        test_accuracy: evaluation.accuracy(answer_count),
        test_loss: evaluation.loss_nats(answer_count),
        evaluation_root: to_hex(&evaluation.root(root, file.root, score)),
        logits_hash: to_hex(&evaluation.logits_hash()),
        agrees: true,
        payouts: payout_lines(outcome),
    })
}

/// The payouts of an outcome, for people and machines.
pub fn payout_lines(outcome: &Outcome) -> Vec<PayoutLine> {
    let line = |payout: &aipot_domain_runtime::payment::Payout| PayoutLine {
        role: format!("{:?}", payout.role),
        account: payout.account.to_string(),
        amount: format_tokens(payout.amount),
    };
    outcome.payouts.iter().map(line).collect()
}

impl Receipt {
    /// The receipt as a person reads it.
    pub fn text(&self) -> String {
        let payouts: Vec<String> = self
            .payouts
            .iter()
            .map(|line| format!("    {:<10} {:>12}  {}", line.role, line.amount, line.account))
            .collect();
        format!(
            "receipt of order {}\n  \
             model      blake3:{} ({} bytes), root checked here\n  \
             trained by {}\n  \
             accuracy   {:.2} % on the hidden test set, computed again here: the score agrees bit for bit\n  \
             evaluation {}\n  \
             paid\n{}",
            self.order,
            self.model_root,
            self.model_bytes,
            self.winner,
            100.0 * self.test_accuracy,
            self.evaluation_root,
            payouts.join("\n"),
        )
    }
}

fn winner<'record>(
    order: &OrderId,
    record: &'record OrderRecord,
) -> Result<(&'record Outcome, &'record Standing), ClientError> {
    let missing = |found| ClientError::NotSettled { order: *order, found };
    let outcome = record.outcome.as_ref().ok_or_else(|| missing("running"))?;
    let winner = outcome.winner().ok_or_else(|| missing("refunded"))?;
    Ok((outcome, winner))
}

/// The chain must have scored on the very file that the client holds.
fn check_source(outcome: &Outcome, file: DataFile) -> Result<(), String> {
    match outcome.test_source {
        Some(TestSource::Revealed(revealed)) if revealed == file => Ok(()),
        Some(TestSource::Revealed(revealed)) => Err(format!(
            "it was scored on blake3:{}, this test file is blake3:{}",
            revealed.root, file.root
        )),
        Some(TestSource::BeaconSplit(_)) => Err(
            "it was scored on a split of the training data, because the test data was not revealed"
                .to_owned(),
        ),
        None => Err("it was not scored".to_owned()),
    }
}

/// An evaluation with its score.
struct Measured {
    evaluation: Evaluation,
    answer_count: u64,
    score: Score,
}

fn measure(
    specification: &OrderSpecification,
    (model, bytes): (RevealedModel, &[u8]),
    test: &[u8],
) -> Result<Measured, String> {
    let source = TestSource::Revealed(data_file(test));
    let files = Files { test, model: bytes, ..Files::default() };
    let finding = Examination { specification, source }.examine(model, files);
    let finding = finding.map_err(|error| error.to_string())?;
    let score = finding.score();
    match finding {
        Finding::Scored { evaluation, answer_count, .. } => {
            Ok(Measured { evaluation, answer_count, score })
        }
        Finding::Invalid { reason } => Err(reason.to_string()),
    }
}
