//! The queue on a clock that goes where it is told, with agents that say what a row says.

use super::*;
use crate::catalog::Trust;
use crate::decision::Context;
use crate::engine::settings::Lifetime;
use crate::identity::{Caller, Kind};

const USER: u32 = 1000;
const OTHER: u32 = 1001;
const SHELL: AgentId = AgentId(1);
const PANEL: AgentId = AgentId(2);

/// A queue whose numbers are 1, 2, 3 …
fn queue() -> Queue {
    let mut last = 0;
    Queue::new(Box::new(move || {
        last += 1;
        Some(last)
    }))
}

fn with_agent() -> Queue {
    let mut queue = queue();
    queue.register(0, USER, SHELL);
    queue
}

/// A question of an app: of which item, is what tells questions apart here.
fn prompt_of(user: u32, app: &str, item: &str, trust: Trust) -> Prompt {
    Prompt {
        user,
        caller: Caller {
            user,
            kind: Kind::Executable,
            app: app.into(),
            declared: None,
            instance: "".into(),
            trust,
        },
        name: app.into(),
        context: Context::default(),
        question: Question {
            purpose: "p".into(),
            data: vec![item.into()],
            toggles: vec!["t".into(), "u".into()],
            basis: Vec::new(),
            recipients: Vec::new(),
            destinations: Vec::new(),
            retention: Vec::new(),
            mandatory: Vec::new(),
            notice: "n".into(),
        },
    }
}

fn prompt(app: &str, item: &str) -> Prompt {
    prompt_of(USER, app, item, Trust::Weak)
}

fn allow() -> Reply {
    let toggles = vec!["t".into(), "u".into()];
    Reply::Answer(Answer::Allow { lifetime: Lifetime::Once, toggles })
}

/// What is to be done, in short: `ask 1 #1 app/item 20s`, `cancel #1`, `end [1] allowed`.
fn done(queue: &mut Queue) -> Vec<String> {
    let short = |effect: Effect| match effect {
        Effect::Ask { agent, number, prompt, seconds } => {
            let (app, item) = (&prompt.caller.app, &prompt.question.data[0]);
            format!("ask {} #{number} {app}/{item} {seconds}s", agent.0)
        }
        Effect::Cancel { number, .. } => format!("cancel #{number}"),
        Effect::End { tickets, outcome, .. } => {
            let tickets: Vec<u64> = tickets.into_iter().map(|ticket| ticket.0).collect();
            let outcome = match outcome {
                Outcome::Answered(Answer::Deny) => "denied",
                Outcome::Answered(Answer::Allow { .. }) => "allowed",
                Outcome::TimedOut => "timed out",
                Outcome::NoAgent => "no agent",
                Outcome::Moot => "moot",
                Outcome::Stopped => "stopped",
                Outcome::NotStored => "not stored",
            };
            format!("end {tickets:?} {outcome}")
        }
    };
    queue.effects().into_iter().map(short).collect()
}

fn request(queue: &mut Queue, app: &str, item: &str) -> Ticket {
    queue.request(0, prompt(app, item), 20_000).unwrap()
}

#[test]
fn a_question_is_put_and_its_answer_ends_it() {
    let mut queue = with_agent();
    request(&mut queue, "a", "x");
    assert_eq!(done(&mut queue), ["ask 1 #1 a/x 20s"]);
    queue.replied(5_000, USER, 1, allow());
    assert_eq!(done(&mut queue), ["end [1] allowed"]);
    request(&mut queue, "a", "x");
    queue.replied(5_000, USER, 2, Reply::Answer(Answer::Deny));
    assert_eq!(done(&mut queue), ["ask 1 #2 a/x 20s", "end [2] denied"]);
}

#[test]
fn with_no_agent_it_is_over_at_once() {
    let mut queue = queue();
    request(&mut queue, "a", "x");
    assert_eq!(done(&mut queue), ["end [1] no agent"]);
    queue.register(0, OTHER, SHELL);
    request(&mut queue, "a", "x");
    assert_eq!(done(&mut queue), ["end [2] no agent"], "another user's agent is not asked");
}

#[test]
fn one_question_at_a_time_app_by_app() {
    let mut queue = with_agent();
    for item in ["1", "2", "3"] {
        request(&mut queue, "flood", item);
    }
    request(&mut queue, "quiet", "x");
    request(&mut queue, "still", "x");
    assert_eq!(done(&mut queue), ["ask 1 #1 flood/1 20s"]);
    let mut order = Vec::new();
    for number in 1..=5 {
        queue.replied(0, USER, number, allow());
        order.extend(done(&mut queue).into_iter().filter(|line| line.starts_with("ask")));
    }
    let expected = ["flood/2", "quiet/x", "still/x", "flood/3"];
    for (line, expected) in order.iter().zip(expected) {
        assert!(line.contains(expected), "{order:?}");
    }
}

#[test]
fn an_app_that_goes_on_asking_does_not_starve_another() {
    let mut queue = with_agent();
    request(&mut queue, "flood", "0");
    request(&mut queue, "quiet", "x");
    for number in 1..10 {
        request(&mut queue, "flood", &number.to_string());
        queue.replied(0, USER, number, allow());
        if done(&mut queue).iter().any(|line| line.contains("quiet/x")) {
            assert!(number <= 2, "it waited for {number} questions of another app");
            return;
        }
    }
    panic!("the quiet app was never asked about");
}

#[test]
fn users_do_not_wait_for_each_other() {
    let mut queue = with_agent();
    queue.register(0, OTHER, PANEL);
    request(&mut queue, "a", "x");
    queue.request(0, prompt_of(OTHER, "a", "x", Trust::Weak), 20_000).unwrap();
    assert_eq!(done(&mut queue), ["ask 1 #1 a/x 20s", "ask 2 #2 a/x 20s"]);
    queue.replied(0, OTHER, 1, allow());
    assert_eq!(done(&mut queue), [""; 0], "a number is its user's alone");
    queue.replied(0, USER, 1, allow());
    assert_eq!(done(&mut queue), ["end [1] allowed"]);
}

#[test]
fn equal_questions_share_one_prompt() {
    let mut queue = with_agent();
    request(&mut queue, "a", "x");
    request(&mut queue, "a", "y");
    request(&mut queue, "a", "x");
    request(&mut queue, "a", "y");
    // Not equal: another app, another trust.
    request(&mut queue, "b", "x");
    queue.request(0, prompt_of(USER, "a", "x", Trust::Confined), 20_000).unwrap();
    queue.replied(0, USER, 1, allow());
    queue.replied(0, USER, 2, allow());
    queue.replied(0, USER, 3, allow());
    queue.replied(0, USER, 4, allow());
    let ended: Vec<_> = done(&mut queue).into_iter().filter(|e| e.starts_with("end")).collect();
    let expected =
        ["end [1, 3] allowed", "end [2, 4] allowed", "end [5] allowed", "end [6] allowed"];
    assert_eq!(ended, expected);
}

#[test]
fn each_request_keeps_its_deadline() {
    let mut queue = with_agent();
    queue.request(0, prompt("a", "x"), 20_000).unwrap();
    queue.request(0, prompt("b", "x"), 30_000).unwrap();
    queue.request(15_000, prompt("a", "x"), 35_000).unwrap();
    assert_eq!(done(&mut queue), ["ask 1 #1 a/x 20s"]);
    queue.pass(19_999);
    assert_eq!(done(&mut queue), [""; 0]);
    queue.pass(20_000);
    assert_eq!(done(&mut queue), ["end [1] timed out"], "the other one still waits");
    queue.pass(30_000);
    assert_eq!(done(&mut queue), ["end [2] timed out"], "time in the line counts");
    queue.pass(35_000);
    assert_eq!(done(&mut queue), ["cancel #1", "end [3] timed out"]);
}

#[test]
fn the_agent_is_told_how_long_somebody_waits() {
    let mut queue = with_agent();
    queue.request(0, prompt("a", "x"), 20_000).unwrap();
    queue.request(0, prompt("b", "x"), 60_000).unwrap();
    queue.request(0, prompt("b", "x"), 30_000).unwrap();
    queue.replied(1_500, USER, 1, allow());
    assert_eq!(done(&mut queue)[2], "ask 1 #2 b/x 59s");
}

#[test]
fn an_answer_that_is_late_doubled_or_invented_changes_nothing() {
    let mut queue = with_agent();
    request(&mut queue, "a", "x");
    request(&mut queue, "b", "y");
    done(&mut queue);
    queue.replied(0, USER, 7, allow());
    assert_eq!(done(&mut queue), [""; 0], "invented");
    queue.replied(20_000, USER, 1, allow());
    let late = done(&mut queue);
    assert_eq!(late, ["cancel #1", "end [1] timed out", "end [2] timed out"], "late");
    request(&mut queue, "a", "x");
    queue.replied(0, USER, 2, Reply::Answer(Answer::Deny));
    queue.replied(0, USER, 2, allow());
    queue.replied(0, USER, 1, allow());
    assert_eq!(done(&mut queue), ["ask 1 #2 a/x 20s", "end [3] denied"], "twice");
}

#[test]
fn an_agent_that_cannot_answer_is_no_agent_for_that_question() {
    let mut queue = with_agent();
    request(&mut queue, "a", "x");
    request(&mut queue, "b", "x");
    queue.replied(0, USER, 1, Reply::Nothing);
    queue.replied(0, USER, 2, Reply::Silence);
    let expected =
        ["ask 1 #1 a/x 20s", "end [1] no agent", "ask 1 #2 b/x 20s", "end [2] timed out"];
    assert_eq!(done(&mut queue), expected);
}

#[test]
fn the_last_registered_agent_is_asked() {
    let mut queue = with_agent();
    request(&mut queue, "a", "x");
    request(&mut queue, "b", "x");
    done(&mut queue);
    queue.register(1_000, USER, PANEL);
    assert_eq!(done(&mut queue), ["cancel #1", "ask 2 #2 a/x 19s"]);
    queue.replied(1_000, USER, 1, allow());
    assert_eq!(done(&mut queue), [""; 0], "the former's answer is none");
    queue.leave(1_000, USER, SHELL);
    assert_eq!(done(&mut queue), [""; 0], "the former's leaving concerns nobody");
    queue.replied(1_000, USER, 2, allow());
    assert_eq!(done(&mut queue), ["end [1] allowed", "ask 2 #3 b/x 19s"]);
}

#[test]
fn when_the_agent_leaves_everything_is_over() {
    let mut queue = with_agent();
    request(&mut queue, "a", "x");
    request(&mut queue, "a", "y");
    request(&mut queue, "b", "x");
    done(&mut queue);
    queue.leave(0, USER, SHELL);
    let expected = ["cancel #1", "end [1] no agent", "end [3] no agent", "end [2] no agent"];
    assert_eq!(done(&mut queue), expected, "app by app");
    queue.replied(0, USER, 1, allow());
    assert_eq!(done(&mut queue), [""; 0]);
}

#[test]
fn a_caller_that_leaves_takes_its_question_along() {
    let mut queue = with_agent();
    let first = request(&mut queue, "a", "x");
    let second = request(&mut queue, "a", "x");
    let third = request(&mut queue, "b", "x");
    request(&mut queue, "c", "x");
    done(&mut queue);
    queue.withdraw(0, USER, first);
    assert_eq!(done(&mut queue), [""; 0], "another one waits for the same answer");
    queue.withdraw(0, USER, third);
    queue.withdraw(0, USER, second);
    assert_eq!(done(&mut queue), ["cancel #1", "ask 1 #2 c/x 20s"]);
    queue.withdraw(0, USER, second);
    queue.replied(0, USER, 1, allow());
    assert_eq!(done(&mut queue), [""; 0]);
}

#[test]
fn eight_of_an_app_and_sixty_four_of_a_user_may_wait() {
    let mut queue = with_agent();
    let mut add = |app: &str, item: &str| queue.request(0, prompt(app, item), 20_000);
    for app in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        for item in 0..MAX_PER_APP {
            // Equal questions count each.
            add(app, &(item / 2).to_string()).unwrap();
        }
        assert_eq!(add(app, "one more"), Err(TooMany::OfApp));
    }
    assert_eq!(add("i", "x"), Err(TooMany::OfUser));
    queue.replied(0, USER, 1, allow());
    queue.request(0, prompt("i", "x"), 20_000).unwrap();
    queue.register(0, OTHER, PANEL);
    queue.request(0, prompt_of(OTHER, "a", "x", Trust::Weak), 20_000).unwrap();
}

#[test]
fn an_agent_that_never_replies_is_asked_no_more() {
    let mut queue = with_agent();
    let mut now = 0;
    for _ in 0..MAX_UNANSWERED {
        queue.request(now, prompt("a", "x"), now + 1_000).unwrap();
        now += 1_000;
        queue.pass(now);
    }
    done(&mut queue);
    // Another registration of the same person changes nothing: the replies are still awaited.
    queue.register(now, USER, PANEL);
    queue.request(now, prompt("a", "x"), now + 1_000).unwrap();
    assert_eq!(done(&mut queue), ["end [5] no agent"]);
    queue.replied(now, USER, 2, allow());
    queue.request(now, prompt("a", "x"), now + 1_000).unwrap();
    assert_eq!(done(&mut queue), ["ask 2 #5 a/x 1s"]);
}

#[test]
fn a_question_that_nothing_asks_any_more_is_not_put() {
    let mut queue = with_agent();
    request(&mut queue, "a", "x");
    request(&mut queue, "b", "x");
    queue.moot(0, USER, 1);
    assert_eq!(done(&mut queue)[1..], ["end [1] moot", "ask 1 #2 b/x 20s"]);
    let mut revised = prompt("b", "x").question;
    revised.toggles.pop();
    assert!(queue.revise(USER, 1, revised.clone()).is_none(), "over");
    let prompt = queue.revise(USER, 2, revised.clone()).unwrap();
    assert_eq!(prompt.question, revised);
    assert!(queue.is_open(USER, 2) && !queue.is_open(USER, 1) && !queue.is_open(OTHER, 2));
}

#[test]
fn a_stop_ends_all() {
    let mut queue = with_agent();
    request(&mut queue, "a", "x");
    request(&mut queue, "b", "x");
    queue.close();
    assert_eq!(done(&mut queue)[1..], ["cancel #1", "end [1] stopped", "end [2] stopped"]);
}

#[test]
fn without_a_number_nothing_is_put() {
    let mut queue = Queue::new(Box::new(|| None));
    queue.register(0, USER, SHELL);
    request(&mut queue, "a", "x");
    assert_eq!(done(&mut queue), ["end [1] no agent"]);
}

#[test]
fn nothing_stays_of_users_that_are_done() {
    let mut queue = with_agent();
    request(&mut queue, "a", "x");
    queue.replied(0, USER, 1, allow());
    queue.leave(0, USER, SHELL);
    request(&mut queue, "a", "x");
    assert!(queue.desks.is_empty());
}
