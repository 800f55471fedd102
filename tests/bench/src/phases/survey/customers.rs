//! Many customers: how fast they come in, in how much memory, and what drawing a sample of all of
//! them does to those who answer meanwhile.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use proto::survey::v1::{
    Campaign, CreateCampaignRequest, CreateCustomerImportRequest, CustomerImport,
    DrawSampleRequest, GetCustomerImportRequest, GetSampleRequest, ImportKind, ImportState,
    ResponseChannel, RunCustomerImportRequest, Sample, SamplingDesign, SamplingMethod,
    UploadImportPartRequest, campaign_service_client::CampaignServiceClient,
    customer_import_service_client::CustomerImportServiceClient,
};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Ground, answer};
use crate::{
    error::{Error, Result},
    phases::Context,
    progress::say,
    report::Row,
    stats::{Latencies, Spread, rate},
    suite::Suite,
};

/// Bytes of an uploaded part.
const PART: usize = 512 * 1024;
/// Between two looks at what goes on in the background.
const PAUSE: Duration = Duration::from_millis(200);
/// Between two forms that are answered while a sample is drawn.
const BETWEEN_FORMS: Duration = Duration::from_millis(50);

/// Measures.
pub async fn run(
    context: &Context<'_>,
    ground: &Ground,
    suite: &Suite,
    n: u64,
) -> Result<Vec<Row>> {
    Ok(vec![import(context, ground, suite, n).await?, draw(context, ground, n).await?])
}

async fn import(context: &Context<'_>, ground: &Ground, suite: &Suite, n: u64) -> Result<Row> {
    let mut csv = "external_id,display_name,phone,email,class,consent_survey\n".to_owned();
    for i in 0..n {
        let _ = writeln!(csv, "C{i},Customer {i},+86138{i:08},c{i}@example.com,external,true");
    }
    let service = suite.survey.as_ref().ok_or_else(|| Error::Unsound("no survey".to_owned()))?;
    let (_, before) = service.program.resident_bytes()?;
    let began = Instant::now();
    let made = declare(ground, &csv).await?;
    upload(ground, &made, csv.as_bytes()).await?;
    let done = ended(ground, &made.name).await?;
    let took = began.elapsed();
    let (now, most) = service.program.resident_bytes()?;
    if u64::try_from(done.created_count).unwrap_or_default() != n {
        return Err(Error::Unsound(format!("{done:?}")));
    }
    say(format_args!("{n} customers imported in {:.1} s", took.as_secs_f64()));
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    Ok(Row::new("Q6", context.database(), format!("import of {n} customers, encrypted"))
        .load("parts of 512 KiB, one file")
        .value(Spread::one(rate(n, took)), "customers/s")
        .note(format!(
            "resident memory of the survey process: {:.0} MB after it, {:.0} MB at most \
             ({:.0} MB at most before it)",
            megabytes(now),
            megabytes(most),
            megabytes(before)
        )))
}

/// A census of all customers, while somebody answers one form after the other.
async fn draw(context: &Context<'_>, ground: &Ground, n: u64) -> Result<Row> {
    let campaign = campaign(ground).await?;
    let stop = CancellationToken::new();
    let drawing = async {
        let _stop = stop.clone().drop_guard();
        drawn(ground, &campaign).await
    };
    let ((sample, took), latencies) = tokio::try_join!(drawing, answering(ground, &stop))?;
    if u64::try_from(sample.prepared_count).unwrap_or_default() < n {
        return Err(Error::Unsound(format!("{} of {n} were drawn", sample.prepared_count)));
    }
    Ok(Row::new("Q7", context.database(), format!("sample of all {n} customers"))
        .load("a census; one form at a time is answered meanwhile")
        .value(Spread::one(took.as_secs_f64()), "s")
        .latency(&latencies)
        .note(format!(
            "latencies are those of {} forms, a start and a submission each, while it is drawn",
            latencies.count()
        )))
}

/// Draws, and waits for the end also of what goes on after the answer.
async fn drawn(ground: &Ground, campaign: &str) -> Result<(Sample, Duration)> {
    let began = Instant::now();
    let request = DrawSampleRequest { name: campaign.to_owned(), validate_only: false };
    let mut sample = ground
        .owner
        .call("drawing a sample", request, |chan, request| async move {
            CampaignServiceClient::new(chan).draw_sample(request).await
        })
        .await?;
    while sample.drawing {
        tokio::time::sleep(PAUSE).await;
        sample = look(ground, campaign).await?;
    }
    Ok((sample, began.elapsed()))
}

/// Answers form after form until it is told to stop, at least one.
async fn answering(ground: &Ground, stop: &CancellationToken) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    loop {
        let one = Instant::now();
        answer(ground).await?;
        latencies.record(one.elapsed());
        if stop.run_until_cancelled(tokio::time::sleep(BETWEEN_FORMS)).await.is_none() {
            return Ok(latencies);
        }
    }
}

async fn look(ground: &Ground, campaign: &str) -> Result<Sample> {
    let request = GetSampleRequest { name: campaign.to_owned() };
    let sample = ground.owner.call("looking at a sample", request, |chan, request| async move {
        CampaignServiceClient::new(chan).get_sample(request).await
    });
    Ok(sample.await?)
}

async fn campaign(ground: &Ground) -> Result<String> {
    let sampling =
        SamplingDesign { method: SamplingMethod::Census.into(), ..SamplingDesign::default() };
    let campaign = Campaign {
        unit: ground.unit.clone(),
        display_name: "Everybody".to_owned(),
        questionnaire: ground.questionnaire.clone(),
        channels: vec![ResponseChannel::Email.into()],
        sampling: Some(sampling),
        ..Campaign::default()
    };
    let request =
        CreateCampaignRequest { campaign: Some(campaign), request_id: Uuid::now_v7().to_string() };
    let made = ground.owner.call("making a campaign", request, |chan, request| async move {
        CampaignServiceClient::new(chan).create_campaign(request).await
    });
    Ok(made.await?.name)
}

async fn declare(ground: &Ground, csv: &str) -> Result<CustomerImport> {
    let sum = Sha256::digest(csv.as_bytes());
    let customer_import = CustomerImport {
        unit: ground.unit.clone(),
        kind: ImportKind::Customers.into(),
        length_bytes: i64::try_from(csv.len()).unwrap_or_default(),
        content_sha256: sum.iter().map(|byte| format!("{byte:02x}")).collect(),
        ..CustomerImport::default()
    };
    let request = CreateCustomerImportRequest { customer_import: Some(customer_import) };
    let made = ground.owner.call("declaring a file", request, |chan, request| async move {
        CustomerImportServiceClient::new(chan).create_customer_import(request).await
    });
    Ok(made.await?)
}

async fn upload(ground: &Ground, import: &CustomerImport, bytes: &[u8]) -> Result<()> {
    use base64::Engine as _;
    for (number, part) in bytes.chunks(PART).enumerate() {
        let request = UploadImportPartRequest {
            name: import.name.clone(),
            offset_bytes: i64::try_from(number * PART).unwrap_or_default(),
            content_base64: base64::engine::general_purpose::STANDARD.encode(part),
        };
        ground
            .owner
            .call("uploading a part", request, |chan, request| async move {
                CustomerImportServiceClient::new(chan).upload_import_part(request).await
            })
            .await?;
    }
    Ok(())
}

/// Starts an import and waits for its end.
async fn ended(ground: &Ground, name: &str) -> Result<CustomerImport> {
    let request = RunCustomerImportRequest { name: name.to_owned() };
    let mut import = ground
        .owner
        .call("running an import", request, |chan, request| async move {
            CustomerImportServiceClient::new(chan).run_customer_import(request).await
        })
        .await?;
    let done = [ImportState::Done as i32, ImportState::Failed as i32];
    while !done.contains(&import.state) {
        tokio::time::sleep(PAUSE).await;
        let request = GetCustomerImportRequest { name: name.to_owned() };
        import = ground
            .owner
            .call("asking for an import", request, |chan, request| async move {
                CustomerImportServiceClient::new(chan).get_customer_import(request).await
            })
            .await?;
    }
    Ok(import)
}
