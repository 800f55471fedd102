//! Publications: the gate, the signature, and what comes later.

use super::*;

#[tokio::test]
async fn below_the_gate_only_an_override_with_a_reason_publishes() {
    for world in World::everywhere().await {
        rated(&world).await;
        let responses = told(&world, 40).await;
        let mut client = Client::new(&world, &MANAGER).await;
        let mut strict = definition();
        strict.alpha_minimum = 1.0;
        let index = client.create(world.org.root, strict).await;
        let run = client.run(&index, question(&world)).await;
        let request = CreatePublicationRequest {
            run: run.name.clone(),
            title: "November".to_owned(),
            ..Default::default()
        };
        let prepared = client.publications.create_publication(bearer(request, &client.token)).await;
        let prepared = prepared.unwrap().into_inner();
        assert_eq!(prepared.below_gate.len(), 1);
        let sign = |hash: &str, reason: &str| SignPublicationRequest {
            name: prepared.name.clone(),
            result_hash: hash.to_owned(),
            override_reason: reason.to_owned(),
        };
        let hash = run.result_hash.as_str();
        let own = bearer(sign(hash, "I say so"), &client.token);
        let refused = client.publications.sign_publication(own).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "managing is not signing");
        let permissions = [Permission::IndexPublish, Permission::AnalyticsRead];
        let signer = world.org.user(world.org.root, &permissions).await;
        for (request, code) in [
            (sign(hash, ""), Code::FailedPrecondition),
            (sign("0", "we know"), Code::InvalidArgument),
        ] {
            let refused = client.publications.sign_publication(bearer(request, &signer)).await;
            assert_eq!(refused.unwrap_err().code(), code, "{}", world.name);
        }
        let request = bearer(sign(hash, "the ministry has decided"), &signer);
        let signed = client.publications.sign_publication(request).await.unwrap().into_inner();
        assert_eq!(signed.state(), PublicationState::Published);
        assert_eq!(signed.override_reason, "the ministry has decided");
        late_answer(&world, &mut client, &signer, &signed.name, &responses).await;
        let audited = audited(&world).await;
        let of_signature = audited.iter().filter(|text| text.contains("the ministry has decided"));
        assert_eq!(of_signature.count(), 1, "the reason stands in the audit record");
    }
}

async fn audited(world: &World) -> Vec<String> {
    use prost::Message as _;
    use sea_orm::{ConnectionTrait, Statement};
    let conn = world.db.read();
    let sql = Statement::from_string(conn.get_database_backend(), "SELECT body FROM audit_queue");
    let rows = conn.query_all_raw(sql).await.unwrap();
    rows.iter()
        .map(|row| {
            let body: Vec<u8> = row.try_get_by_index(0).unwrap();
            let request = proto::auth::v1::AppendAuditRecordRequest::decode(&body[..]).unwrap();
            request.record.unwrap().detail
        })
        .collect()
}

/// What comes later changes what is known, not what was published.
async fn late_answer(
    world: &World,
    client: &mut Client,
    signer: &str,
    name: &str,
    responses: &[Response],
) {
    let get = |known_now| GetPublicationRequest { name: name.to_owned(), known_now };
    let before = client.publications.get_publication(bearer(get(true), signer)).await;
    let before = before.unwrap().into_inner();
    assert!(before.changes.is_empty());
    let now = before.known_now.unwrap();
    assert_eq!(now.result_hash, before.published.as_ref().unwrap().result_hash);

    let gone = change(world, Some(&responses[0]), None);
    world.service.answers.applier.cursor().await.unwrap();
    world.service.answers.applier.apply(vec![group(2, &[gone])]).await.unwrap();
    let after = client.publications.get_publication(bearer(get(true), signer)).await;
    let after = after.unwrap().into_inner();
    assert_eq!(after.published, before.published, "{}", world.name);
    assert_eq!(after.changes.len(), 1);
    assert_ne!(after.known_now.unwrap().result_hash, now.result_hash);

    let request = CorrectPublicationRequest {
        name: name.to_owned(),
        notice: "a response was withdrawn".to_owned(),
        ..Default::default()
    };
    client.publications.correct_publication(bearer(request, signer)).await.unwrap();
    let shown = client.publications.get_publication(bearer(get(false), signer)).await;
    let shown = shown.unwrap().into_inner();
    assert_eq!(shown.state(), PublicationState::Corrected);
    assert_eq!((shown.corrections.len(), shown.corrections[0].changes.len()), (1, 1));
    let list = ListPublicationsRequest::default();
    let list = client.publications.list_publications(bearer(list, signer)).await.unwrap();
    let list = list.into_inner().publications;
    assert!(list.len() == 1 && list[0].published.as_ref().unwrap().rows.is_empty());
}
