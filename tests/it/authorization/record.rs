//! The audit record after a run of the matrix (guarantee U1): every change that was made stands
//! there, and nobody whom the matrix refuses stands there as its maker.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use e2e::{patiently, rest::text};
use kit::db::plain;
use proto::{common::v1::Audit, methods::table};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, Statement};
use serde_json::Value;

use super::{
    check::Findings,
    matrix::{Expect, Matrix},
    scene::Scene,
};

/// What leaves nothing on record: a change of the installation belongs to no organisation, and
/// the matrix signs out with tokens that never were.
const NOT_ON_RECORD: [&str; 2] =
    ["manyi.auth.v1.TokenService/RotateSigningKey", "manyi.auth.v1.TokenService/RevokeToken"];

/// The action of the record that the matrix itself hands over.
const HANDED_OVER: &str = "test";

/// What the record says: action and actor of everything that was done.
async fn done(scene: &Scene) -> BTreeSet<(String, String)> {
    let databases = &scene.world.databases;
    for url in [&databases.device, &databases.survey, &databases.analytics] {
        let conn = open(url).await;
        patiently("the record to be handed over", || async {
            rows(&conn, "SELECT hex(id), '' FROM audit_queue").await.is_empty().then_some(())
        })
        .await;
    }
    let sql = "SELECT DISTINCT action, actor FROM audit_record WHERE outcome = 'ok'";
    rows(&open(&databases.auth).await, sql).await.into_iter().collect()
}

async fn open(url: &str) -> DatabaseConnection {
    Database::connect(plain(url)).await.expect("the database can be opened")
}

async fn rows(conn: &DatabaseConnection, sql: &str) -> Vec<(String, String)> {
    let statement = Statement::from_string(conn.get_database_backend(), sql);
    let rows = conn.query_all_raw(statement).await.expect("the rows can be read");
    let text = |row: &sea_orm::QueryResult, at| row.try_get_by_index(at).expect("a text");
    rows.iter().map(|row| (text(row, 0), text(row, 1))).collect()
}

/// How a caller stands in the record.
fn actor(scene: &Scene, column: &str) -> String {
    let principal = scene.principal(column);
    let Some(token) = scene.token(principal) else { return "anonymous".to_owned() };
    let claims = token.split('.').nth(1).unwrap_or_default();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("a token of three parts");
    let claims: Value = serde_json::from_slice(&claims).expect("claims are JSON");
    let subject = text(&claims["sub"]);
    match subject.split_once('_') {
        Some(("us", _)) => format!("users/{subject}"),
        Some(("c", _)) => format!("clients/{subject}"),
        _ => subject.to_owned(),
    }
}

/// Compares the record with the matrix and with what `found` says was done.
pub async fn check(scene: &Scene, matrix: &Matrix, found: &mut Findings) {
    let recorded = done(scene).await;
    let actions: BTreeSet<&str> = recorded.iter().map(|(action, _)| action.as_str()).collect();
    let audited = |name: &str| {
        let audit = table().get(&format!("/{name}")).map(|method| method.rule.audit());
        matches!(audit, Some(Audit::Change | Audit::Authentication))
    };
    let made: Vec<String> = found.done.iter().filter(|name| audited(name)).cloned().collect();
    println!("{} kinds of changes were made, {} are on record", made.len(), actions.len());
    for name in made.iter().filter(|name| !NOT_ON_RECORD.contains(&name.as_str())) {
        if !actions.contains(name.as_str()) {
            found.add(name, "it was done and is not on record".to_owned());
        }
    }
    for action in actions.iter().filter(|action| **action != HANDED_OVER) {
        let method = table().get(&format!("/{action}"));
        if !method.is_some_and(|method| method.changes()) {
            found.add(action, "it changes nothing and is on record".to_owned());
        }
    }
    let columns = matrix.columns.iter();
    let actors: BTreeMap<&str, String> =
        columns.map(|column| (column.as_str(), actor(scene, column))).collect();
    for name in matrix.methods() {
        for (column, actor) in &actors {
            let refused = matrix.expect(name, column) != Expect::Allowed;
            if refused && recorded.contains(&(name.to_owned(), actor.clone())) {
                found.add(name, format!("{column} is on record as having done it"));
            }
        }
    }
    assert!(made.len() > 60, "only {} kinds of changes were made", made.len());
}
