//! Events as sentences, and the answer to "why was I paid, or not", made from events alone.

use aipot_domain_runtime::challenge::Subject;
use aipot_domain_runtime::chunk::ChunkTarget;
use aipot_domain_runtime::dispute::Reason;
use aipot_domain_runtime::event::{Event, Verdict, VoidReason};
use aipot_domain_runtime::payment::{Payout, PayoutRole};
use aipot_domain_runtime::primitives::{AccountId, Amount, BlockNumber};
use aipot_domain_runtime::progress::TestSource;
use aipot_trainer::specification::format_tokens;

/// How accounts are called; by default by the first digits of their keys.
pub type Names<'a> = &'a dyn Fn(&AccountId) -> String;

/// Digits of a key that tell accounts of one order apart.
const SHORT_DIGITS: usize = 12;

/// An account by the first digits of its key.
pub fn short_name(account: &AccountId) -> String {
    account.to_string().chars().take(SHORT_DIGITS).collect()
}

/// What happened, in a sentence.
pub fn sentence(event: &Event, names: Names<'_>) -> String {
    match event {
        Event::OrderSubmitted { client, reward, .. } => {
            format!("{} submitted the order and paid {}", names(client), tokens(*reward))
        }
        Event::CommitteeDrawn { committee, .. } => format!(
            "drawn as providers: {}; as validators: {}",
            list(&committee.providers, names),
            list(&committee.validators, names)
        ),
        Event::CommitteeTooSmall { provider_count, validator_count, .. } => format!(
            "only {provider_count} providers and {validator_count} validators were eligible, so the order was cancelled"
        ),
        Event::ClaimAccepted { provider, sequence, .. } => {
            format!("{} committed to a model (claim {sequence})", names(provider))
        }
        Event::ModelRevealed { provider, model, .. } => {
            format!(
                "{} revealed model {} of {} bytes",
                names(provider),
                model.root,
                model.byte_count
            )
        }
        Event::ClaimVoided { provider, reason, .. } => void_sentence(&names(provider), *reason),
        Event::TestRevealed { file, .. } => format!("the client revealed test data {}", file.root),
        Event::ClientBondLost { client, amount, .. } => format!(
            "{} withheld the test data and lost its bond of {}",
            names(client),
            tokens(*amount)
        ),
        Event::EvaluationStarted { source, .. } => match source {
            TestSource::Revealed(file) => {
                format!("models are scored on the client's test data {}", file.root)
            }
            TestSource::BeaconSplit(beacon) => {
                format!(
                    "models are scored on a split of the training data drawn from beacon {beacon}"
                )
            }
        },
        Event::OrderSettled { winner: Some(winner), .. } => {
            format!("settled: {} won with score {}", names(&winner.provider), winner.score.0)
        }
        Event::OrderSettled { winner: None, .. } => {
            "settled without a winner: no model satisfied the order, the client got its money back"
                .to_owned()
        }
        Event::Paid { payout, .. } => paid_sentence(payout, names),
        other => dispute_sentence(other, names),
    }
}

fn dispute_sentence(event: &Event, names: Names<'_>) -> String {
    match event {
        Event::EvaluationCommitted { validator, .. } => {
            format!("{} committed to its evaluation", names(validator))
        }
        Event::EvaluationRevealed { validator, entries, .. } => {
            let scores: Vec<String> = entries
                .iter()
                .map(|entry| {
                    format!("{} {} correct", names(&entry.provider), entry.score.correct())
                })
                .collect();
            format!("{} revealed its evaluation: {}", names(validator), scores.join(", "))
        }
        Event::EvaluationWithheld { validator, .. } => {
            format!("{} committed to an evaluation and did not reveal it", names(validator))
        }
        Event::ChallengeOpened { challenge, challenger, subject, .. } => format!(
            "challenge {challenge}: {} says that {} is wrong",
            names(challenger),
            subject_words(subject, names),
        ),
        Event::MoveMade { challenge, move_index, mover, .. } => {
            format!("challenge {challenge}: {} made move {move_index}", names(mover))
        }
        Event::OperatorLocated { challenge, step, operator, .. } => {
            format!("challenge {challenge}: they differ from operator {operator} of step {step} on")
        }
        Event::ChallengeDecided { challenge, verdict, .. } => {
            format!("challenge {challenge}: {}", verdict_words(verdict))
        }
        Event::BondLost { challenge, to_responder, burned, .. } => format!(
            "challenge {challenge}: of the challenger's bond {} went to the other side, {} burned",
            tokens(*to_responder),
            tokens(*burned),
        ),
        Event::ProofAccepted { subject, accuser, .. } => {
            format!("{} showed that {} is wrong", names(accuser), subject_words(subject, names))
        }
        Event::Slashed { operator, amount, .. } => {
            format!("{} lost {} of its stake", names(operator), tokens(*amount))
        }
        Event::ChunkRequested { target, request, .. } => format!(
            "{} could not fetch chunk {} of {}",
            names(&request.requester),
            request.chunk_index,
            target_name(target, names)
        ),
        Event::ChunkServed { target, chunk_index, .. } => {
            format!("chunk {chunk_index} of {} was served on the chain", target_name(target, names))
        }
        Event::DepositReleased { provider, amount, returned, .. } => {
            let verb = if *returned { "got back" } else { "lost" };
            format!("{} {verb} its claim deposit of {}", names(provider), tokens(*amount))
        }
        other => money_sentence(other, names),
    }
}

fn money_sentence(event: &Event, names: Names<'_>) -> String {
    match event {
        Event::Transferred { from, to, amount } => {
            format!("{} paid {} to {}", names(from), tokens(*amount), names(to))
        }
        Event::OperatorRegistered { operator, stake, .. } => {
            format!("{} registered with a stake of {}", names(operator), tokens(*stake))
        }
        Event::StakeAdded { operator, amount } => {
            format!("{} added {} to its stake", names(operator), tokens(*amount))
        }
        Event::UnstakeStarted { operator, amount, available_at } => {
            format!(
                "{} takes back {} of its stake in block {available_at}",
                names(operator),
                tokens(*amount)
            )
        }
        Event::StakeWithdrawn { operator, amount } => {
            format!("{} took back {} of its stake", names(operator), tokens(*amount))
        }
        Event::CallRefused { signer, nonce, reason } => {
            format!(
                "call {nonce} of {} was refused: {}",
                names(signer),
                String::from_utf8_lossy(reason)
            )
        }
        other => format!("{other:?}"),
    }
}

fn void_sentence(name: &str, reason: VoidReason) -> String {
    match reason {
        VoidReason::NotRevealed => {
            format!("{name} did not reveal its model in time; its claim is void")
        }
        VoidReason::Withheld => format!("{name} did not serve its model; its claim is void"),
        VoidReason::Refuted => format!("{name} did not train as it claimed; its claim is void"),
    }
}

fn paid_sentence(payout: &Payout, names: Names<'_>) -> String {
    let amount = tokens(payout.amount);
    match payout.role {
        PayoutRole::Winner => format!("{} was paid {amount} as the winner", names(&payout.account)),
        PayoutRole::RunnerUp => {
            format!("{} was paid {amount} as a runner-up", names(&payout.account))
        }
        PayoutRole::Validator => {
            format!("{} was paid {amount} for its evaluation", names(&payout.account))
        }
        PayoutRole::Client => {
            format!("{} got back {amount} that nobody earned", names(&payout.account))
        }
        PayoutRole::AuditFund => format!("{amount} went to the audit fund"),
        PayoutRole::Burned => format!("{amount} were burned"),
    }
}

/// Why `operator` was or was not paid for an order, from the order's events.
pub fn explain_operator(events: &[(BlockNumber, Event)], operator: &AccountId) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    let drawn = events.iter().find_map(|(_, event)| match event {
        Event::CommitteeDrawn { committee, .. } => Some(committee),
        _ => None,
    });
    let Some(committee) = drawn else {
        return vec![
            "no committee was drawn for the order (yet), so nobody earned anything".to_owned(),
        ];
    };
    if committee.providers.contains(operator) {
        reasons.push("it was drawn as a provider".to_owned());
        reasons.extend(provider_reasons(events, operator));
    } else if committee.validators.contains(operator) {
        reasons.push("it was drawn as a validator".to_owned());
        reasons.extend(validator_reasons(events, operator));
    } else {
        reasons.push("it was not drawn: operators are drawn by stake among those with the role, the order's least stake and no change since the order".to_owned());
    }
    reasons.extend(paid_reasons(events, operator));
    reasons
}

fn provider_reasons(events: &[(BlockNumber, Event)], operator: &AccountId) -> Vec<String> {
    let claimed = events.iter().any(
        |(_, event)| matches!(event, Event::ClaimAccepted { provider, .. } if provider == operator),
    );
    let revealed = events.iter().any(
        |(_, event)| matches!(event, Event::ModelRevealed { provider, .. } if provider == operator),
    );
    let winner = events.iter().find_map(|(_, event)| match event {
        Event::OrderSettled { winner, .. } => Some(*winner),
        _ => None,
    });
    let mut reasons = Vec::new();
    if !claimed {
        reasons.push("it made no claim before claims closed".to_owned());
    } else if !revealed {
        reasons.push("it claimed, but did not reveal its model in time".to_owned());
    } else {
        reasons.push("it claimed and revealed a model".to_owned());
    }
    match winner {
        None => reasons.push("the order is not settled yet".to_owned()),
        Some(None) => reasons.push("no model satisfied the order".to_owned()),
        Some(Some(winner)) if winner.provider == *operator => {
            reasons.push(format!("its score of {} was the best", winner.score.0));
        }
        Some(Some(winner)) => reasons.push(format!(
            "{} had the best score, {} ({} correct)",
            short_name(&winner.provider),
            winner.score.0,
            winner.score.correct()
        )),
    }
    reasons
}

fn validator_reasons(events: &[(BlockNumber, Event)], operator: &AccountId) -> Vec<String> {
    let committed = events.iter().any(|(_, event)| {
        matches!(event, Event::EvaluationCommitted { validator, .. } if validator == operator)
    });
    let revealed = events.iter().any(|(_, event)| {
        matches!(event, Event::EvaluationRevealed { validator, .. } if validator == operator)
    });
    let reason = match (committed, revealed) {
        (false, _) => "it did not commit to an evaluation in time",
        (true, false) => "it committed to an evaluation and has not revealed it",
        (true, true) => "it committed to and revealed its evaluation",
    };
    vec![reason.to_owned()]
}

/// Everything that moved money of the operator, or speaks of it in a dispute.
fn paid_reasons(events: &[(BlockNumber, Event)], operator: &AccountId) -> Vec<String> {
    let mut reasons: Vec<String> = events
        .iter()
        .filter(|(_, event)| concerns_money_of(event, operator))
        .map(|(block, event)| format!("block {block}: {}", sentence(event, &short_name)))
        .collect();
    if !events.iter().any(
        |(_, event)| matches!(event, Event::Paid { payout, .. } if payout.account == *operator),
    ) {
        reasons.push("it was paid nothing for this order".to_owned());
    }
    reasons
}

fn concerns_money_of(event: &Event, operator: &AccountId) -> bool {
    match event {
        Event::Paid { payout, .. } => payout.account == *operator,
        Event::Slashed { operator: whom, .. } => whom == operator,
        Event::ChallengeOpened { challenger, subject, .. } => {
            challenger == operator || subject.responder() == *operator
        }
        Event::ProofAccepted { accuser, subject, .. } => {
            accuser == operator || subject.responder() == *operator
        }
        Event::ChallengeDecided { .. } => true,
        Event::ClaimVoided { provider, .. } | Event::DepositReleased { provider, .. } => {
            provider == operator
        }
        Event::EvaluationWithheld { validator, .. } => validator == operator,
        _ => false,
    }
}

/// What is said to be wrong.
fn subject_words(subject: &Subject, names: Names<'_>) -> String {
    match subject {
        Subject::Training { provider } => format!("the training of {}", names(provider)),
        Subject::Evaluation { validator, provider } => {
            format!("{}'s evaluation of {}", names(validator), names(provider))
        }
    }
}

fn verdict_words(verdict: &Verdict) -> String {
    let (result, reason) = match verdict {
        Verdict::Upheld(reason) => ("the result was wrong", reason),
        Verdict::Dismissed(reason) => ("the result was right", reason),
        Verdict::Moot => return "the result fell before the end, nobody is blamed".to_owned(),
    };
    match reason {
        Reason::Silence => format!("{result}: the other side did not move in time"),
        Reason::Computed { element, posted, computed } => format!(
            "{result}: the referee computed word {element} as {computed:#010x}, claimed was {posted:#010x}"
        ),
    }
}

fn target_name(target: &ChunkTarget, names: Names<'_>) -> String {
    match target {
        ChunkTarget::Model(provider) => format!("the model of {}", names(provider)),
        ChunkTarget::Test => "the test data".to_owned(),
    }
}

fn list(accounts: &[AccountId], names: Names<'_>) -> String {
    if accounts.is_empty() {
        return "nobody".to_owned();
    }
    accounts.iter().map(names).collect::<Vec<_>>().join(", ")
}

fn tokens(amount: Amount) -> String {
    format!("{} AI3", format_tokens(amount))
}

#[cfg(test)]
mod tests;
