//! What people who answer call. The link in the request is the only credential.

use std::net::IpAddr;

use kit::auth::open_request;
use proto::survey::v1::{self, respondent_service_server::RespondentService};
use tonic::{Request, Response, Status};

use crate::respond::{Respond, decline, form, saving, submission::Origin, submit};

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

/// A link may come whole, as it is printed, or as its code alone: sessions and challenges are
/// bound to the code.
fn bare(link: &mut String) {
    let ahead = link.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "-_".contains(c));
    let begin = ahead.len();
    link.drain(..begin);
}

#[async_trait::async_trait]
impl RespondentService for Respondents {
    async fn open_form(&self, request: Request<v1::OpenFormRequest>) -> Answer<v1::OpenedForm> {
        let (_, mut request) = open_request(request)?;
        bare(&mut request.link);
        Ok(Response::new(form::open(self.0.engine(), request).await?))
    }

    async fn start_response(
        &self,
        request: Request<v1::StartResponseRequest>,
    ) -> Answer<v1::StartedResponse> {
        let (_, mut request) = open_request(request)?;
        bare(&mut request.link);
        Ok(Response::new(form::start(self.0.engine(), request).await?))
    }

    async fn save_response(
        &self,
        request: Request<v1::SaveResponseRequest>,
    ) -> Answer<v1::SavedResponse> {
        let origin = origin(&request);
        let (_, mut request) = open_request(request)?;
        bare(&mut request.link);
        Ok(Response::new(saving::save(self.0.engine(), request, &origin).await?))
    }

    async fn submit_response(
        &self,
        request: Request<v1::SubmitResponseRequest>,
    ) -> Answer<v1::Receipt> {
        let origin = origin(&request);
        let (_, mut request) = open_request(request)?;
        bare(&mut request.link);
        Ok(Response::new(submit::submit(&self.0, request, origin).await?))
    }

    async fn create_challenge(
        &self,
        request: Request<v1::CreateChallengeRequest>,
    ) -> Answer<v1::Challenge> {
        let (_, mut request) = open_request(request)?;
        bare(&mut request.link);
        Ok(Response::new(form::make_challenge(self.0.engine(), request).await?))
    }

    async fn decline_invitation(
        &self,
        request: Request<v1::DeclineInvitationRequest>,
    ) -> Answer<v1::DeclinedInvitation> {
        let (_, mut request) = open_request(request)?;
        bare(&mut request.link);
        Ok(Response::new(decline::decline(self.0.engine(), request).await?))
    }

    async fn get_receipt(&self, request: Request<v1::GetReceiptRequest>) -> Answer<v1::Receipt> {
        let (_, mut request) = open_request(request)?;
        bare(&mut request.link);
        Ok(Response::new(form::receipt(self.0.engine(), request).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_link_means_its_code() {
        for printed in
            ["AgGi_t9-X", "/s/AgGi_t9-X", "https://a.example/s/AgGi_t9-X", "a.example?c=AgGi_t9-X"]
        {
            let mut link = printed.to_owned();
            bare(&mut link);
            assert_eq!(link, "AgGi_t9-X", "{printed}");
        }
        let mut nothing = "满意".to_owned();
        bare(&mut nothing);
        assert_eq!(nothing, "");
    }
}
