//! What the actions of the plans come to in memory.

use std::sync::Arc;

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::chunk::prove_chunk;
use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::evaluation::{EvaluationEntries, EvaluationEntry, Tally};
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::outcome::answer_count;
use aipot_domain_runtime::primitives::{EvaluationDigest, ModelRoot};
use aipot_domain_runtime::progress::TestSource;
use aipot_trainer::model_file::write_model;
use aipot_trainer::run::{Trainer, TrainingFile, TrainingOptions};
use aipot_trainer::trace::machine;
use aipot_validator::verdict::Examination;

use super::super::super::perform::training_seed;
use super::super::super::{Action, Assessment, Knowledge, LocalModel, OrderView, model_key};
use super::super::world::Served;
use super::{Actor, Behavior, OwnSecrets};
use crate::store::artefacts::ContentHash;

/// Bit of a byte that holds the sign of a little-endian f32 in its last byte.
const SIGN: u8 = 0x80;

impl Actor {
    pub(super) fn perform(
        &mut self,
        action: Action,
        view: &OrderView,
        knowledge: &mut Knowledge,
        served: &Served,
    ) -> Option<Call> {
        match action {
            Action::Fetch { hash, byte_count } => {
                let bytes = served.get(&hash)?;
                let length = u64::try_from(bytes.len()).unwrap();
                if length <= byte_count {
                    self.files.0.insert(hash, Arc::clone(bytes));
                }
                None
            }
            Action::Train => {
                self.train(view, knowledge);
                None
            }
            Action::FinishTraining => None,
            Action::Audit => {
                self.audit(view, knowledge);
                None
            }
            Action::Evaluate { model, .. } => {
                self.evaluate(view, model, knowledge);
                None
            }
            Action::Seal { entries } => {
                knowledge.sealed = Some(self.said(view, &entries));
                None
            }
            Action::PublishTest { .. } => {
                let test = self.tests.get(&view.id()).unwrap().1.clone();
                self.files.put(test);
                None
            }
            Action::Serve { target, file, chunk_index, .. } => {
                let proof = prove_chunk(self.files.read(file.0), chunk_index).unwrap();
                Some(Call::ServeChunk { order: view.id(), target, proof })
            }
            Action::Play { challenge, subject, dispute, .. } => {
                self.play(view, (challenge, subject), &dispute)
            }
            Action::Prove { subject, model, contradiction } => {
                self.prove(view, subject, model, contradiction)
            }
            Action::Call { call, .. } => Some(*call).filter(|call| !self.is_lost(call)),
        }
    }

    fn train(&mut self, view: &OrderView, knowledge: &mut Knowledge) {
        let specification = view.specification();
        let trained = if specification.train.recipe.is_fixed() {
            self.run_recipe(specification)
        } else {
            let is_first = self.is_improving() && knowledge.model.is_none();
            let step_count = is_first.then_some(3);
            self.train_freely(specification, step_count).map(|bytes| (bytes, None))
        };
        let Some((bytes, trace)) = trained else {
            knowledge.has_given_up = true;
            return;
        };
        let bytes = self.claimed(bytes);
        let byte_count = u64::try_from(bytes.len()).unwrap();
        let root = ModelRoot(self.files.put(bytes).0);
        knowledge.can_improve = self.is_improving() && knowledge.model.is_none();
        knowledge.learn_model(LocalModel { root, byte_count, trace });
        self.training_count += 1;
    }

    /// Whether a call never reaches a block.
    fn is_lost(&self, call: &Call) -> bool {
        let is_later = matches!(call, Call::Claim { sequence, .. } if *sequence > 1);
        is_later && self.behavior == Behavior::ImprovingLate
    }

    fn is_improving(&self) -> bool {
        matches!(self.behavior, Behavior::Improving | Behavior::ImprovingLate)
    }

    fn train_freely(
        &self,
        specification: &OrderSpecification,
        step_count: Option<u64>,
    ) -> Option<Vec<u8>> {
        let bytes = self.files.read(specification.data.train.root.0);
        let base = self.base(specification);
        let file = TrainingFile::new(bytes, specification).ok()?.with_base(base);
        let seed = training_seed(&OwnSecrets(self.account), &specification.id());
        let recipe = TrainingOptions::recipe(specification, seed);
        let options =
            step_count.map_or(recipe, |steps| TrainingOptions::steps(specification, seed, steps));
        let mut trainer = Trainer::new(specification, file, options).unwrap();
        while !trainer.is_finished() {
            trainer.step().unwrap();
        }
        Some(write_model(&trainer.finish().unwrap()))
    }

    /// The file that this provider claims, given the model that it has trained.
    fn claimed(&self, mut model: Vec<u8>) -> Vec<u8> {
        match self.behavior {
            // As long as a model, but without its header.
            Behavior::Garbage => vec![7; model.len()],
            Behavior::OtherWeights => {
                let last = model.last_mut().unwrap();
                *last ^= SIGN;
                model
            }
            _ => model,
        }
    }

    fn audit(&mut self, view: &OrderView, knowledge: &mut Knowledge) {
        match self.run_recipe(view.specification()) {
            Some((bytes, trace)) => {
                let byte_count = u64::try_from(bytes.len()).unwrap();
                let root = ModelRoot(ContentHash::of(&bytes).0);
                knowledge.audit = Some(LocalModel { root, byte_count, trace });
            }
            None => knowledge.has_given_up = true,
        }
    }

    fn evaluate(&self, view: &OrderView, model: RevealedModel, knowledge: &mut Knowledge) {
        let source = view.running.progress.test_source.unwrap();
        let examination = Examination { specification: view.specification(), source };
        let seen = self.seen(&model);
        let revealed = RevealedModel { root: ModelRoot(ContentHash::of(&seen).0), ..model };
        let files = self.evaluation_files(view.specification(), source, &seen);
        let key = model_key(&model);
        if let Ok(assessment) = Assessment::compute(&examination, revealed, files) {
            knowledge.assessments.insert(key, Arc::new(assessment));
        } else {
            *knowledge.failures.entry(key).or_default() += 1;
        }
    }

    /// The model as this validator looks at it.
    pub(super) fn seen(&self, model: &RevealedModel) -> Vec<u8> {
        let mut bytes = self.files.read(model.root.0).to_vec();
        if self.behavior == Behavior::Fabricating {
            // The last layer with all signs the other way round.
            let weights = bytes.len() - bytes.len() / 10 / 4 * 4;
            bytes[weights..].iter_mut().skip(3).step_by(4).for_each(|byte| *byte ^= SIGN);
        }
        bytes
    }

    pub(super) fn evaluation_files<'bytes>(
        &'bytes self,
        specification: &OrderSpecification,
        source: TestSource,
        model: &'bytes [u8],
    ) -> machine::Files<'bytes> {
        let (train, test) = match source {
            TestSource::Revealed(file) => (&[][..], self.files.read(file.root.0)),
            TestSource::BeaconSplit(_) => {
                (self.files.read(specification.data.train.root.0), &[][..])
            }
        };
        machine::Files { train, test, model, base: self.base(specification) }
    }

    /// The base of an order; nothing where it has none.
    pub(super) fn base(&self, specification: &OrderSpecification) -> &[u8] {
        specification.model.base.map_or(&[], |file| self.files.read(file.root.0))
    }

    /// What this validator says, given the truth.
    fn said(&self, view: &OrderView, truth: &EvaluationEntries) -> EvaluationEntries {
        let (specification, source) =
            (view.specification(), view.running.progress.test_source.unwrap());
        let worth = (specification.train.metric, answer_count(specification, &source));
        let made_up = EvaluationDigest([3; 32]);
        let lie = |entry: EvaluationEntry| {
            let Some(tally) = entry.tally else { return entry };
            let tally = match self.behavior {
                Behavior::Constant => Tally { correct_count: 30, loss_sum_q16: 0, digest: made_up },
                Behavior::CopiedScore => Tally { digest: made_up, ..tally },
                Behavior::Echo => {
                    // The digest of the next entry, computed under a key for another model.
                    let other = truth.iter().find(|one| one.provider != entry.provider);
                    let digest = other.and_then(|one| one.tally).map(|tally| tally.digest);
                    Tally { digest: digest.unwrap_or(made_up), ..tally }
                }
                _ => tally,
            };
            EvaluationEntry::evaluated(entry.provider, tally, worth)
        };
        let said: Vec<EvaluationEntry> = truth.iter().map(|entry| lie(*entry)).collect();
        BoundedVec::try_from(said).unwrap()
    }
}
