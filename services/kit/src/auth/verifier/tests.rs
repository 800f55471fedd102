//! Good tokens are read, all others are refused, and auth is asked for keys as seldom as
//! promised.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{clock::SystemClock, testing::TestKeys};

struct NoKeys;

#[async_trait]
impl KeySource for NoKeys {
    async fn keys(&self) -> Result<Vec<Jwk>> {
        Ok(Vec::new())
    }
}

fn verifier() -> Verifier {
    Verifier::new(Arc::new(NoKeys), &[1; 32], Arc::new(SystemClock))
}

#[tokio::test]
async fn internal_tokens_are_good_in_their_own_installation_only() {
    let verifier = verifier();
    let good = InternalTokens::new(&[1; 32]).internal();
    assert_eq!(verifier.verify(&good).await.unwrap().kind, Kind::Internal);
    let operator = InternalTokens::new(&[1; 32]).operator();
    assert_eq!(verifier.verify(&operator).await.unwrap().kind, Kind::Operator);
    let foreign = InternalTokens::new(&[2; 32]).internal();
    let error = verifier.verify(&foreign).await.unwrap_err();
    assert_eq!(error.reason(), Reason::TokenInvalid);
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let verifier = verifier();
    let good = InternalTokens::new(&[1; 32]).internal();
    let parts: Vec<&str> = good.split('.').collect();
    let header = |json: &str| BASE64_URL_SAFE_NO_PAD.encode(json);
    let none = header(r#"{"alg":"none","kid":"internal"}"#);
    let hmac = header(r#"{"alg":"HS256","kid":"internal"}"#);
    let twice = header(r#"{"alg":"EdDSA","alg":"EdDSA","kid":"internal"}"#);
    let jwk = header(r#"{"alg":"EdDSA","kid":"internal","jwk":{}}"#);
    let crit = header(r#"{"alg":"EdDSA","kid":"internal","crit":["x"]}"#);
    let path = header(r#"{"alg":"EdDSA","kid":"../../dev/null"}"#);
    let mut forged: Vec<String> = [none, hmac, twice, jwk, crit, path]
        .iter()
        .map(|head| format!("{head}.{}.{}", parts[1], parts[2]))
        .collect();
    let other = header(r#"{"iss":"manyi","aud":"manyi","sub":"operator"}"#);
    forged.push(format!("{}.{other}.{}", parts[0], parts[2]));
    forged.push(format!("{}.{}.", parts[0], parts[1]));
    forged.push(format!("{good}.x"));
    forged.push(format!("{good}="));
    forged.push(String::new());
    forged.push("x".repeat(10_000));
    for token in forged {
        let error = verifier.verify(&token).await.unwrap_err();
        assert_eq!(error.reason(), Reason::TokenInvalid, "{token}");
    }
}

#[tokio::test]
async fn an_expired_token_is_refused_even_if_remembered() {
    let clock =
        Arc::new(crate::clock::ScriptedClock::new(crate::clock::Clock::now_us(&SystemClock)));
    let verifier = Verifier::new(Arc::new(NoKeys), &[1; 32], clock.clone());
    let token = InternalTokens::new(&[1; 32]).internal();
    verifier.verify(&token).await.unwrap();
    clock.advance(Duration::from_secs(120));
    let error = verifier.verify(&token).await.unwrap_err();
    assert_eq!(error.reason(), Reason::TokenExpired);
}

const ANSWERS: usize = 0;
const REFUSES: usize = 1;
const STANDS_STILL: usize = 2;

/// Where keys come from, as long as it is well.
struct Auth {
    keys: TestKeys,
    state: AtomicUsize,
    asked: AtomicUsize,
}

#[async_trait]
impl KeySource for Auth {
    async fn keys(&self) -> Result<Vec<Jwk>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.state.load(Ordering::SeqCst) {
            ANSWERS => self.keys.keys().await,
            REFUSES => Err(ServiceError::unavailable("away")),
            _ => std::future::pending().await,
        }
    }
}
impl Auth {
    fn new() -> Arc<Self> {
        let (state, asked) = (AtomicUsize::new(ANSWERS), AtomicUsize::new(0));
        Arc::new(Self { keys: TestKeys::default(), state, asked })
    }

    fn verifier(self: &Arc<Self>) -> Verifier {
        Verifier::new(self.clone(), &[1; 32], Arc::new(SystemClock))
    }

    /// A good token that nobody has seen yet.
    fn token(&self) -> String {
        let now_s = jiff::Timestamp::now().as_second();
        self.keys.sign(&Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: format!("c_{}", Uuid::now_v7().simple()),
            org: format!("o_{}", Uuid::now_v7().simple()),
            kind: Kind::Partner as i32,
            sid: None,
            dev: None,
            scp: None,
            iat: now_s,
            nbf: now_s,
            exp: now_s + 600,
            jti: "x".to_owned(),
        })
    }

    /// The same by a key that does not exist.
    fn of_unknown_key(&self) -> String {
        let token = self.token();
        let (_, rest) = token.split_once('.').unwrap();
        let kid = Uuid::now_v7();
        let head = format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"JWT"}}"#);
        format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(head))
    }

    fn turn(&self, state: usize) {
        self.state.store(state, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Verifier {
    /// As if the last look had been so long ago.
    async fn age(&self, by: Duration) {
        let at = Instant::now().checked_sub(by).unwrap();
        *self.inner.look.lock().await = Some(Look { at, failed: false });
    }
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_once_in_ten_seconds() {
    let auth = Auth::new();
    let verifier = auth.verifier();
    verifier.verify(&auth.token()).await.unwrap();
    for asked in [1, 2] {
        let tokens: Vec<String> = (0..50).map(|_| auth.of_unknown_key()).collect();
        let calls = tokens.iter().map(|token| verifier.verify(token));
        for answer in futures::future::join_all(calls).await {
            assert_eq!(answer.unwrap_err().reason(), Reason::TokenInvalid);
        }
        assert_eq!(auth.asked(), asked);
        verifier.age(Duration::from_secs(11)).await;
    }
    // What is known does not make anybody ask.
    verifier.verify(&auth.token()).await.unwrap();
    assert_eq!(auth.asked(), 2);
}

#[tokio::test]
async fn while_auth_stands_still_those_with_known_keys_go_on() {
    let auth = Auth::new();
    let verifier = auth.verifier();
    verifier.verify(&auth.token()).await.unwrap();
    verifier.age(Duration::from_secs(61)).await;
    auth.turn(STANDS_STILL);
    let asking = tokio::spawn({
        let (verifier, token) = (verifier.clone(), auth.token());
        async move { verifier.verify(&token).await }
    });
    while auth.asked() < 2 {
        tokio::task::yield_now().await;
    }
    verifier.verify(&auth.token()).await.unwrap();
    assert!(!asking.is_finished(), "it waits for the one who asks");
    asking.await.unwrap().unwrap();
    for _ in 0..10 {
        verifier.verify(&auth.token()).await.unwrap();
    }
    assert_eq!(auth.asked(), 2);
    // A key that may be new cannot be told from one that never was.
    let strange = verifier.verify(&auth.of_unknown_key()).await.unwrap_err();
    assert_eq!(strange.reason(), Reason::Unavailable);
}

#[tokio::test]
async fn without_any_key_callers_are_told_to_come_back_until_auth_answers() {
    let auth = Auth::new();
    let verifier = auth.verifier();
    auth.turn(REFUSES);
    let token = auth.token();
    for _ in 0..5 {
        assert_eq!(verifier.verify(&token).await.unwrap_err().reason(), Reason::Unavailable);
    }
    auth.turn(ANSWERS);
    let known = async {
        while verifier.verify(&token).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), known).await.unwrap();
}
