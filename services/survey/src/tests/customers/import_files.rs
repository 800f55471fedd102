//! Files for tests, and ways to send them.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use proto::{names, survey::v1};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;
use tonic::{Response, Status};

use crate::tests::world::World;

/// What is said of a file of customers.
pub fn declared(world: &World, bytes: &[u8]) -> v1::CustomerImport {
    v1::CustomerImport {
        unit: names::print("units", world.org.branches[0]),
        kind: v1::ImportKind::Customers as i32,
        length_bytes: bytes.len() as i64,
        content_sha256: crate::store::rows::hex(&Sha256::digest(bytes)),
        ..Default::default()
    }
}

/// Declares a file.
pub async fn declare(world: &World, given: v1::CustomerImport) -> v1::CustomerImport {
    let request = v1::CreateCustomerImportRequest { customer_import: Some(given) };
    world.imports().create_customer_import(world.as_admin(request)).await.unwrap().into_inner()
}

/// Sends one part.
pub async fn send(
    world: &World,
    name: &str,
    offset: usize,
    bytes: &[u8],
) -> Result<Response<v1::CustomerImport>, Status> {
    let request = v1::UploadImportPartRequest {
        name: name.to_owned(),
        offset_bytes: offset as i64,
        content_base64: BASE64_STANDARD.encode(bytes),
    };
    world.imports().upload_import_part(world.as_admin(request)).await
}

/// Starts an import.
pub async fn run(world: &World, name: &str) -> Result<Response<v1::CustomerImport>, Status> {
    let request = v1::RunCustomerImportRequest { name: name.to_owned() };
    world.imports().run_customer_import(world.as_admin(request)).await
}

/// An import as it is now.
pub async fn look(world: &World, name: &str) -> v1::CustomerImport {
    let request = v1::GetCustomerImportRequest { name: name.to_owned() };
    world.imports().get_customer_import(world.as_admin(request)).await.unwrap().into_inner()
}

/// Waits until an import has ended.
pub async fn ended(world: &World, name: &str) -> v1::CustomerImport {
    for _ in 0..3_000 {
        let now = look(world, name).await;
        if now.end_time.is_some() {
            return now;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{}: the import does not end", world.name);
}

/// Sends a file in parts and waits for its end.
pub async fn import(world: &World, given: v1::CustomerImport, bytes: &[u8]) -> v1::CustomerImport {
    let stop = CancellationToken::new();
    let worker = world.work(&stop);
    let name = declare(world, given).await.name;
    for (index, part) in bytes.chunks(100).enumerate() {
        send(world, &name, index * 100, part).await.unwrap();
    }
    run(world, &name).await.unwrap();
    let done = ended(world, &name).await;
    stop.cancel();
    worker.await.unwrap();
    done
}
