//! W3C trace context through every hop, whether or not spans are exported.

use std::future::Future;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// `traceparent`.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// `tracestate`.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

const TRACESTATE_BYTES_MAX: usize = 512;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// The trace that a call belongs to.
#[derive(Debug, Clone)]
pub struct TraceContext {
    /// `00-<32 hex>-<16 hex>-<2 hex>`; always well-formed.
    traceparent: String,
    tracestate: Option<HeaderValue>,
    /// Whether it begins here, so that it is for the exporter to decide on it.
    begins: bool,
}

impl TraceContext {
    /// The trace that the headers name, or a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let named = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
        let Some(traceparent) = named.filter(|text| is_well_formed(text)) else {
            return Self::new();
        };
        let state = headers.get(TRACESTATE).filter(|v| v.len() <= TRACESTATE_BYTES_MAX);
        Self { traceparent: traceparent.to_owned(), tracestate: state.cloned(), begins: false }
    }

    /// A new trace.
    fn new() -> Self {
        // Zero would be no id.
        let trace = rand::random::<u128>().max(1);
        let span = rand::random::<u64>().max(1);
        let traceparent = format!("00-{trace:032x}-{span:016x}-00");
        Self { traceparent, tracestate: None, begins: true }
    }

    /// The 32 hexadecimal digits of the trace.
    pub fn trace_id(&self) -> &str {
        self.traceparent.get(3..35).unwrap_or_default()
    }

    fn write(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&self.traceparent) {
            headers.insert(TRACEPARENT, value);
        }
        match &self.tracestate {
            Some(state) => headers.insert(TRACESTATE, state.clone()),
            None => headers.remove(TRACESTATE),
        };
    }
}

fn is_well_formed(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags] = parts.as_slice() else { return false };
    let hex = |part: &str, len: usize| {
        part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    *version == "00"
        && hex(trace, 32)
        && hex(span, 16)
        && hex(flags, 2)
        && !zero(trace)
        && !zero(span)
}

/// Makes `span` a child of the incoming trace and returns the context for outgoing calls.
pub fn adopt(span: &Span, incoming: TraceContext) -> TraceContext {
    if !super::exporting() {
        return incoming;
    }
    let propagator = TraceContextPropagator::new();
    if !incoming.begins {
        let mut headers = HeaderMap::new();
        incoming.write(&mut headers);
        if span.set_parent(propagator.extract(&Headers(&mut headers))).is_err() {
            return incoming;
        }
    }
    let mut own = HeaderMap::new();
    propagator.inject_context(&span.context(), &mut Headers(&mut own));
    if !own.contains_key(TRACEPARENT) {
        return incoming;
    }
    let trace = TraceContext::of(&own);
    span.record("trace_id", trace.trace_id());
    trace
}

/// Runs `work` as part of a trace.
pub async fn scope<F: Future>(trace: TraceContext, work: F) -> F::Output {
    CURRENT.scope(trace, work).await
}

/// Writes the present trace into the headers of an outgoing call that names none.
pub fn hand_on(headers: &mut HeaderMap) {
    if headers.contains_key(TRACEPARENT) && !super::exporting() {
        return;
    }
    let _ = CURRENT.try_with(|trace| trace.write(headers));
}

struct Headers<'a>(&'a mut HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value))
            && !value.is_empty()
        {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[tokio::test]
    async fn a_trace_goes_from_the_incoming_call_to_the_outgoing_one() {
        let incoming = HeaderMap::from_iter([(TRACEPARENT, HeaderValue::from_static(GOOD))]);
        let trace = TraceContext::of(&incoming);
        assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let mut out = HeaderMap::new();
        scope(trace, async { hand_on(&mut out) }).await;
        assert_eq!(out[TRACEPARENT], GOOD);
    }

    #[test]
    fn a_malformed_trace_is_replaced_by_a_new_one() {
        for bad in ["", "00-1-2-3", "zz", &GOOD.to_uppercase(), &GOOD.replace("4bf", "000-")] {
            let headers =
                HeaderMap::from_iter([(TRACEPARENT, HeaderValue::from_str(bad).unwrap())]);
            let trace = TraceContext::of(&headers);
            assert!(is_well_formed(&trace.traceparent), "{bad}");
            assert_ne!(trace.traceparent, *bad);
        }
    }
}
