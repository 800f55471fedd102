//! Statistical methods by name, through the service's own door.

use analytics_domain::measures;
use kit::rpc::bearer;
use prost_types::{Struct, Value, value::Kind};
use proto::{
    analytics::v1::{
        ComputeMeasureRequest, GetMeasureRequest, ListMeasuresRequest,
        measure_service_client::MeasureServiceClient,
    },
    common::v1::Permission,
};
use tonic::Code;

use super::world::World;
use crate::rpc::measures::struct_of;

/// The same but for the last digits: drivers travel in another order.
fn same(a: &Struct, b: &Struct) -> bool {
    fn near(a: &Value, b: &Value) -> bool {
        match (&a.kind, &b.kind) {
            (Some(Kind::NumberValue(a)), Some(Kind::NumberValue(b))) => {
                (a - b).abs() <= 1e-9 * b.abs().max(1.0)
            }
            (Some(Kind::StructValue(a)), Some(Kind::StructValue(b))) => same(a, b),
            (Some(Kind::ListValue(a)), Some(Kind::ListValue(b))) => {
                a.values.len() == b.values.len()
                    && a.values.iter().zip(&b.values).all(|(a, b)| near(a, b))
            }
            (a, b) => a == b,
        }
    }
    a.fields.len() == b.fields.len()
        && a.fields.iter().all(|(key, a)| b.fields.get(key).is_some_and(|b| near(a, b)))
}

#[tokio::test]
async fn every_method_computes_its_own_example_for_whoever_asks_by_name() {
    let world = World::in_memory().await;
    let token = world.org.user(world.org.root, &[Permission::AnalyticsRead]).await;
    let mut client = MeasureServiceClient::new(world.channel());
    let all = client.list_measures(bearer(ListMeasuresRequest::default(), &token)).await;
    let all = all.unwrap().into_inner().measures;
    assert_eq!(all.len(), measures::all().count());
    for listed in all {
        let method = listed.method;
        let request = GetMeasureRequest { method: method.clone() };
        let described = client.get_measure(bearer(request, &token)).await.unwrap().into_inner();
        assert!(!described.input.is_empty() && !described.formula.is_empty(), "{method}");
        let request = ComputeMeasureRequest { method: method.clone(), input: described.example };
        let answer = client.compute_measure(bearer(request.clone(), &token)).await;
        let answer = answer.unwrap_or_else(|refused| panic!("{method}: {refused}")).into_inner();
        let known = measures::find(&method).unwrap();
        let computed = known.compute(&known.example()).unwrap();
        assert_eq!(answer.method, method);
        let (found, wanted) = (answer.result.unwrap(), struct_of(computed));
        assert!(same(&found, &wanted), "{method}: {found:?}, not {wanted:?}");

        let reader = world.org.user(world.org.root, &[Permission::RatingRead]).await;
        let refused = client.compute_measure(bearer(request, &reader)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
}
