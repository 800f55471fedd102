//! A fuzzer that knows the OpenAPI document and nothing else sends what that allows and what it
//! does not, as callers of several kinds. No answer is a defect, each is one that the document
//! describes, none is given without a token, and none tells of another organisation.

use std::{collections::BTreeMap, path::Path};

use all_in_one::suite::{Databases, SuiteConfig};
use e2e::{Org, World};
use gateway::{Quota, Quotas};
use kit::{config::Seed, testing::sqlite_file_url};
use tokio::process::Command;

use super::{foreign_file, python, to_an_end, to_its_end};
use crate::authorization::{
    place::{Place, fresh},
    principals::{Units, principal},
};

/// Callers beside the owner, by their columns of the matrix, and how many operations each gets
/// done at least: few requests are sent for them, and many of those are not theirs to make.
const OTHERS: [(&str, usize); 4] =
    [("device", 2), ("anonymous", 1), ("analyst", 15), ("branch_manager", 15)];
/// The same of the owner.
const OWNER_DONE_MIN: usize = 120;
/// One request for each operation, and one that is not allowed.
const FEW: [&str; 4] = ["--phases", "fuzzing", "--max-examples", "1"];

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

/// An organisation with one of everything.
struct Tenant {
    org: Org,
    units: Units,
    place: Place,
    names: String,
}

impl Tenant {
    async fn new(world: &World) -> Self {
        let org = world.organisation().await;
        org.five_grades().await;
        let region = org.unit(&org.headquarters, "REGION", &fresh()).await;
        let place = Place::build(world, &org, &region).await;
        let names: Vec<&String> = place.words.values().filter(|word| word.contains('/')).collect();
        let names = serde_json::to_string(&names).expect("names can be written");
        let units = Units { branch: place.word("branch"), region };
        Self { org, units, place, names }
    }

    fn owner(&self) -> Option<&str> {
        self.org.rest.token()
    }
}

/// The fuzzer in `folder` for a caller, who knows names of its own organisation and of another.
fn fuzzer(
    folder: &Path,
    world: &World,
    token: Option<&str>,
    [own, foreign]: [&Tenant; 2],
    least: usize,
) -> Command {
    let mut fuzzer = Command::new(python());
    fuzzer
        .arg(foreign_file("fuzz.py"))
        .current_dir(folder)
        .env("MANYI_ADDRESS", &world.address)
        .env("MANYI_NAMES", &own.names)
        .env("MANYI_FOREIGN", &foreign.names)
        .env("MANYI_DONE_MIN", least.to_string())
        .env_remove("MANYI_TOKEN")
        .envs(token.map(|token| ("MANYI_TOKEN", token)));
    fuzzer
}

/// What the fuzzer has to notice: a call without a token that is done, and an answer that tells
/// of another organisation. `tenant` stands for that, too.
async fn notices_what_is_wrong(folder: &Path, world: &World, tenant: &Tenant, other: &Tenant) {
    let token = tenant.owner();
    let listing = ["--include-operation-id", "auth.UnitService.ListUnits"];
    let header = format!("Authorization: Bearer {}", token.unwrap_or_default());
    // It takes the owner for nobody, as if nobody were let in as the owner.
    let mut open = fuzzer(folder, world, None, [tenant, other], 0);
    open.args(FEW).args(listing).args(["--header", &header]);
    let mut leaky = fuzzer(folder, world, token, [tenant, tenant], 0);
    leaky.args(FEW).args(listing);
    for (command, says) in
        [(open, "is done without a token: 200"), (leaky, "tells of another organisation: ")]
    {
        let printed = to_an_end(command).await.expect_err("it ends well");
        assert!(printed.contains(says), "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_to_a_fuzzer_is_one_that_the_openapi_document_describes() {
    let world = patient_world().await;
    // What the owner's fuzzer ends or takes away is not the others'.
    let (first, second) = (Tenant::new(&world).await, Tenant::new(&world).await);
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let [folder, others_folder] = folders.each_ref().map(|folder| folder.path());
    let owner = async {
        let tenants = [&first, &second];
        let fuzzer = fuzzer(folder, &world, first.owner(), tenants, OWNER_DONE_MIN);
        println!("owner: {}", to_its_end(fuzzer).await);
    };
    let others = async {
        let (folder, tenants) = (others_folder, [&second, &first]);
        notices_what_is_wrong(folder, &world, &second, &first).await;
        for (column, least) in OTHERS {
            let device = second.place.device.rest.token();
            let (org, common) = (&second.org, &mut BTreeMap::new());
            let caller = principal(org, column, &second.units, device, common).await;
            let mut fuzzer = fuzzer(folder, &world, caller.token.as_deref(), tenants, least);
            fuzzer.args(FEW);
            println!("{column}: {}", to_its_end(fuzzer).await);
        }
    };
    tokio::join!(owner, others);
    world.stop().await;
}
