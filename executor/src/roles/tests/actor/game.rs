//! Runs of recipes, moves of games and proofs, in memory.

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::challenge::Subject;
use aipot_domain_runtime::challenge::case::{Case, EvaluationSetting};
use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::dispute::{Dispute, Move};
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::trace::TraceOpening;
use aipot_trainer::model_file::write_model;
use aipot_trainer::parameters::Parameters;
use aipot_trainer::recipe_run::{RecipeRun, empty_trace};
use aipot_trainer::trace::file::TraceFile;
use aipot_trainer::trace::machine::Files;
use aipot_trainer::trace::prover::Prover;
use aipot_validator::accusation::{other_header, other_weights, same_header};
use aipot_validator::player::{PlayerError, answer_evaluation, answer_training};

use super::super::super::{Contradiction, OrderView};
use super::{Actor, Behavior};

impl Actor {
    /// Runs the recipe of an order, or a forged one: the model's bytes and what a claim commits to.
    pub(super) fn run_recipe(
        &mut self,
        specification: &OrderSpecification,
    ) -> Option<(Vec<u8>, Option<TraceOpening>)> {
        let order = specification.id();
        let case = Case::training(specification).unwrap();
        if !self.traces.contains_key(&order) {
            let file = self.run(specification, &case)?;
            self.traces.insert(order, file);
        }
        let trace = &self.traces[&order].trace;
        let (_, persistent) = trace.snapshots.nearest(trace.step_count).unwrap();
        let model = write_model(&Parameters::from_state(specification, persistent).unwrap());
        Some((model, Some(trace.opening())))
    }

    fn run(&self, specification: &OrderSpecification, case: &Case) -> Option<TraceFile> {
        let train = self.files.read(specification.data.train.root.0).to_vec();
        let computation = &case.computation;
        let base = self.base(specification).to_vec();
        let files = Files { train: &train, base: &base, ..Files::default() };
        let empty = empty_trace(specification, computation).unwrap();
        let mut run = RecipeRun::new(specification, computation, files, &empty).ok()?;
        while !run.is_finished() {
            run.step().unwrap();
        }
        let (trace, model) = (run.trace().clone(), run.model().unwrap());
        let (_, persistent) = trace.snapshots.nearest(trace.step_count).unwrap();
        assert_eq!(model, write_model(&Parameters::from_state(specification, persistent).unwrap()));
        let specification = specification.clone();
        let honest = TraceFile { specification, train, base, changes: Vec::new(), trace };
        Some(match self.behavior {
            Behavior::Forging(change) | Behavior::Misled(change) => {
                honest.corrupted(computation, change).unwrap()
            }
            _ => honest,
        })
    }

    /// The next move of a game.
    pub(super) fn play(
        &mut self,
        view: &OrderView,
        (challenge, subject): (u32, Subject),
        dispute: &Dispute,
    ) -> Option<Call> {
        if self.conduct.is_silent(dispute) {
            self.withheld_move_count += 1;
            return None;
        }
        let action = match subject {
            Subject::Training { .. } => self.training_move(view.specification(), dispute),
            Subject::Evaluation { .. } => self.evaluation_move(view, subject, dispute),
        };
        if self.behavior == Behavior::Honest {
            assert!(action.is_ok(), "an honest player always has a move: {action:?}");
        }
        let (order, move_index) = (view.id(), dispute.move_count);
        let action = self.conduct.bend(action.ok()?);
        Some(Call::Move { order, challenge, move_index, action })
    }

    fn training_move(
        &self,
        specification: &OrderSpecification,
        dispute: &Dispute,
    ) -> Result<Move, PlayerError> {
        let case = Case::training(specification).unwrap();
        let file = &self.traces[&specification.id()];
        if file.changes.is_empty() {
            let train = self.files.read(specification.data.train.root.0);
            let base = self.base(specification);
            let files = Files { train, base, ..Files::default() };
            let kept = (files, &file.trace.snapshots);
            return answer_training(specification, &case, kept, dispute);
        }
        let mut run = file.clone();
        if self.conduct.recants(dispute) {
            run.trace = run.trace.until(0);
            run.changes.clear();
        }
        Ok(Prover::new(run.replay(&case.computation)?).answer(dispute)?)
    }

    fn evaluation_move(
        &self,
        view: &OrderView,
        subject: Subject,
        dispute: &Dispute,
    ) -> Result<Move, PlayerError> {
        let Subject::Evaluation { validator, provider } = subject else {
            panic!("{subject} is no evaluation");
        };
        let claim = &view.claims[&provider];
        let progress = &view.running.progress;
        let (model, source) = (claim.model.unwrap(), progress.test_source.unwrap());
        let setting = EvaluationSetting {
            validator,
            source,
            beacon: progress.evaluation_beacon.unwrap(),
            claim: claim.commitment,
            model,
        };
        let case = Case::evaluation(view.specification(), &setting).unwrap();
        let seen = self.seen(&model);
        let files = self.evaluation_files(view.specification(), source, &seen);
        answer_evaluation(&case, files, dispute)
    }

    /// Shows without a game that a result is wrong.
    pub(super) fn prove(
        &self,
        view: &OrderView,
        subject: Subject,
        model: RevealedModel,
        contradiction: Contradiction,
    ) -> Option<Call> {
        let specification = view.specification();
        let bytes = self.files.read(model.root.0);
        let proof = match contradiction {
            Contradiction::OtherHeader => other_header(specification, bytes),
            Contradiction::SameHeader => same_header(specification, bytes),
            Contradiction::OtherWeights => {
                let trace = &self.traces.get(&view.id())?.trace;
                let (_, persistent) = trace.snapshots.nearest(trace.step_count)?;
                other_weights(specification, persistent, bytes)
            }
        };
        let proof = proof.unwrap()?;
        Some(Call::Prove { order: view.id(), subject, proof })
    }
}
