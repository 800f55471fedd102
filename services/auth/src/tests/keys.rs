//! Signing keys.

use kit::{
    auth::{RemoteKeys, Verifier},
    clock::SharedClock,
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use super::*;

/// A service elsewhere that reads the keys through the contract, without anything remembered.
fn verifier(world: &World) -> Verifier {
    let keys = RemoteKeys::new(world.chan.clone());
    let clock: SharedClock = world.clock.clone();
    Verifier::new(Arc::new(keys), &SEED, clock)
}

async fn jwks(world: &World) -> Vec<Jwk> {
    world.tokens_api().get_jwks(GetJwksRequest {}).await.unwrap().into_inner().keys
}

#[tokio::test]
async fn a_new_key_is_published_then_signs_and_the_old_one_verifies_until_its_tokens_are_over() {
    for world in worlds().await {
        let old_kid = jwks(&world).await[0].kid.clone();
        let rotate = bearer(RotateSigningKeyRequest {}, &world.tokens.operator());
        let kid = got(world.tokens_api().rotate_signing_key(rotate).await).unwrap().kid;
        let published: Vec<_> = jwks(&world).await.into_iter().map(|key| key.kid).collect();
        assert_eq!(published, [old_kid.clone(), kid.clone()], "{}", world.name);
        // Everyone who read the keys from now on knows the new one before it signs.
        let elsewhere = verifier(&world);
        let before = world.sign_in("owner").await.access_token;
        elsewhere.verify(&before).await.unwrap();
        world.who(&before).await.unwrap();
        world.advance(16);
        let after = world.sign_in("owner").await.access_token;
        for token in [&before, &after] {
            elsewhere.verify(token).await.unwrap();
            verifier(&world).verify(token).await.unwrap();
        }
        let header = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        assert_eq!((header(&before), header(&after)), (old_kid, kid.clone()));

        world.advance(700);
        let fresh = world.sign_in("owner").await.access_token;
        let kids: Vec<_> = jwks(&world).await.into_iter().map(|key| key.kid).collect();
        assert_eq!(kids, [kid]);
        refused(&world, verifier(&world).verify(&before).await, Reason::TokenInvalid);
        verifier(&world).verify(&fresh).await.unwrap();
        // The sweep removes what is retired; signing goes on.
        let stop = CancellationToken::new();
        stop.cancel();
        world.service.clone().background(stop).await;
        let kept = crate::store::signing_keys::list(world.service.core.db.read()).await.unwrap();
        assert_eq!(kept.len(), 1, "{}", world.name);
        world.sign_in("owner").await;
    }
}

#[tokio::test]
async fn keys_are_for_the_operator_and_never_leave_unencrypted() {
    for world in worlds().await {
        let rotate = bearer(RotateSigningKeyRequest {}, &world.owner);
        let denied = got(world.tokens_api().rotate_signing_key(rotate).await);
        refused(&world, denied, Reason::PermissionDenied);
        let stored = crate::store::signing_keys::list(world.service.core.db.read()).await.unwrap();
        let public = &stored[0].public_key;
        // A PKCS#8 document would contain the public part.
        assert!(!stored[0].sealed.windows(32).any(|window| window == public.as_slice()));
        for key in jwks(&world).await {
            assert_eq!((key.kty.as_str(), key.crv.as_str()), ("OKP", "Ed25519"));
            assert_eq!((key.alg.as_str(), key.r#use.as_str()), ("EdDSA", "sig"));
        }
    }
}

#[tokio::test]
async fn replicas_that_start_together_share_one_key_and_one_organisation() {
    for (name, url) in database_urls().await {
        if url.contains("memory") {
            continue;
        }
        let clock = Arc::new(ScriptedClock::new(SystemClock.now_us()));
        let starts = (0..4).map(|_| build(config(&url, clock.clone())));
        let services = futures::future::join_all(starts).await;
        let services: Vec<_> = services
            .into_iter()
            .map(|service| service.unwrap_or_else(|error| panic!("{name}: {error}")))
            .collect();
        let core = &services[0].core;
        let keys = crate::store::signing_keys::list(core.db.read()).await.unwrap();
        let organisations = crate::store::organisations::ids(core.db.read()).await.unwrap();
        assert_eq!((keys.len(), organisations.len()), (1, 1), "{name}");
    }
}
