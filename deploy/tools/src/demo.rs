//! The demonstration organisation: a bank, made through the public API. Making it again
//! changes nothing; what is missing is added.

mod bank;
mod guide;
mod survey;

use std::path::{Path, PathBuf};

use proto::{
    auth::v1::{
        CreateStaffRequest, CreateUnitRequest, Staff, Unit,
        staff_service_client::StaffServiceClient, unit_service_client::UnitServiceClient,
    },
    device::v1::{CreateTemplateRequest, template_service_client::TemplateServiceClient},
};
use tonic::Code;

use crate::{
    admin::organisation::create_organisation,
    client::{
        Client, Credentials,
        credentials::{SignIn, random_password},
        lists,
    },
    error::{Error, Result},
};
pub use guide::guide;
pub use survey::Survey;

const SLUG: &str = "demo";
const TIME_ZONE: &str = "Asia/Shanghai";

/// The demonstration organisation, ready to use.
pub struct Demo {
    /// Signed in as its owner.
    pub client: Client,
    /// The owner's sign-in.
    pub sign_in: SignIn,
    /// File that holds it.
    pub credentials: PathBuf,
    /// Its headquarters: `units/u_…`.
    pub headquarters: String,
    /// One of its branches.
    pub branch: String,
    /// A questionnaire in use.
    pub survey: Survey,
}

/// Makes the organisation, or completes it. `operator` creates it; `credentials` keeps the
/// owner's password.
pub async fn prepare(operator: &Client, credentials: &Path) -> Result<Demo> {
    let sign_in = own(operator, credentials).await?;
    let client = operator.with_credentials(Credentials::Password(sign_in.clone()));
    let mut units = lists::units(&client, "").await?;
    let top = units.iter().find(|u| u.parent.is_empty()).map(|u| u.name.clone());
    let headquarters =
        top.ok_or_else(|| Error::Unsatisfied("the organisation has no headquarters".to_owned()))?;
    build_units(&client, &headquarters, &mut units).await?;
    hire_staff(&client, &units).await?;
    if lists::templates(&client).await?.iter().all(|t| !t.default_template) {
        create_template(&client).await?;
    }
    let survey = survey::prepare(&client, &headquarters).await?;
    let branch = units.iter().find(|u| u.code == bank::FIRST_BRANCH).map(|u| u.name.clone());
    Ok(Demo {
        client,
        sign_in,
        credentials: credentials.to_owned(),
        branch: branch.unwrap_or_else(|| headquarters.clone()),
        headquarters,
        survey,
    })
}

/// The owner's sign-in; creates the organisation when there is none.
async fn own(operator: &Client, path: &Path) -> Result<SignIn> {
    let sign_in = match SignIn::read(path)? {
        Some(sign_in) => {
            let client = operator.with_credentials(Credentials::Password(sign_in.clone()));
            match client.token().await {
                Ok(_) => return Ok(sign_in),
                // Written, but then interrupted before the organisation was made.
                Err(error) if error.is_code(Code::Unauthenticated) => sign_in,
                Err(error) => return Err(error),
            }
        }
        None => {
            let sign_in = SignIn {
                organisation: SLUG.to_owned(),
                login: "owner".to_owned(),
                password: random_password(),
            };
            sign_in.write_new(path)?;
            sign_in
        }
    };
    match create_organisation(operator, bank::NAME, TIME_ZONE, &sign_in).await {
        Ok(_) => Ok(sign_in),
        Err(error) if error.is_code(Code::AlreadyExists) => Err(Error::Usage(format!(
            "there is an organisation '{SLUG}' already and {} does not open it: restore that \
             file, or start with another --data folder",
            path.display()
        ))),
        Err(error) => Err(error),
    }
}

async fn build_units(client: &Client, headquarters: &str, units: &mut Vec<Unit>) -> Result<()> {
    for plan in bank::units() {
        if units.iter().any(|u| u.code == plan.code) {
            continue;
        }
        let parent = match &plan.parent {
            None => headquarters.to_owned(),
            Some(code) => {
                let parent = units.iter().find(|u| u.code == *code).map(|u| u.name.clone());
                parent.ok_or_else(|| Error::Unsatisfied(format!("unit {code} is missing")))?
            }
        };
        let what = format!("creating unit {}", plan.code);
        let unit = Unit {
            parent,
            kind: plan.kind as i32,
            display_name: plan.display_name,
            code: plan.code,
            ..Unit::default()
        };
        let message = CreateUnitRequest { unit: Some(unit), request_id: request_id() };
        let created = client
            .call(&what, message, |chan, request| async move {
                UnitServiceClient::new(chan).create_unit(request).await
            })
            .await?;
        units.push(created);
    }
    Ok(())
}

async fn hire_staff(client: &Client, units: &[Unit]) -> Result<()> {
    let present = lists::staff(client, "").await?;
    for plan in bank::staff() {
        if present.iter().any(|s| s.staff_number == plan.number) {
            continue;
        }
        let Some(home) = units.iter().find(|u| u.code == plan.branch) else { continue };
        let what = format!("creating staff {}", plan.number);
        let staff = Staff {
            staff_number: plan.number,
            display_name: plan.display_name,
            unit: home.name.clone(),
            ..Staff::default()
        };
        let message = CreateStaffRequest { staff: Some(staff), request_id: request_id() };
        client
            .call(&what, message, |chan, request| async move {
                StaffServiceClient::new(chan).create_staff(request).await
            })
            .await?;
    }
    Ok(())
}

async fn create_template(client: &Client) -> Result<()> {
    let message =
        CreateTemplateRequest { template: Some(bank::template()), request_id: request_id() };
    let created = client.call("creating the template", message, |chan, request| async move {
        TemplateServiceClient::new(chan).create_template(request).await
    });
    created.await.map(drop)
}

fn request_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}
