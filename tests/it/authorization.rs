//! Who may call what (guarantee T1): every method of the contract with every kind of caller,
//! on objects inside and outside of the caller's subtree, through every door. What is expected
//! comes from a table written by hand, which no service reads.

pub mod analytics;
pub mod broken;
pub mod check;
pub mod customers;
pub mod fieldwork;
pub mod matrix;
pub mod place;
pub mod principals;
pub mod questionnaires;
pub mod record;
pub mod requests;
pub mod responses;
pub mod scene;
pub mod target;
pub mod web;
pub mod wire;

use std::collections::BTreeSet;

use bytes::Bytes;
use check::{Callers, Findings, elsewhere, judge, judge_elsewhere, own_subtree};
use e2e::processes::Part;
use futures::future::BoxFuture;
use matrix::Matrix;
use proto::methods::{Method, table};
use scene::Scene;
use serde_json::Value;
use target::{Gateway, RestDoor, Services, Target};
use web::Web;
use wire::Answer;

#[test]
fn the_matrix_has_a_row_for_each_method_and_no_other() {
    let matrix = Matrix::read();
    let rows: BTreeSet<&str> = matrix.methods().collect();
    let methods: BTreeSet<&str> = table().keys().map(|path| path.trim_start_matches('/')).collect();
    let missing: Vec<_> = methods.difference(&rows).collect();
    let surplus: Vec<_> = rows.difference(&methods).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "missing {missing:?}, surplus {surplus:?}");
}

#[test]
fn every_method_has_a_valid_request() {
    let fixtures = requests::read();
    let with: BTreeSet<&str> = fixtures.iter().filter(|f| !f.also).map(|f| f.name()).collect();
    let count = fixtures.iter().filter(|f| !f.also).count();
    assert_eq!(with.len(), count, "a method has two requests of its own");
    let without: Vec<_> =
        table().keys().filter(|path| !with.contains(path.trim_start_matches('/'))).collect();
    assert!(without.is_empty(), "{without:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_may_do_what_the_matrix_says_and_nothing_else() {
    let (matrix, fixtures) = (Matrix::read(), requests::read());
    let mut scene = Scene::build(&matrix.columns).await;
    let mut found = Findings::default();
    let doors = [
        (&Services(&scene.doors) as &dyn Target, Callers::AllWatched),
        (&Gateway(&scene.doors), Callers::All),
        (&RestDoor(scene.world.rest.clone()), Callers::All),
        (&Web(scene.world.rest.clone()), Callers::InTurn),
    ];
    for (target, callers) in doors {
        let own = own_subtree(target, &scene, &fixtures, &matrix, callers).await;
        println!("{}: {} cells in the own subtree", target.name(), own.cells);
        if callers != Callers::InTurn {
            never_done(target, &fixtures, &own, &mut found);
        }
        found.merge(own);
        let away = elsewhere(target, &scene, &fixtures, &matrix, callers).await;
        println!("{}: {} cells elsewhere", target.name(), away.cells);
        found.merge(away);
    }
    println!("{} cells", found.cells);
    record::check(&scene, &matrix, &mut found).await;
    // The proof that each cell counts: with everything the wrong way round, each is reported.
    let services = Services(&scene.doors);
    let turned = matrix.turned_round();
    let wrong = own_subtree(&services, &scene, &fixtures, &turned, Callers::All).await;
    let reported: usize = wrong.problems.values().map(Vec::len).sum();
    for part in Part::ALL {
        let log = scene.world.processes().log(part);
        let bad = log.lines().filter(|l| l.contains("panicked at") || l.contains("internal error"));
        for line in bad {
            found.add("log", format!("{part:?}: {line}"));
        }
    }
    scene.world.stop().await;
    assert!(found.problems.is_empty(), "\n{}", found.report());
    assert!(found.cells > 4_000, "only {} cells were run", found.cells);
    assert_eq!(reported, wrong.cells, "a wrong matrix goes unnoticed");
}

/// A request that nobody ever succeeds with proves nothing about those who are refused.
fn never_done(
    target: &dyn Target,
    fixtures: &[requests::Fixture],
    own: &Findings,
    found: &mut Findings,
) {
    for fixture in fixtures.iter().filter(|f| target.has(&f.method) && target.can(&f.method)) {
        if !own.done.contains(fixture.name()) {
            found.add(fixture.name(), format!("{}: nobody succeeded", target.name()));
        }
    }
}

/// A service without any access control: it does whatever it is asked.
struct Lawless;

impl Target for Lawless {
    fn name(&self) -> &'static str {
        "lawless"
    }

    fn has(&self, _: &Method) -> bool {
        true
    }

    fn call<'a>(
        &'a self,
        _: &'a Method,
        _: Option<&'a str>,
        _: &'a Value,
    ) -> BoxFuture<'a, Answer> {
        Box::pin(async { Answer::ok(Bytes::new()) })
    }
}

#[tokio::test]
async fn without_access_control_every_protected_method_is_reported() {
    let (matrix, fixtures) = (Matrix::read(), requests::read());
    let (mut reported, mut scoped) = (BTreeSet::new(), BTreeSet::new());
    for fixture in &fixtures {
        for column in &matrix.columns {
            let answer = Lawless.call(&fixture.method, None, &fixture.request).await;
            let expect = matrix.expect(fixture.name(), column);
            if judge(&Lawless, fixture, expect, &answer).is_some() {
                reported.insert(fixture.name());
            }
            let wanted = fixture.elsewhere(column);
            if judge_elsewhere(fixture, wanted, &answer, &mut None).is_some() {
                scoped.insert(fixture.name());
            }
        }
    }
    assert_eq!(reported.into_iter().collect::<Vec<_>>(), matrix.protected());
    assert!(fixtures.iter().all(|f| scoped.contains(f.name())));
    assert!(matrix.protected().len() > 80, "{}", matrix.protected().len());
}
