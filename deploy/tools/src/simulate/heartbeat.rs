//! The heartbeats of a bridge's devices.

use std::time::{Duration, Instant};

use proto::device::v1::{HeartbeatRequest, SendClock, device_service_client::DeviceServiceClient};

use super::site::Branch;
use crate::error::Result;

const EVERY: Duration = Duration::from_secs(30);

/// Says for each device of a branch that it lives, every 30 seconds.
#[derive(Debug)]
pub struct Heartbeats {
    last: Option<Instant>,
    devices: Vec<Known>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    config_etag: String,
    done_prompts: Vec<String>,
}

impl Heartbeats {
    /// For so many devices.
    pub fn new(devices: usize) -> Self {
        Self { last: None, devices: vec![Known::default(); devices] }
    }

    /// Sends them if it is time; prompts that come back count as shown.
    pub async fn beat(&mut self, branch: &Branch, clock: SendClock, backlog: i64) -> Result<()> {
        if self.last.is_some_and(|last| last.elapsed() < EVERY) {
            return Ok(());
        }
        self.last = Some(Instant::now());
        for (window, known) in branch.windows.iter().zip(&mut self.devices) {
            let message = HeartbeatRequest {
                name: window.device.clone(),
                clock: Some(clock.clone()),
                config_etag: known.config_etag.clone(),
                firmware_version: concat!("simulator ", env!("CARGO_PKG_VERSION")).to_owned(),
                backlog,
                done_prompts: known.done_prompts.clone(),
                ..HeartbeatRequest::default()
            };
            let answer = branch
                .client
                .call("sending a heartbeat", message, |chan, request| async move {
                    DeviceServiceClient::new(chan).heartbeat(request).await
                })
                .await?;
            if let Some(config) = answer.config {
                known.config_etag = config.etag;
            }
            known.done_prompts = answer.prompts.into_iter().map(|p| p.name).take(50).collect();
        }
        Ok(())
    }
}
