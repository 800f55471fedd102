//! Compares what a target answers with what the matrix says. Knows nothing of how access is
//! decided.

use std::collections::{BTreeMap, BTreeSet};

use kit::rpc::Chan;
use prost::Message as _;
use proto::{
    common::v1::{ListEventsRequest, ListEventsResponse},
    methods::table,
};
use tonic::Code;

use super::{
    matrix::{Expect, Matrix},
    principals::{Principal, Reach},
    requests::Fixture,
    scene::{Scene, Where},
    target::Target,
    wire::{self, Answer},
};

/// What a run found.
#[derive(Default)]
pub struct Findings {
    /// Calls made and judged.
    pub cells: usize,
    /// Methods with at least one call that was done.
    pub done: BTreeSet<String>,
    /// What is wrong, by method.
    pub problems: BTreeMap<String, Vec<String>>,
}

impl Findings {
    /// Notes a problem of a method.
    pub fn add(&mut self, method: &str, problem: String) {
        self.problems.entry(method.to_owned()).or_default().push(problem);
    }

    /// Takes another run's findings in.
    pub fn merge(&mut self, other: Self) {
        self.cells += other.cells;
        self.done.extend(other.done);
        for (method, problems) in other.problems {
            self.problems.entry(method).or_default().extend(problems);
        }
    }

    /// All problems, for people.
    pub fn report(&self) -> String {
        let lines = self.problems.iter().flat_map(|(method, problems)| {
            problems.iter().map(move |problem| format!("{method}: {problem}"))
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// What is wrong with the answer to a call on an object of the own subtree.
pub fn judge(
    target: &dyn Target,
    fixture: &Fixture,
    expect: Expect,
    answer: &Answer,
) -> Option<String> {
    let wanted = match expect {
        _ if !target.has(&fixture.method) => Code::Unimplemented,
        Expect::Unauthenticated => Code::Unauthenticated,
        Expect::Denied => Code::PermissionDenied,
        Expect::Allowed => {
            let fine = answer.code == Code::Ok || fixture.tolerate.contains(&answer.code);
            let item =
                fixture.per_item.then(|| answer.of_first_item(&fixture.method.descriptor.output()));
            let done = fine && item.is_none_or(|code| code == Code::Ok);
            return (!done).then(|| format!("allowed, but {}", shown(answer)));
        }
    };
    if answer.code != wanted {
        return Some(format!("{wanted:?} was expected, not {}", shown(answer)));
    }
    answer.reason.is_empty().then(|| format!("no reason: {}", shown(answer)))
}

fn shown(answer: &Answer) -> String {
    let text: String = answer.text.chars().take(120).collect();
    let body = String::from_utf8_lossy(&answer.body);
    let body: String = body.chars().filter(|c| !c.is_control()).take(200).collect();
    format!("{:?} {} `{text}` {:?} {body}", answer.code, answer.reason, answer.fields)
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Everyone, and after each refusal it is seen that nothing was changed.
    AllWatched,
    /// Everyone.
    All,
    /// One for each thing that may be expected of a method, everyone in turn: each method meets
    /// each outcome and each place, and each caller each outcome and place.
    InTurn,
}

impl Callers {
    /// Those who call with a fixture, the `number`th one.
    fn of<'a>(
        self,
        scene: &'a Scene,
        matrix: &Matrix,
        (number, fixture): (usize, &Fixture),
    ) -> Vec<(&'a Principal, Expect)> {
        let expect = |p: &Principal| matrix.expect(fixture.name(), &p.column);
        let all: Vec<_> = scene.principals.iter().map(|p| (p, expect(p))).collect();
        if self != Self::InTurn {
            return all;
        }
        let outcomes = [Expect::Allowed, Expect::Denied, Expect::Unauthenticated];
        let pick = |outcome| {
            let alike: Vec<_> = all.iter().filter(|(_, expect)| *expect == outcome).collect();
            alike.get(number % alike.len().max(1)).copied().copied()
        };
        outcomes.into_iter().filter_map(pick).collect()
    }
}

/// Runs the cells of the matrix for objects of the own subtree.
pub async fn own_subtree(
    target: &dyn Target,
    scene: &Scene,
    fixtures: &[Fixture],
    matrix: &Matrix,
    callers: Callers,
) -> Findings {
    let mut found = Findings::default();
    let mut feeds = Feeds::new(scene);
    let canaries = scene.canaries();
    let watch = callers == Callers::AllWatched;
    for numbered in fixtures.iter().filter(|f| !f.also && target.can(&f.method)).enumerate() {
        let fixture = numbered.1;
        for (principal, expect) in callers.of(scene, matrix, numbered) {
            let request = scene.request(fixture, principal, None).await;
            let still = watch && expect != Expect::Allowed && fixture.method.changes();
            if still {
                feeds.drain().await;
            }
            let token = scene.token(principal);
            let answer = target.call(&fixture.method, token.as_deref(), &request).await;
            found.cells += 1;
            let mut problem = judge(target, fixture, expect, &answer);
            if problem.is_none() && still && feeds.drain().await > 0 {
                problem = Some("it was refused and changed something all the same".to_owned());
            }
            if answer.code == Code::Ok {
                found.done.insert(fixture.name().to_owned());
            }
            if principal.reach != Reach::Outside
                && let Some(canary) = leaked(&answer, &canaries)
            {
                problem = Some(format!("shows {canary} of another organisation"));
            }
            if let Some(problem) = problem {
                let label = format!("{} as {}: {problem}", target.name(), principal.column);
                found.add(fixture.name(), label);
            }
        }
    }
    found
}

/// Text of another organisation in an answer.
pub fn leaked<'a>(answer: &Answer, canaries: &'a [String]) -> Option<&'a str> {
    let body = &answer.body;
    let holds =
        |canary: &&String| body.windows(canary.len()).any(|window| window == canary.as_bytes());
    // Names only: a short text may stand anywhere by chance.
    canaries.iter().filter(|canary| canary.len() > 20).find(holds).map(String::as_str)
}

/// Sends every request that names an object with that object out of the caller's reach.
pub async fn elsewhere(
    target: &dyn Target,
    scene: &Scene,
    fixtures: &[Fixture],
    matrix: &Matrix,
    callers: Callers,
) -> Findings {
    let mut found = Findings::default();
    let there = fixtures.iter().filter(|f| target.has(&f.method) && target.can(&f.method));
    for (number, fixture) in there.enumerate() {
        let mut done = !fixture.also;
        let mut inside = allowed_inside(scene, matrix, fixture);
        if callers == Callers::InTurn && !inside.is_empty() {
            // The one with the least to say sees the most places that are not its own.
            let least = inside.iter().map(|p| p.reach).min();
            inside.retain(|p| Some(p.reach) == least);
            inside = vec![inside[number % inside.len()]];
        }
        for principal in inside {
            for objects in fixture.moves() {
                unreachable(target, scene, fixture, principal, &objects, &mut found).await;
            }
            if !done {
                let request = scene.request(fixture, principal, None).await;
                let token = scene.token(principal);
                let answer = target.call(&fixture.method, token.as_deref(), &request).await;
                done = judge(target, fixture, Expect::Allowed, &answer).is_none();
            }
        }
        if !done {
            let text = format!("{}: {} is refused everywhere", target.name(), fixture.request);
            found.add(fixture.name(), text);
        }
    }
    found
}

/// Callers of the organisation that the matrix lets do it.
pub fn allowed_inside<'a>(
    scene: &'a Scene,
    matrix: &Matrix,
    fixture: &Fixture,
) -> Vec<&'a Principal> {
    let may = |p: &&Principal| matrix.expect(fixture.name(), &p.column) == Expect::Allowed;
    scene.principals.iter().filter(|p| p.reach != Reach::Outside).filter(may).collect()
}

/// Where a caller has no say.
pub fn places_out_of_reach(scene: &Scene, principal: &Principal, objects: &[&str]) -> Vec<Where> {
    let mut places = vec![Where::Foreign, Where::Nowhere];
    let of_branch = objects.iter().all(|object| scene.is_of_branch(object));
    if of_branch && principal.reach <= Reach::Region {
        places.push(Where::Far);
    }
    if of_branch && principal.reach == Reach::Branch {
        places.push(Where::Sibling);
    }
    places
}

async fn unreachable(
    target: &dyn Target,
    scene: &Scene,
    fixture: &Fixture,
    principal: &Principal,
    objects: &[&str],
    found: &mut Findings,
) {
    let wanted = fixture.elsewhere(&principal.column);
    let mut seen: Option<Vec<u8>> = None;
    for place in places_out_of_reach(scene, principal, objects) {
        let request = scene.request(fixture, principal, Some((objects, place))).await;
        let token = scene.token(principal);
        let answer = target.call(&fixture.method, token.as_deref(), &request).await;
        found.cells += 1;
        if let Some(problem) = judge_elsewhere(fixture, wanted, &answer, &mut seen) {
            let who = format!("{} as {}, {objects:?} {place:?}", target.name(), principal.column);
            found.add(fixture.name(), format!("{who}: {problem}"));
        }
    }
}

/// What is wrong with the answer about an object that the caller may not know of. All such
/// answers are the same: `seen` is the first.
pub fn judge_elsewhere(
    fixture: &Fixture,
    wanted: Code,
    answer: &Answer,
    seen: &mut Option<Vec<u8>>,
) -> Option<String> {
    let code = match fixture.per_item {
        true => answer.of_first_item(&fixture.method.descriptor.output()),
        false => answer.code,
    };
    if code != wanted {
        return Some(format!("{wanted:?} was expected, not {}", shown(answer)));
    }
    // Item ids are the caller's own and differ from request to request.
    let visible = if fixture.per_item { Vec::new() } else { answer.visible.clone() };
    match seen {
        Some(first) if *first != visible => {
            let (first, now) = (String::from_utf8_lossy(first), String::from_utf8_lossy(&visible));
            Some(format!("tells more: {first} / {now}"))
        }
        Some(_) => None,
        None => {
            *seen = Some(visible);
            None
        }
    }
}

/// The services' feeds, to see whether anything was changed.
struct Feeds<'a> {
    scene: &'a Scene,
    after: [String; 4],
}

/// That of analytics tells of alerts only; its record of changes is looked at in the end, like
/// everybody's.
const FEEDS: [&str; 4] =
    ["manyi.auth.v1", "manyi.device.v1", "manyi.survey.v1", "manyi.analytics.v1"];

impl<'a> Feeds<'a> {
    fn new(scene: &'a Scene) -> Self {
        Self { scene, after: Default::default() }
    }

    /// How many groups were committed since the last look.
    async fn drain(&mut self) -> usize {
        let mut groups = 0;
        for (package, after) in FEEDS.iter().zip(&mut self.after) {
            let chan = self.scene.doors.of_package(package);
            groups += drain(self.scene, chan, package, after).await;
        }
        groups
    }
}

async fn drain(scene: &Scene, chan: &Chan, package: &str, after: &mut String) -> usize {
    let method = &table()[&format!("/{package}.EventService/ListEvents")];
    let token = kit::auth::InternalTokens::new(&scene.world.seed.0).internal();
    let mut groups = 0;
    loop {
        let request = ListEventsRequest { after: after.clone(), page_size: 500 };
        let messages = vec![request.encode_to_vec().into()];
        let answer = wire::call(chan, method, Some(&token), messages, &BTreeMap::new()).await;
        assert_eq!(answer.code, Code::Ok, "{}", answer.text);
        let page = ListEventsResponse::decode(answer.body).expect("a page of events");
        groups += page.groups.len();
        if !page.next.is_empty() {
            after.clone_from(&page.next);
        }
        if page.at_end {
            return groups;
        }
    }
}
