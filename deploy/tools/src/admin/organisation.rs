//! Creating organisations.

use std::path::PathBuf;

use proto::auth::v1::{
    CreateOrganisationRequest, CreateOrganisationResponse, Organisation,
    organisation_service_client::OrganisationServiceClient,
};

use super::Operator;
use crate::{
    client::{
        Client,
        credentials::{SignIn, random_password, read_password},
    },
    error::Result,
    output::say,
};

/// Create an organisation with its headquarters and its first owner
///
/// Nothing has a default password: give one, or a random one is made and written to a file
/// that only you can read.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = crate::error::EXIT_CODES)]
pub struct Args {
    #[command(flatten)]
    operator: Operator,
    /// Short name for signing in: 2 to 40 of a-z, 0-9 and -
    #[arg(long, value_name = "SLUG")]
    slug: String,
    /// Display name, such as 城市银行
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Time zone of units that name none
    #[arg(long, default_value = "Asia/Shanghai", value_name = "ZONE")]
    time_zone: String,
    /// Sign-in name of the first owner
    #[arg(long, default_value = "owner", value_name = "LOGIN")]
    owner: String,
    /// File with the owner's password in its first line, `-` for standard input; or set
    /// MANYI_OWNER_PASSWORD. Without either a random one is made
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Where to write the sign-in when a password is made; default: SLUG-credentials
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
}

/// Creates what the options say and prints it.
pub(super) async fn create(args: Args) -> Result<()> {
    let given = match &args.password_file {
        Some(path) => Some(read_password(path)?),
        None => std::env::var("MANYI_OWNER_PASSWORD").ok().filter(|p| !p.is_empty()),
    };
    let client = args.operator.client().await?;
    let sign_in = SignIn {
        organisation: args.slug.clone(),
        login: args.owner.clone(),
        password: given.clone().unwrap_or_else(random_password),
    };
    let file = given.is_none().then(|| {
        args.credentials.clone().unwrap_or_else(|| format!("{}-credentials", args.slug).into())
    });
    // Written first: a password that nobody knows would lock everyone out.
    if let Some(file) = &file {
        sign_in.write_new(file)?;
    }
    let created = create_organisation(&client, &args.name, &args.time_zone, &sign_in).await;
    if let (Err(_), Some(file)) = (&created, &file) {
        let _ = std::fs::remove_file(file);
    }
    let created = created?;
    let organisation = created.organisation.unwrap_or_default();
    say(format!("organisation  {} ({})", organisation.name, organisation.slug));
    say(format!("headquarters  {}", created.headquarters.unwrap_or_default().name));
    say(format!("owner         {} ({})", created.owner.unwrap_or_default().name, args.owner));
    if let Some(file) = file {
        say(format!("password      in {}", file.display()));
    }
    Ok(())
}

/// Creates an organisation whose first owner signs in with `sign_in`.
pub async fn create_organisation(
    client: &Client,
    display_name: &str,
    time_zone: &str,
    sign_in: &SignIn,
) -> Result<CreateOrganisationResponse> {
    let organisation = Organisation {
        slug: sign_in.organisation.clone(),
        display_name: display_name.to_owned(),
        time_zone: time_zone.to_owned(),
        ..Organisation::default()
    };
    let message = CreateOrganisationRequest {
        organisation: Some(organisation),
        owner_login: sign_in.login.clone(),
        owner_password: sign_in.password.clone(),
        request_id: uuid::Uuid::now_v7().simple().to_string(),
    };
    let what = format!("creating organisation {}", sign_in.organisation);
    let created = client.call(&what, message, |chan, request| async move {
        OrganisationServiceClient::new(chan).create_organisation(request).await
    });
    created.await
}
