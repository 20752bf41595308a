//! Events of games as JSON.

use aipot_domain_runtime::challenge::Subject;
use aipot_domain_runtime::dispute::Reason;
use aipot_domain_runtime::event::{Event, Verdict};
use serde_json::{Value, json};

/// The particulars of an event of a game; nothing for any other.
pub(super) fn of_game(event: &Event) -> Value {
    match event {
        Event::ChallengeOpened { challenge, challenger, subject: about, deadline, .. } => json!({
            "event": "challenge_opened", "challenge": challenge,
            "challenger": challenger.to_string(), "subject": subject(*about),
            "deadline_block": deadline.0,
        }),
        Event::MoveMade { challenge, move_index, mover, .. } => json!({
            "event": "move_made", "challenge": challenge, "move": move_index,
            "mover": mover.to_string(),
        }),
        Event::OperatorLocated { challenge, step, operator, .. } => json!({
            "event": "operator_located", "challenge": challenge, "step": step,
            "operator": operator,
        }),
        Event::ChallengeDecided { challenge, verdict, .. } => {
            let (verdict, why) = match verdict {
                Verdict::Upheld(why) => ("upheld", reason(*why)),
                Verdict::Dismissed(why) => ("dismissed", reason(*why)),
                Verdict::Moot => ("moot", Value::Null),
            };
            json!({
                "event": "challenge_decided", "challenge": challenge, "verdict": verdict,
                "reason": why,
            })
        }
        Event::ProofAccepted { subject: about, accuser, .. } => json!({
            "event": "proof_accepted", "subject": subject(*about), "accuser": accuser.to_string(),
        }),
        _ => Value::Null,
    }
}

fn subject(subject: Subject) -> Value {
    match subject {
        Subject::Training { provider } => json!({ "training": provider.to_string() }),
        Subject::Evaluation { validator, provider } => json!({
            "evaluation": { "validator": validator.to_string(), "provider": provider.to_string() },
        }),
    }
}

fn reason(reason: Reason) -> Value {
    match reason {
        Reason::Silence => json!("silence"),
        Reason::Computed { element, posted, computed } => json!({
            "element": element, "posted": posted, "computed": computed,
        }),
    }
}
