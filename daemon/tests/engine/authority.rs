//! Who may do what: every kind of caller, every act, with polkit and without. No app can grant itself
//! anything (invariant 11).

use std::path::PathBuf;

use consentd::apps::AppIx;
use consentd::authority::{Act, Action, Actor, Authority, Polkit, Refused, Verdict};
use consentd::catalog::Trust;
use consentd::engine::settings::By;
use consentd::identity::{
    Caller, Executable, Flatpak, Kind, NotProven, NotRecognised, Peer, Place, Snap, Unidentified,
};

const USER: u32 = 1000;
const GUARDIAN: u32 = 1500;
const DAEMON: u32 = 900;
const ACTS: [Act; 5] = [Act::Inspect, Act::Tighten, Act::Loosen, Act::Exercise, Act::Administer];
const NAMED: &str = "/usr/bin/consentd-settings";

fn authority() -> Authority {
    Authority { settings_executables: vec![NAMED.into()], own_uid: DAEMON }
}

fn peer(uid: u32) -> Peer {
    Peer {
        uid,
        pid: 4_711,
        ceiling: Trust::Confined,
        flatpak: None,
        snap: None,
        place: Place::Elsewhere,
        executable: Ok(Executable { path: "/usr/bin/consentctl".into() }),
        apart: false,
    }
}

fn running(uid: u32, path: &str) -> Peer {
    Peer { executable: Ok(Executable { path: path.into() }), ..peer(uid) }
}

fn nobody() -> Result<Caller, Unidentified> {
    Err(Unidentified::Unrecognised(NotRecognised::NotProven(NotProven::None)))
}

fn caller(uid: u32, declared: Option<AppIx>) -> Result<Caller, Unidentified> {
    Ok(Caller {
        user: uid,
        kind: Kind::Scope,
        app: "org.example.weather".into(),
        declared,
        instance: "".into(),
        trust: Trust::Weak,
    })
}

/// All verdicts about the user's settings, act by act: with polkit, without.
fn verdicts(
    peer: &Peer,
    caller: &Result<Caller, Unidentified>,
    rejected: bool,
) -> Vec<[Verdict; 2]> {
    let actor = Actor { peer, caller, rejected };
    let judge = |act, polkit| authority().judge(actor, act, USER, Some(GUARDIAN), polkit);
    ACTS.map(|act| [judge(act, Polkit::Present), judge(act, Polkit::Absent)]).to_vec()
}

/// R57 among them: a right is exercised by whoever polkit found to be the person.
#[test]
fn r57_who_an_unsandboxed_program_runs_as_decides() {
    const GRANTED: Verdict = Verdict::Granted;
    const LOOSEN: Verdict = Verdict::Ask(Action::Loosen);
    const EXERCISE: Verdict = Verdict::Ask(Action::Exercise);
    const STEP_UP: Verdict = Verdict::Refused(Refused::StepUp);
    const ADMINISTER: Verdict = Verdict::Ask(Action::Administer);
    const OTHER: Verdict = Verdict::Refused(Refused::OtherUser);
    const ADMINISTRATOR: Verdict = Verdict::Refused(Refused::AdministratorOnly);
    let of_user = [
        [GRANTED, GRANTED],
        [GRANTED, GRANTED],
        [LOOSEN, GRANTED],
        [EXERCISE, STEP_UP],
        [ADMINISTER, ADMINISTRATOR],
    ];
    let of_other = [
        [ADMINISTER, OTHER],
        [ADMINISTER, OTHER],
        [ADMINISTER, OTHER],
        [ADMINISTER, OTHER],
        [ADMINISTER, ADMINISTRATOR],
    ];
    let all = [[GRANTED, GRANTED]; 5];
    let cases = [
        ("the user", USER, of_user),
        ("the guardian", GUARDIAN, of_user),
        ("another user", 1001, of_other),
        ("root", 0, all),
        ("the daemon's user", DAEMON, all),
    ];
    for (who, uid, expected) in cases {
        // Undeclared programs, identified or not, are the user's own.
        for caller in [nobody(), caller(uid, None)] {
            assert_eq!(verdicts(&peer(uid), &caller, false), expected, "{who}");
        }
    }
}

#[test]
fn the_daemons_user_loosens_its_own_settings_as_any_user_does() {
    let (peer, caller) = (peer(DAEMON), nobody());
    let actor = Actor { peer: &peer, caller: &caller, rejected: false };
    let judge = |act, polkit| authority().judge(actor, act, DAEMON, None, polkit);
    assert_eq!(judge(Act::Loosen, Polkit::Present), Verdict::Ask(Action::Loosen));
    assert_eq!(judge(Act::Loosen, Polkit::Absent), Verdict::Granted);
    assert_eq!(judge(Act::Tighten, Polkit::Present), Verdict::Granted);
    assert_eq!(judge(Act::Administer, Polkit::Present), Verdict::Granted);
}

#[test]
fn nobody_who_is_not_the_guardian_is_one() {
    let (peer, caller) = (peer(GUARDIAN), nobody());
    let actor = Actor { peer: &peer, caller: &caller, rejected: false };
    for guardian in [None, Some(1501)] {
        for act in [Act::Inspect, Act::Tighten, Act::Loosen, Act::Exercise] {
            let verdict = authority().judge(actor, act, USER, guardian, Polkit::Absent);
            assert_eq!(verdict, Verdict::Refused(Refused::OtherUser));
        }
    }
}

/// What it is, the peer, its caller, whether it was rejected, and why it is refused.
type Case = (&'static str, Peer, Result<Caller, Unidentified>, bool, Refused);

/// Each way in which a peer is an app.
fn apps(uid: u32) -> Vec<Case> {
    let flatpak = Flatpak {
        app: "org.example.Weather".into(),
        instance: "1".into(),
        ceiling: Trust::Confined,
    };
    let snap = Snap { name: "weather".into(), instance: "".into(), ceiling: Trust::Confined };
    let in_flatpak = || Peer { flatpak: Some(flatpak.clone()), ..peer(uid) };
    let in_snap = || Peer { snap: Some(snap.clone()), ..peer(uid) };
    let apart = || Peer { apart: true, ..peer(uid) };
    let some = Some(AppIx(0));
    vec![
        ("declared flatpak", in_flatpak(), caller(uid, some), false, Refused::Sandboxed),
        ("undeclared flatpak", in_flatpak(), caller(uid, None), false, Refused::Sandboxed),
        ("snap", in_snap(), caller(uid, None), false, Refused::Sandboxed),
        ("another root", apart(), nobody(), false, Refused::Sandboxed),
        ("declared", peer(uid), caller(uid, some), false, Refused::DeclaredApp),
        ("rejected", peer(uid), nobody(), true, Refused::DeclaredApp),
        ("rejected scope", peer(uid), caller(uid, None), true, Refused::DeclaredApp),
    ]
}

#[test]
fn no_app_may_do_anything_whoever_it_runs_as() {
    for uid in [USER, 1001, GUARDIAN, DAEMON, 0] {
        for (what, peer, caller, rejected, why) in apps(uid) {
            let refused = [[Verdict::Refused(why); 2]; 5];
            assert_eq!(verdicts(&peer, &caller, rejected), refused, "{what} as {uid}");
        }
    }
}

#[test]
fn an_executable_that_root_named_may_do_what_its_user_may() {
    for (what, peer, caller, rejected, _) in apps(USER) {
        let named = Peer { executable: running(USER, NAMED).executable, ..peer };
        // What is in a sandbox stays there, whatever it runs.
        let expected = if named.is_sandboxed() {
            vec![[Verdict::Refused(Refused::Sandboxed); 2]; 5]
        } else {
            verdicts(&self::peer(USER), &nobody(), false)
        };
        assert_eq!(verdicts(&named, &caller, rejected), expected, "{what}");
    }
    for kind in [Kind::User, Kind::Unit] {
        let app = caller(USER, Some(AppIx(0))).map(|caller| Caller { kind, ..caller });
        let refused = verdicts(&running(USER, NAMED), &app, false);
        assert_eq!(refused, [[Verdict::Refused(Refused::DeclaredApp); 2]; 5], "{kind:?}");
    }
    // It is named by its whole path, and by what it is proven to run.
    for path in ["/tmp/consentd-settings", "/usr/bin/consentd-settings/x", "/usr/bin"] {
        let refused = verdicts(&running(USER, path), &caller(USER, Some(AppIx(0))), false);
        assert_eq!(refused, [[Verdict::Refused(Refused::DeclaredApp); 2]; 5], "{path}");
    }
    let unproven =
        Peer { executable: Err(NotProven::Replaced(PathBuf::from(NAMED))), ..peer(USER) };
    let refused = verdicts(&unproven, &caller(USER, Some(AppIx(0))), false);
    assert_eq!(refused, [[Verdict::Refused(Refused::DeclaredApp); 2]; 5]);
}

#[test]
fn how_a_choice_was_made_is_found_out() {
    let cases = [
        (running(USER, NAMED), By::Settings),
        (running(USER, "/usr/bin/consentctl"), By::Shell),
        (running(USER, "/usr/bin/python-like"), By::Shell),
        (Peer { executable: Err(NotProven::None), ..peer(USER) }, By::Shell),
        (running(GUARDIAN, NAMED), By::Guardian),
        (running(GUARDIAN, "/usr/bin/consentctl"), By::Guardian),
        (running(0, NAMED), By::Administrator),
        (running(1001, "/usr/bin/consentctl"), By::Administrator),
        (running(DAEMON, "/usr/bin/consentctl"), By::Administrator),
    ];
    for (peer, expected) in cases {
        let caller = nobody();
        let actor = Actor { peer: &peer, caller: &caller, rejected: false };
        assert_eq!(authority().by(actor, USER, Some(GUARDIAN)), expected, "{peer:?}");
    }
    // A user who is written down as his own guardian is none.
    let (peer, caller) = (running(USER, NAMED), nobody());
    let actor = Actor { peer: &peer, caller: &caller, rejected: false };
    assert_eq!(authority().by(actor, USER, Some(USER)), By::Settings);
}
