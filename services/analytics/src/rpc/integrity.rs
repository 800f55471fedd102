//! IntegrityService: withheld questions, trust marks, explanations and the verifier.

use std::sync::Arc;

use analytics_domain::{answer, template};
use kit::{
    auth::{Caller, open_request},
    error::Result,
};
use proto::analytics::v1::{
    CompareTrustResponse, DetectWithholdingRequest, DetectWithholdingResponse,
    ExplainFiguresResponse, FigureFormula, FigureRow, FigureSource, GetVerificationRequest,
    QueryFiguresRequest, TrustRow, Verification, integrity_service_server::IntegrityService,
};
use tonic::{Request, Response, Status};

use super::{answer as rows, asking, behind, comparison, withholding};
use crate::{
    state::App,
    store::{placements::Tree, questionnaires},
    verifier,
};

/// The integrity service.
pub struct IntegrityHandler(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[tonic::async_trait]
impl IntegrityService for IntegrityHandler {
    async fn detect_withholding(
        &self,
        request: Request<DetectWithholdingRequest>,
    ) -> Answer<DetectWithholdingResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(withholding::detect(&self.0, &caller, &request).await?))
    }

    async fn compare_trust(
        &self,
        request: Request<QueryFiguresRequest>,
    ) -> Answer<CompareTrustResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(compare(&self.0, &caller, request).await?))
    }

    async fn explain_figures(
        &self,
        request: Request<QueryFiguresRequest>,
    ) -> Answer<ExplainFiguresResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(explain(&self.0, &caller, &request).await?))
    }

    async fn get_verification(
        &self,
        request: Request<GetVerificationRequest>,
    ) -> Answer<Verification> {
        let (caller, _) = open_request(request)?;
        Ok(Response::new(verifier::found(self.0.db.read(), caller.org).await?))
    }
}

async fn compare(
    app: &App,
    caller: &Caller,
    request: QueryFiguresRequest,
) -> Result<CompareTrustResponse> {
    let mut request = request;
    let mut filter = request.filter.take().unwrap_or_default();
    filter.include_distrusted = false;
    request.filter = Some(filter.clone());
    let trusted = asking::ask(app, caller, &request).await?;
    filter.include_distrusted = true;
    request.filter = Some(filter);
    let all = asking::ask(app, caller, &request).await?;
    let shown = |asked: &asking::Asked| rows::response(&asked.view, &asked.answer, &asked.question);
    let (trusted, all) = (shown(&trusted), shown(&all));
    let find = |row: &FigureRow| trusted.rows.iter().find(|other| other.key == row.key).cloned();
    Ok(CompareTrustResponse {
        rows: all.rows.iter().map(|row| trust_row(find(row), row.clone())).collect(),
        total: all.total.map(|row| trust_row(trusted.total.clone(), row)),
        watermark: all.watermark,
    })
}

fn trust_row(trusted: Option<FigureRow>, all: FigureRow) -> TrustRow {
    let csat = |row: &FigureRow| row.csat.as_ref().and_then(|share| share.value);
    let score = |row: &FigureRow| row.score_0_100.as_ref().and_then(|mean| mean.value);
    let change =
        |of: &dyn Fn(&FigureRow) -> Option<f64>| Some(of(&all)? - trusted.as_ref().and_then(of)?);
    let distrusted_share =
        (all.n > 0).then(|| all.distrusted as f64 / all.n as f64).filter(|_| !all.suppressed);
    TrustRow {
        csat_change: change(&csat),
        score_change: change(&score),
        distrusted_share,
        trusted,
        all: Some(all),
    }
}

async fn explain(
    app: &App,
    caller: &Caller,
    request: &QueryFiguresRequest,
) -> Result<ExplainFiguresResponse> {
    let asked = asking::ask(app, caller, request).await?;
    let shown = rows::response(&asked.view, &asked.answer, &asked.question);
    let of_answers = request.source() == FigureSource::Questionnaires;
    let definitions = if of_answers {
        let versions = questionnaires::load(app.db.read(), caller.org).await?;
        let joined = &asked.answer.joined;
        let used = joined.iter().flat_map(|j| j.versions.iter().map(|v| (j.questionnaire, *v)));
        answer::canonical(used.filter_map(|key| versions.get(&key)))
    } else {
        template::canonical(asked.answer.templates.values().map(Arc::as_ref))
    };
    let total = shown.total.unwrap_or_default();
    Ok(ExplainFiguresResponse {
        question: in_words(&asked, request, of_answers),
        formulas: formulas(),
        definitions: definitions.lines().map(str::to_owned).collect(),
        definition_hash: shown.definition_hash,
        exclusions: shown.exclusions,
        n: total.n,
        as_of: shown.as_of,
        watermark: shown.watermark,
        drill_down: behind::lists(caller, &asked, of_answers),
        joined_versions: shown.joined_versions,
    })
}

fn in_words(asked: &asking::Asked, request: &QueryFiguresRequest, of_answers: bool) -> String {
    let unit = comparison::display_name(&asked.view, asked.question.unit);
    let source = if of_answers { "answers to questionnaires" } else { "ratings and services" };
    let filter = request.filter.clone().unwrap_or_default();
    let parts = [
        ("windows", filter.windows.len()),
        ("staff", filter.staff.len()),
        ("business types", filter.business_types.len()),
        ("channels", filter.channels.len()),
        ("templates", filter.templates.len()),
        ("questionnaires", filter.questionnaires.len()),
        ("versions", filter.versions.len()),
        ("customer classes", filter.customer_classes.len()),
        ("campaigns", filter.campaigns.len()),
    ];
    let narrowed: Vec<String> = parts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let narrowed = if narrowed.is_empty() { "nothing".to_owned() } else { narrowed.join(", ") };
    let item = if filter.item.is_empty() { "the overall item".to_owned() } else { filter.item };
    let marks = if filter.include_distrusted { "included" } else { "left out" };
    let tree = match asked.question.tree {
        Tree::AsOfService => "as they stood at the time of each service",
        Tree::Present => "as they stand now",
    };
    format!(
        "{source} of {unit} and everything below it, from {} to {}, narrowed by {narrowed}; \
         item: {item}; distrusted: {marks}; units {tree}",
        request.from, request.to
    )
}

fn formulas() -> Vec<FigureFormula> {
    [
        ("n", "ratings or graded answers counted"),
        ("coverage", "rated ÷ served services, each once; Wilson interval"),
        ("prompt_rate", "asked ÷ served services; Wilson interval"),
        ("score_0_100", "mean of the grades' scores; t interval"),
        ("csat", "grades that the definition counts as satisfied ÷ n; Wilson interval"),
        (
            "csat_with_defaulted",
            "(satisfied + services closed as silence) ÷ (n + services closed as silence)",
        ),
        ("nps", "100 × (9 and 10 minus 0 to 6) ÷ n, of 0–10 scales; adjusted Wald interval"),
        ("bad_share", "grades that the definition counts as bad ÷ n; Wilson interval"),
        ("comparison", "now minus then; Newcombe interval of shares, Welch's t of means"),
    ]
    .map(|(figure, formula)| FigureFormula {
        figure: figure.to_owned(),
        formula: formula.to_owned(),
    })
    .into()
}
