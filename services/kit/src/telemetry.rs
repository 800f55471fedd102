//! Logs, traces and metrics of a process: installed once, by its `main`.

pub mod context;

use std::{
    io::IsTerminal as _,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing_subscriber::{
    EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Libraries that say more than an operator wants to read, such as the whole text of each slow
/// statement. A filter that names them overrides this.
const QUIET: &str = "sqlx=error,sea_orm_migration=warn";

/// What to log and where to send traces.
#[derive(Debug, Clone, clap::Args)]
pub struct TelemetryConfig {
    /// Form of log lines.
    #[arg(long, global = true, env = "MANYI_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// Filter of log lines, such as `info,kit=debug`.
    #[arg(long, global = true, env = "MANYI_LOG", default_value = "info")]
    pub log_filter: String,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { log_format: LogFormat::Text, log_filter: "info".to_owned() }
    }
}

/// Keeps the export of traces alive; flushes it when dropped.
#[must_use = "traces are flushed when this is dropped"]
#[derive(Debug, Default)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = self.traces.take()
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

static EXPORTING: AtomicBool = AtomicBool::new(false);

/// Whether spans are exported, so that trace context must come from them.
fn exporting() -> bool {
    EXPORTING.load(Ordering::Relaxed)
}

/// Installs logs, metrics and, when `OTEL_EXPORTER_OTLP_ENDPOINT` is set, the export of
/// traces. Call it once, inside of the runtime. A second call changes nothing.
pub fn init(service: &'static str, config: &TelemetryConfig) -> Telemetry {
    metrics_handle();
    let traces = exporter(service);
    let filter =
        EnvFilter::try_new(format!("{QUIET},{}", config.log_filter)).unwrap_or_else(|error| {
            eprintln!("log filter `{}` is not valid ({error}); using `info`", config.log_filter);
            EnvFilter::new(format!("{QUIET},info"))
        });
    let lines = match config.log_format {
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed(),
        LogFormat::Json => {
            tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).boxed()
        }
    };
    let spans = traces
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("manyi")));
    let installed =
        tracing_subscriber::registry().with(filter).with(lines).with(spans).try_init().is_ok();
    EXPORTING.store(installed && traces.is_some(), Ordering::Relaxed);
    Telemetry { traces }
}

fn exporter(service: &'static str) -> Option<SdkTracerProvider> {
    let endpoint = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok()?;
    if endpoint.is_empty() {
        return None;
    }
    match opentelemetry_otlp::SpanExporter::builder().with_tonic().build() {
        Ok(exporter) => Some(
            SdkTracerProvider::builder()
                .with_batch_exporter(exporter)
                .with_resource(Resource::builder().with_service_name(service).build())
                .build(),
        ),
        Err(error) => {
            eprintln!("traces are not exported: {error}");
            None
        }
    }
}

/// Upper ends of the duration buckets in seconds.
const DURATIONS_S: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The metrics of this process in the Prometheus text form; `None` when another recorder was
/// installed first.
pub fn metrics_text() -> Option<String> {
    metrics_handle().map(PrometheusHandle::render)
}

fn metrics_handle() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE.get_or_init(install_recorder).as_ref()
}

fn install_recorder() -> Option<PrometheusHandle> {
    const EVERY: Duration = Duration::from_secs(5);
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), DURATIONS_S)
        .ok()?
        .install_recorder()
        .ok()?;
    // Without upkeep the samples of histograms pile up until somebody reads them.
    let upkeep = handle.clone();
    let thread = std::thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(EVERY);
            upkeep.run_upkeep();
        }
    });
    if let Err(error) = thread {
        tracing::warn!(%error, "no thread for the upkeep of metrics");
    }
    Some(handle)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_was_counted_can_be_read() {
        super::metrics_handle();
        metrics::counter!("telemetry_test_total").increment(3);
        assert!(super::metrics_text().unwrap().contains("telemetry_test_total 3"));
    }
}
