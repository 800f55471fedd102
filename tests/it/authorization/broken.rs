//! Controls: what the suite would be without its check of scope, and without its filter by
//! organisation. Made of the real services, which are asked by somebody who may: each method has
//! to be reported, or the judge of the matrix would not see such a defect.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use proto::methods::Method;
use serde_json::Value;

use super::{
    check::{allowed_inside, judge_elsewhere, leaked, places_out_of_reach},
    matrix::{Expect, Matrix},
    requests::{self, Fixture},
    scene::{Scene, Where},
    target::{Services, Target},
    wire::Answer,
};

/// Services that ask what a caller may do, and not where: whoever may do a thing somewhere may
/// do it in the whole organisation.
struct Unscoped<'a> {
    services: Services<'a>,
    /// The token of a caller with the same role at the top, by the caller's own.
    wide: BTreeMap<String, String>,
}

impl Target for Unscoped<'_> {
    fn name(&self) -> &'static str {
        "unscoped"
    }

    fn has(&self, _: &Method) -> bool {
        true
    }

    fn call<'a>(
        &'a self,
        method: &'a Method,
        token: Option<&'a str>,
        request: &'a Value,
    ) -> BoxFuture<'a, Answer> {
        self.services.call(method, token.map(|token| self.wide[token].as_str()), request)
    }
}

/// What a control found.
#[derive(Default)]
struct Judged {
    /// Answers that were reported.
    reported: usize,
    /// Methods of which every answer passed for right.
    slipped: BTreeSet<String>,
}

/// Reading methods that name no object and whose answer is nobody's in particular, or holds only
/// numbers: the matrix cannot tell one organisation's from another's. Tests of their own services
/// count them by organisation.
const NOTHING_TO_RECOGNISE: [(&str, &str); 15] = [
    ("manyi.auth.v1.TokenService/GetJwks", "keys of the installation"),
    ("manyi.auth.v1.AuditService/VerifyAuditChain", "a count"),
    ("manyi.device.v1.RatingPolicyService/GetRatingPolicy", "settings without names"),
    ("manyi.survey.v1.CampaignService/CalculateSampleSize", "computed from the request"),
    ("manyi.survey.v1.QuestionnaireService/CheckDefinition", "computed from the request"),
    ("manyi.survey.v1.QuestionnaireService/GetQuestionnaireSchema", "the same for all"),
    ("manyi.survey.v1.QuestionnaireService/GetQuestionnaireTemplate", "the same for all"),
    ("manyi.survey.v1.QuestionnaireService/ListQuestionnaireTemplates", "the same for all"),
    ("manyi.analytics.v1.AlertService/ListAlerts", "none without days of ratings"),
    ("manyi.analytics.v1.CalendarService/ListCalendarDays", "days without names"),
    ("manyi.analytics.v1.FreshnessService/GetFreshness", "times"),
    ("manyi.analytics.v1.IntegrityService/GetVerification", "counts"),
    ("manyi.analytics.v1.MeasureService/ComputeMeasure", "computed from the request"),
    ("manyi.analytics.v1.MeasureService/GetMeasure", "the same for all"),
    ("manyi.analytics.v1.MeasureService/ListMeasures", "the same for all"),
];

/// Sends every request that names objects of a branch with those in another branch.
async fn without_scope(
    target: &Unscoped<'_>,
    scene: &Scene,
    fixtures: &[Fixture],
    matrix: &Matrix,
) -> Judged {
    let (mut tried, mut seen, mut reported) = (BTreeSet::new(), BTreeSet::new(), 0);
    for fixture in fixtures {
        for objects in fixture.moves() {
            for principal in allowed_inside(scene, matrix, fixture) {
                let places = places_out_of_reach(scene, principal, &objects).into_iter();
                for place in places.filter(|p| matches!(p, Where::Sibling | Where::Far)) {
                    let request = scene.request(fixture, principal, Some((&objects, place))).await;
                    let token = scene.token(principal);
                    let answer = target.call(&fixture.method, token.as_deref(), &request).await;
                    let wanted = fixture.elsewhere(&principal.column);
                    tried.insert(fixture.name().to_owned());
                    if judge_elsewhere(fixture, wanted, &answer, &mut None).is_some() {
                        seen.insert(fixture.name().to_owned());
                        reported += 1;
                    }
                }
            }
        }
    }
    Judged { reported, slipped: tried.difference(&seen).cloned().collect() }
}

/// Asks for everything as the other organisation's own callers, and judges the answers as if
/// this one's callers had got them.
async fn without_tenants(scene: &Scene, fixtures: &[Fixture], matrix: &Matrix) -> Judged {
    let services = Services(&scene.doors);
    let canaries = scene.canaries();
    let [owner, device] = scene.foreign_tokens();
    let mut judged = Judged::default();
    for fixture in fixtures {
        let inside = allowed_inside(scene, matrix, fixture);
        let may = |column: &str| matrix.expect(fixture.name(), column) == Expect::Allowed;
        let names_nothing = fixture.objects.is_empty();
        // A change that names nothing of another's is right to be made.
        if !(may("owner") || may("device")) || (names_nothing && fixture.method.changes()) {
            continue;
        }
        let token = if may("owner") { &owner } else { &device };
        let request = scene.foreign_request(fixture).await;
        let answer = services.call(&fixture.method, Some(token), &request).await;
        let seen = match names_nothing {
            true => leaked(&answer, &canaries).is_some(),
            false => inside.iter().all(|principal| {
                let wanted = fixture.elsewhere(&principal.column);
                judge_elsewhere(fixture, wanted, &answer, &mut None).is_some()
            }),
        };
        judged.reported += usize::from(seen);
        if !seen {
            judged.slipped.insert(fixture.name().to_owned());
        }
    }
    judged
}

#[tokio::test(flavor = "multi_thread")]
async fn with_scope_or_tenants_unchecked_every_method_is_reported() {
    let (matrix, fixtures) = (Matrix::read(), requests::read());
    let scene = Scene::build(&matrix.columns).await;
    let unscoped = Unscoped { services: Services(&scene.doors), wide: scene.widened().await };
    let tenants = without_tenants(&scene, &fixtures, &matrix).await;
    let scope = without_scope(&unscoped, &scene, &fixtures, &matrix).await;
    println!("reported: {} without scope, {} without tenants", scope.reported, tenants.reported);
    scene.world.stop().await;
    assert_eq!(scope.slipped, BTreeSet::new(), "nobody notices that they may be called anywhere");
    let known = NOTHING_TO_RECOGNISE.iter().map(|(method, _)| (*method).to_owned());
    assert_eq!(tenants.slipped, known.collect(), "what shows another organisation unnoticed");
    assert!(scope.reported > 500 && tenants.reported > 150, "few were tried");
}
