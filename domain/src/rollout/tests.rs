//! The steps of a change, as hosts and operators take them.

use super::*;

fn release(letter: char) -> Release {
    Release::upload(&format!("sha256:{}", letter.to_string().repeat(64)), None).unwrap()
}

fn hosts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A rollout that serves `letter`, and served the manifest's before.
fn serving(letter: char) -> Rollout {
    let mut rollout = Rollout::default();
    let change = rollout.propose(release(letter), None, "me", 0).unwrap();
    assert!(rollout.report(change, "a", Report::Ready, &hosts(&["a"]), 1));
    rollout.revision += 2;
    rollout
}

fn outcome(rollout: &Rollout) -> Outcome {
    rollout.last.as_ref().unwrap().outcome
}

#[test]
fn a_release_is_served_when_every_host_is_ready() {
    let mut rollout = Rollout::default();
    let alive = hosts(&["a", "b"]);
    let change = rollout.propose(release('1'), None, "me", 0).unwrap();
    assert_eq!(rollout.propose(release('2'), None, "me", 0), Err(NotNow::Busy));
    assert!(rollout.report(change, "a", Report::Ready, &alive, 1));
    assert!(!rollout.report(change, "a", Report::Ready, &alive, 1), "said twice is said once");
    assert!(rollout.current.is_manifest());
    assert!(rollout.report(change, "b", Report::Ready, &alive, 2));
    assert_eq!((&rollout.current, &rollout.previous), (&release('1'), &Some(Release::manifest())));
    assert_eq!((outcome(&rollout), rollout.last.as_ref().unwrap().change), (Outcome::Serving, change));
    assert!(!rollout.report(change, "b", Report::Ready, &alive, 3), "what has ended is not ended again");
}

#[test]
fn one_refusal_ends_it_for_all() {
    let mut rollout = serving('1');
    let change = rollout.propose(release('2'), None, "me", 0).unwrap();
    let reasons = vec![Reason::new("EXTRA_IMPORT", "imports too much")];
    rollout.report(change, "a", Report::Refused { reasons: reasons.clone() }, &hosts(&["a", "b"]), 1);
    assert_eq!((outcome(&rollout), &rollout.current), (Outcome::Refused, &release('1')));
    assert_eq!(rollout.last.unwrap().reasons, reasons);
}

#[test]
fn a_host_that_died_is_not_waited_for_and_one_that_is_silent_not_for_ever() {
    let mut rollout = serving('1');
    let change = rollout.propose(release('2'), None, "me", 0).unwrap();
    rollout.report(change, "a", Report::Ready, &hosts(&["a", "b"]), 1);
    assert!(!rollout.clone().settle(&hosts(&["a", "b"]), 2));
    let mut left = rollout.clone();
    assert!(left.settle(&hosts(&["a"]), 2));
    assert_eq!(left.current, release('2'));
    assert!(rollout.settle(&hosts(&["a", "b"]), PREPARED_WITHIN_MS));
    assert_eq!((outcome(&rollout), &rollout.current), (Outcome::Failed, &release('1')));
}

#[test]
fn nobody_ready_is_not_everybody_ready() {
    let mut rollout = Rollout::default();
    rollout.propose(release('1'), None, "me", 0).unwrap();
    assert!(!rollout.settle(&[], 1), "no host has compiled it");
}

#[test]
fn a_canary_is_weighed_promoted_or_given_up() {
    let mut rollout = serving('1');
    assert_eq!(rollout.weigh(5, "me", 0), Err(NotNow::NoCanary));
    let change = rollout.propose(release('2'), Some(10), "me", 0).unwrap();
    assert_eq!(rollout.promote("me", 0), Err(NotNow::Busy));
    rollout.report(change, "a", Report::Ready, &hosts(&["a"]), 1);
    assert_eq!((outcome(&rollout), rollout.canary.as_ref().unwrap().weight), (Outcome::Trying, 10));
    assert_eq!(rollout.current, release('1'));
    rollout.weigh(50, "me", 2).unwrap();
    assert_eq!(rollout.canary.as_ref().unwrap().weight, 50);

    let mut worse = rollout.clone();
    assert!(!worse.give_up(&release('3'), Reason::new("X", "x"), 3), "another release is tried");
    assert!(worse.give_up(&release('2'), Reason::new("CANARY_ERRORS", "it fails"), 3));
    assert_eq!((outcome(&worse), &worse.canary, &worse.current), (Outcome::RolledBackByItself, &None, &release('1')));

    rollout.promote("me", 4).unwrap();
    assert_eq!((&rollout.current, &rollout.previous, &rollout.canary), (&release('2'), &Some(release('1')), &None));
}

#[test]
fn a_rollback_ends_what_is_under_way_first() {
    let mut rollout = serving('1');
    rollout.propose(release('2'), None, "me", 0).unwrap();
    rollout.roll_back("me", 1).unwrap();
    assert_eq!((&rollout.current, &rollout.candidate), (&release('1'), &None));
    rollout.roll_back("me", 2).unwrap();
    assert_eq!((rollout.current.is_manifest(), &rollout.previous), (true, &Some(release('1'))));
    rollout.roll_back("me", 3).unwrap();
    assert_eq!(rollout.current, release('1'), "and forth again");
    assert_eq!(Rollout::default().roll_back("me", 0), Err(NotNow::NothingBefore));
}

#[test]
fn a_record_of_a_newer_host_is_still_read() {
    let text = r#"{"revision": 3, "current": {"source": "manifest", "digest": ""}, "later": true}"#;
    let rollout: Rollout = serde_json::from_str(text).unwrap();
    assert_eq!((rollout.revision, rollout.previous), (3, None));
}
