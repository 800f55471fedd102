//! Definitions: what is wrong with them, and who may see them.

use super::*;

#[tokio::test]
async fn broken_definitions_are_told_where() {
    let world = World::in_memory().await;
    let mut client = Client::new(&world, &MANAGER).await;
    type Spoil = fn(&mut IndexDefinition);
    let spoils: [(Spoil, &str); 14] = [
        (|d| d.nodes[1].parent = "survey".to_owned(), "definition.nodes[1].parent"),
        (|d| d.nodes[1].parent = "nobody".to_owned(), "definition.nodes[1].parent"),
        (|d| d.nodes[1].parent.clear(), "definition.nodes"),
        (|d| d.nodes[2].id = "csd".to_owned(), "definition.nodes[4].id"),
        (|d| d.nodes[2].leaf = None, "definition.nodes[2].leaf"),
        (|d| d.nodes[1].leaf = d.nodes[2].leaf.clone(), "definition.nodes[1].leaf"),
        (
            |d| d.nodes[2].leaf.as_mut().unwrap().rating = Some(RatingLeaf::default()),
            "definition.nodes[2].leaf",
        ),
        (
            |d| d.weightings[0].weights.iter_mut().for_each(|w| w.weight = 0.0),
            "definition.weightings[0].weights",
        ),
        (
            |d| d.weightings[0].weights[0].weight = -1.0,
            "definition.weightings[0].weights[0].weight",
        ),
        (|d| d.weightings[1].method = 0, "definition.weightings[1].method"),
        (
            |d| d.weightings[4].judgements[0].ratios[1] = 10.0,
            "definition.weightings[4].judgements[0].ratios[1]",
        ),
        (|d| d.weightings[4].judgements.truncate(1), "definition.weightings[4].judgements"),
        (|d| d.alpha_minimum = 2.0, "definition.alphaMinimum"),
        (|d| d.minimum_n = -1, "definition.minimumN"),
    ];
    for (spoil, field) in spoils {
        let mut spoiled = definition();
        spoil(&mut spoiled);
        let request = CreateIndexRequest {
            unit: names::print("units", world.org.root),
            definition: Some(spoiled),
            ..Default::default()
        };
        let refused = client.indices.create_index(bearer(request, &client.token)).await;
        let error = ServiceError::from(refused.unwrap_err());
        let fields: Vec<&str> = error.violations().iter().map(|v| v.field.as_str()).collect();
        assert!(fields.contains(&field), "{field}: {fields:?}");
    }
    let list = ListIndicesRequest::default();
    let list = client.indices.list_indices(bearer(list, &client.token)).await.unwrap();
    assert!(list.into_inner().indices.is_empty(), "nothing is half written");
}

#[tokio::test]
async fn indices_of_other_branches_and_organisations_do_not_exist() {
    let world = World::in_memory().await;
    let mut client = Client::new(&world, &MANAGER).await;
    let index = client.create(world.org.branches[0], definition()).await;
    let neighbour = world.org.user(world.org.branches[1], &MANAGER).await;
    let stranger = world.other.user(world.other.root, &MANAGER).await;
    let nobody = names::print("indices", Uuid::now_v7());
    let mut texts = Vec::new();
    for (name, token) in
        [(&index.name, &neighbour), (&index.name, &stranger), (&nobody, &neighbour)]
    {
        let request = GetIndexRequest { name: name.clone(), version: 0 };
        let refused = client.indices.get_index(bearer(request, token)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        texts.push(refused.message().to_owned());
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "all look the same");
    let mut outside = question(&world);
    outside.units = vec![names::print("units", world.org.branches[1])];
    let request =
        RunIndexRequest { name: index.name.clone(), question: Some(outside), ..Default::default() };
    let refused = client.indices.run_index(bearer(request, &client.token)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "units outside of the index's unit");
    let mut many = question(&world);
    many.units.truncate(1);
    many.from = "1990-01-01".to_owned();
    let request = RunIndexRequest { name: index.name, question: Some(many), ..Default::default() };
    let refused = client.indices.run_index(bearer(request, &client.token)).await.unwrap_err();
    assert_eq!(ServiceError::from(refused).reason(), Reason::TooManyBuckets);
}
