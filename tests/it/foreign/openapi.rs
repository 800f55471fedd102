//! A fuzzer that knows the OpenAPI document and nothing else sends what that allows and what it
//! does not. No answer is a defect, each is one that the document describes, and none is given
//! without a token.

use all_in_one::suite::{Databases, SuiteConfig};
use e2e::World;
use gateway::{Quota, Quotas};
use kit::{config::Seed, testing::sqlite_file_url};
use tokio::process::Command;

use super::{foreign_file, python, to_its_end};
use crate::authorization::place::{Place, fresh};

/// A suite that lets a fuzzer call as fast as it can.
async fn patient_world() -> World {
    let databases = Databases {
        auth: sqlite_file_url(),
        device: sqlite_file_url(),
        survey: sqlite_file_url(),
        analytics: sqlite_file_url(),
    };
    let mut config = SuiteConfig::new(databases, Seed::random().0);
    let much = || Quota::new(1_000_000, 1_000_000);
    config.gateway.quotas = Quotas { credential: much(), organisation: much(), address: much() };
    World::one_process(config).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_to_a_fuzzer_is_one_that_the_openapi_document_describes() {
    let world = patient_world().await;
    let org = world.organisation().await;
    org.five_grades().await;
    let region = org.unit(&org.headquarters, "REGION", &fresh()).await;
    let place = Place::build(&world, &org, &region).await;
    let names: Vec<&String> = place.words.values().filter(|word| word.contains('/')).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let mut fuzzer = Command::new(python());
    fuzzer
        .arg(foreign_file("fuzz.py"))
        .current_dir(folder.path())
        .env("MANYI_ADDRESS", &world.address)
        .env("MANYI_TOKEN", org.rest.token().expect("the owner is signed in"))
        .env("MANYI_NAMES", serde_json::to_string(&names).expect("names can be written"));
    println!("{}", to_its_end(fuzzer).await);
    world.stop().await;
}
