//! What people who answer call. The link in the request is the only credential.

use std::net::IpAddr;

use kit::auth::open_request;
use proto::survey::v1::{self, respondent_service_server::RespondentService};
use tonic::{Request, Response, Status};

use crate::respond::{Respond, form, submission::Origin, submit};

/// Says from which address a call came; set by the gateway, stripped from what clients send.
const CLIENT_ADDRESS: &str = "x-manyi-client-address";

/// The respondent service.
pub struct Respondents(pub Respond);

type Answer<T> = Result<Response<T>, Status>;

fn origin<T>(request: &Request<T>) -> Origin {
    let address = request.metadata().get(CLIENT_ADDRESS);
    let address: Option<IpAddr> = address.and_then(|a| a.to_str().ok()?.parse().ok());
    Origin { address, ..Origin::default() }
}

#[async_trait::async_trait]
impl RespondentService for Respondents {
    async fn open_form(&self, request: Request<v1::OpenFormRequest>) -> Answer<v1::OpenedForm> {
        let (_, request) = open_request(request)?;
        Ok(Response::new(form::open(self.0.engine(), request).await?))
    }

    async fn start_response(
        &self,
        request: Request<v1::StartResponseRequest>,
    ) -> Answer<v1::StartedResponse> {
        let (_, request) = open_request(request)?;
        Ok(Response::new(form::start(self.0.engine(), request).await?))
    }

    async fn save_response(
        &self,
        request: Request<v1::SaveResponseRequest>,
    ) -> Answer<v1::SavedResponse> {
        let origin = origin(&request);
        let (_, request) = open_request(request)?;
        Ok(Response::new(form::save(self.0.engine(), request, &origin).await?))
    }

    async fn submit_response(
        &self,
        request: Request<v1::SubmitResponseRequest>,
    ) -> Answer<v1::Receipt> {
        let origin = origin(&request);
        let (_, request) = open_request(request)?;
        Ok(Response::new(submit::submit(&self.0, request, origin).await?))
    }

    async fn create_challenge(
        &self,
        request: Request<v1::CreateChallengeRequest>,
    ) -> Answer<v1::Challenge> {
        let (_, request) = open_request(request)?;
        Ok(Response::new(form::make_challenge(self.0.engine(), request).await?))
    }

    async fn get_receipt(&self, request: Request<v1::GetReceiptRequest>) -> Answer<v1::Receipt> {
        let (_, request) = open_request(request)?;
        Ok(Response::new(form::receipt(self.0.engine(), request).await?))
    }
}
