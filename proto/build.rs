//! Compiles the contract without protoc, refuses RPCs without an access rule or a route and
//! request fields without a limit, and writes the code that checks those limits.

#[path = "build/gates.rs"]
mod gates;
#[path = "build/validators.rs"]
mod validators;

use std::{env, fs, path::PathBuf};

use prost::Message as _;
use prost_reflect::DescriptorPool;

const FILES: &[&str] = &[
    "manyi/common/v1/policy.proto",
    "manyi/common/v1/error.proto",
    "manyi/common/v1/feed.proto",
    "manyi/auth/v1/resources.proto",
    "manyi/auth/v1/auth.proto",
    "manyi/device/v1/resources.proto",
    "manyi/device/v1/device.proto",
    "manyi/device/v1/prompting.proto",
    "manyi/survey/v1/events.proto",
    "manyi/survey/v1/outcomes.proto",
    "manyi/survey/v1/customer_resources.proto",
    "manyi/survey/v1/customers.proto",
    "manyi/survey/v1/fieldwork.proto",
    "manyi/survey/v1/questionnaire_resources.proto",
    "manyi/survey/v1/questionnaires.proto",
    "manyi/survey/v1/responses.proto",
    "manyi/analytics/v1/analytics.proto",
    "manyi/analytics/v1/indices.proto",
    "manyi/analytics/v1/comparisons.proto",
    "manyi/analytics/v1/integrity.proto",
    "manyi/analytics/v1/events.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=manyi");
    println!("cargo:rerun-if-changed=google");
    println!("cargo:rerun-if-changed=build");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES)?;
    // The raw bytes keep custom options; a round trip through prost-types would drop them.
    let raw = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &raw)?;

    let pool = DescriptorPool::decode(raw.as_slice())?;
    let problems = gates::check(&pool);
    if !problems.is_empty() {
        return Err(
            format!("the contract breaks its own rules:\n  {}", problems.join("\n  ")).into()
        );
    }
    fs::write(out.join("validators.rs"), validators::generate(&pool))?;

    let set = prost_types::FileDescriptorSet::decode(raw.as_slice())?;
    // No `connect`: clients get their channel from kit, in-process or remote.
    tonic_prost_build::configure()
        .build_transport(false)
        // Ordered maps: the same message is always the same bytes, which kit hashes.
        .btree_map(".")
        .bytes(".manyi.common.v1.EventGroup.events")
        .extern_path(".google.api.HttpBody", "crate::google::HttpBody")
        .compile_fds(set)?;
    Ok(())
}
