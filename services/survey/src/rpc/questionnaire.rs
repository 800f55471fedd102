//! Questionnaires.

use std::sync::Arc;

use kit::{
    auth::{open_change, open_request},
    error::ServiceError,
};
use proto::survey::v1::{self, questionnaire_service_server::QuestionnaireService};
use survey_domain::library;
use tonic::{Request, Response, Status};

use crate::{
    questionnaire::{
        SCHEMA_1, answers, change, convert_back, copy, form, ground, lint, list, publish, versions,
    },
    state::App,
};

/// The questionnaire service.
pub struct Questionnaires(pub Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[async_trait::async_trait]
impl QuestionnaireService for Questionnaires {
    async fn create_questionnaire(
        &self,
        request: Request<v1::CreateQuestionnaireRequest>,
    ) -> Answer<v1::Questionnaire> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(change::create(&self.0, &caller, request).await?))
    }

    async fn get_questionnaire(
        &self,
        request: Request<v1::GetQuestionnaireRequest>,
    ) -> Answer<v1::Questionnaire> {
        let (caller, request) = open_request(request)?;
        let record = ground::readable(&self.0, &caller, &request.name).await?;
        Ok(Response::new(convert_back::record(&record)))
    }

    async fn list_questionnaires(
        &self,
        request: Request<v1::ListQuestionnairesRequest>,
    ) -> Answer<v1::ListQuestionnairesResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list::list(&self.0, &caller, &request).await?))
    }

    async fn update_questionnaire(
        &self,
        request: Request<v1::UpdateQuestionnaireRequest>,
    ) -> Answer<v1::Questionnaire> {
        let (caller, request) = open_change(request, "questionnaire")?;
        Ok(Response::new(change::update(&self.0, &caller, request).await?))
    }

    async fn publish_questionnaire(
        &self,
        request: Request<v1::PublishQuestionnaireRequest>,
    ) -> Answer<v1::PublishQuestionnaireResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(publish::publish(&self.0, &caller, request).await?))
    }

    async fn close_questionnaire(
        &self,
        request: Request<v1::CloseQuestionnaireRequest>,
    ) -> Answer<v1::Questionnaire> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(change::close(&self.0, &caller, request).await?))
    }

    async fn delete_questionnaire(
        &self,
        request: Request<v1::DeleteQuestionnaireRequest>,
    ) -> Answer<v1::DeleteQuestionnaireResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(change::delete(&self.0, &caller, request).await?))
    }

    async fn get_questionnaire_version(
        &self,
        request: Request<v1::GetQuestionnaireVersionRequest>,
    ) -> Answer<v1::QuestionnaireVersion> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(versions::get(&self.0, &caller, &request).await?))
    }

    async fn list_questionnaire_versions(
        &self,
        request: Request<v1::ListQuestionnaireVersionsRequest>,
    ) -> Answer<v1::ListQuestionnaireVersionsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(versions::list(&self.0, &caller, &request).await?))
    }

    async fn join_questionnaire_versions(
        &self,
        request: Request<v1::JoinQuestionnaireVersionsRequest>,
    ) -> Answer<v1::JoinQuestionnaireVersionsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(versions::join_versions(&self.0, &caller, &request).await?))
    }

    async fn copy_questionnaire(
        &self,
        request: Request<v1::CopyQuestionnaireRequest>,
    ) -> Answer<v1::Questionnaire> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(copy::copy(&self.0, &caller, request).await?))
    }

    async fn list_questionnaire_templates(
        &self,
        request: Request<v1::ListQuestionnaireTemplatesRequest>,
    ) -> Answer<v1::ListQuestionnaireTemplatesResponse> {
        open_request(request)?;
        let templates = library::templates().iter().map(|t| copy::template(t, false)).collect();
        Ok(Response::new(v1::ListQuestionnaireTemplatesResponse { templates }))
    }

    async fn get_questionnaire_template(
        &self,
        request: Request<v1::GetQuestionnaireTemplateRequest>,
    ) -> Answer<v1::QuestionnaireTemplate> {
        let (_, request) = open_request(request)?;
        let found = library::template(&request.key);
        let template = found.ok_or_else(|| ServiceError::not_found("template"))?;
        Ok(Response::new(copy::template(template, true)))
    }

    async fn export_questionnaire(
        &self,
        request: Request<v1::ExportQuestionnaireRequest>,
    ) -> Answer<v1::QuestionnaireDocument> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(copy::export(&self.0, &caller, &request).await?))
    }

    async fn import_questionnaire(
        &self,
        request: Request<v1::ImportQuestionnaireRequest>,
    ) -> Answer<v1::Questionnaire> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(copy::import(&self.0, &caller, request).await?))
    }

    async fn import_survey_js(
        &self,
        request: Request<v1::ImportSurveyJsRequest>,
    ) -> Answer<v1::ImportSurveyJsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(copy::import_survey_js(&self.0, &caller, request).await?))
    }

    async fn get_questionnaire_schema(
        &self,
        request: Request<v1::GetQuestionnaireSchemaRequest>,
    ) -> Answer<v1::QuestionnaireSchema> {
        let (_, request) = open_request(request)?;
        if !(0..=1).contains(&request.version) {
            return Err(ServiceError::not_found("schema").into());
        }
        let json_schema = SCHEMA_1.to_owned();
        Ok(Response::new(v1::QuestionnaireSchema { version: 1, json_schema }))
    }

    async fn lint_questionnaire(
        &self,
        request: Request<v1::LintQuestionnaireRequest>,
    ) -> Answer<v1::LintQuestionnaireResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(lint::questionnaire(&self.0, &caller, &request).await?))
    }

    async fn check_definition(
        &self,
        request: Request<v1::CheckDefinitionRequest>,
    ) -> Answer<v1::CheckDefinitionResponse> {
        let (_, request) = open_request(request)?;
        Ok(Response::new(lint::definition(request)?))
    }

    async fn render_form(&self, request: Request<v1::RenderFormRequest>) -> Answer<v1::Form> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(form::render(&self.0, &caller, request).await?))
    }

    async fn check_answers(
        &self,
        request: Request<v1::CheckAnswersRequest>,
    ) -> Answer<v1::CheckAnswersResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(answers::check_answers(&self.0, &caller, request).await?))
    }
}
