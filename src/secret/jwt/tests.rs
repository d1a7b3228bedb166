//! Tokens good and bad, signed here with the keys of `tests/fixtures/jwt`.

use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use super::*;

const ISSUER: &str = "https://login.example/";
const AUDIENCE: &str = "https://concord.example";
const NOW: i64 = 1_800_000_000;

/// The bytes of a key file.
fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).expect("a key file is base64")
}

fn key(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::ES256 => EncodingKey::from_ec_der(&der(include_str!("../../../tests/fixtures/jwt/p256.pem"))),
        Algorithm::ES384 => EncodingKey::from_ec_der(&der(include_str!("../../../tests/fixtures/jwt/p384.pem"))),
        Algorithm::EdDSA => EncodingKey::from_ed_der(&der(include_str!("../../../tests/fixtures/jwt/ed25519.pem"))),
        _ => EncodingKey::from_rsa_der(&der(include_str!("../../../tests/fixtures/jwt/rsa.pem"))),
    }
}

/// The public key as an issuer publishes it, with more members or others.
fn jwk(algorithm: Algorithm, but: Value) -> Value {
    let jwk = Jwk::from_encoding_key(&key(algorithm), algorithm).expect("the key is good");
    let mut jwk = serde_json::to_value(&jwk).expect("a key is JSON");
    jwk["use"] = json!("sig");
    jwk["kid"] = json!("k1");
    for (name, value) in but.as_object().expect("members") {
        jwk[name] = value.clone();
    }
    jwk
}

fn keys(keys: &[Value]) -> KeySet {
    KeySet::read(&json!({ "keys": keys }).to_string()).expect("a set of keys")
}

fn claims(but: Value) -> Value {
    let mut claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "s-1", "exp": NOW + 300 });
    for (name, value) in but.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    claims
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// A token with the named key and algorithm in its header, signed as `algorithm`.
fn signed(header: Value, claims: Value, algorithm: Algorithm, key: &EncodingKey) -> String {
    let message = unsigned(&header, &claims);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).expect("it is signed");
    format!("{message}.{signature}")
}

fn es256(header: Value, claims: Value) -> String {
    signed(header, claims, Algorithm::ES256, &key(Algorithm::ES256))
}

fn header(name: &str) -> Value {
    json!({ "alg": name, "kid": "k1", "typ": "JWT" })
}

fn expectation() -> Expectation {
    Expectation {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        algorithms: vec![SigningAlgorithm::Es256],
        is_type_required: false,
    }
}

fn verified(token: &str, keys: &KeySet) -> Result<VerifiedToken, JwtError> {
    let algorithms = SigningAlgorithm::ALL.to_vec();
    let expectation = Expectation { algorithms, ..expectation() };
    let now = DateTime::from_timestamp(NOW, 0).expect("a moment");
    SignedToken::read(token, &expectation)?.verify(keys, &expectation, now)
}

fn outcome(token: &str, keys: &KeySet) -> Option<JwtError> {
    verified(token, keys).err()
}

#[test]
fn every_algorithm_is_checked_with_a_key_of_its_kind() {
    use Algorithm as A;
    let pairs = [A::RS256, A::RS384, A::RS512, A::PS256, A::PS384, A::PS512, A::ES256, A::ES384, A::EdDSA];
    for (named, algorithm) in SigningAlgorithm::ALL.into_iter().zip(pairs) {
        let token = signed(header(named.as_str()), claims(json!({})), algorithm, &key(algorithm));
        let found =
            verified(&token, &keys(&[jwk(algorithm, json!({}))])).unwrap_or_else(|error| panic!("{named}: {error}"));
        assert_eq!((found.subject.as_str(), found.ends_at.timestamp()), ("s-1", NOW + 360));
        // The kind of the key counts, not what the issuer calls it.
        let others = [A::RS256, A::ES256, A::ES384, A::EdDSA].map(|other| jwk(other, json!({ "alg": named.as_str() })));
        let unfit: Vec<Value> =
            others.into_iter().filter(|other| other["kty"] != jwk(algorithm, json!({}))["kty"]).collect();
        assert_eq!(outcome(&token, &keys(&unfit)), Some(JwtError::UnknownKey), "{named}");
    }
}

#[test]
fn confusing_the_algorithm_does_not_help() {
    let set = keys(&[jwk(Algorithm::RS256, json!({})), jwk(Algorithm::ES256, json!({ "kid": "k2" }))]);
    // The public key is no secret, so it must not be one to sign with.
    let public = serde_json::to_vec(&jwk(Algorithm::RS256, json!({}))).expect("JSON");
    let modulus = URL_SAFE_NO_PAD.decode(jwk(Algorithm::RS256, json!({}))["n"].as_str().expect("n")).expect("base64");
    for secret in [public, modulus, Vec::new()] {
        let token = signed(header("HS256"), claims(json!({})), Algorithm::HS256, &EncodingKey::from_secret(&secret));
        assert_eq!(outcome(&token, &set), Some(JwtError::Algorithm));
    }
    for name in ["none", "None", "NONE", "", "rs256", "RS256 "] {
        for signature in ["", "AAAA"] {
            let token = format!("{}.{signature}", unsigned(&header(name), &claims(json!({}))));
            assert_eq!(outcome(&token, &set), Some(JwtError::Algorithm), "{name}");
        }
    }
    for unnamed in [json!({ "kid": "k1" }), json!({ "alg": null }), json!({ "alg": ["ES256"] })] {
        assert_eq!(outcome(&es256(unnamed, claims(json!({}))), &set), Some(JwtError::Algorithm));
    }
    // An RS256 token that names the elliptic key, and the other way round.
    let mut named = header("RS256");
    named["kid"] = json!("k2");
    let token = signed(named, claims(json!({})), Algorithm::RS256, &key(Algorithm::RS256));
    assert_eq!(outcome(&token, &set), Some(JwtError::UnknownKey));
    assert_eq!(outcome(&es256(header("ES256"), claims(json!({}))), &set), Some(JwtError::UnknownKey));
    // A good signature of another algorithm of the same key.
    let token = signed(header("RS256"), claims(json!({})), Algorithm::PS256, &key(Algorithm::RS256));
    assert_eq!(outcome(&token, &set), Some(JwtError::BadSignature));
    // A secret among the issuer's keys is not one to us.
    let oct = keys(&[json!({ "kty": "oct", "kid": "k1", "alg": "HS256", "k": "c2VjcmV0" })]);
    let token = signed(header("HS256"), claims(json!({})), Algorithm::HS256, &EncodingKey::from_secret(b"secret"));
    assert_eq!(outcome(&token, &oct), Some(JwtError::Algorithm));
}

#[test]
fn only_the_algorithms_of_the_settings_are_accepted() {
    let expectation =
        |algorithms: &[SigningAlgorithm]| Expectation { algorithms: algorithms.to_vec(), ..expectation() };
    let token = es256(header("ES256"), claims(json!({})));
    assert!(SignedToken::read(&token, &expectation(&[SigningAlgorithm::Es256])).is_ok());
    let refused = SignedToken::read(&token, &expectation(&[SigningAlgorithm::Rs256])).err();
    assert_eq!(refused, Some(JwtError::Algorithm));
    for text in ["HS256", "none", "es256", ""] {
        assert!(text.parse::<SigningAlgorithm>().is_err(), "{text}");
    }
}

#[test]
fn keys_are_used_for_what_they_are_for() {
    let token = es256(header("ES256"), claims(json!({})));
    let one = |but: Value| keys(&[jwk(Algorithm::ES256, but)]);
    for but in [
        json!({ "use": null }),
        json!({ "alg": null }),
        json!({ "use": null, "key_ops": ["verify"] }),
        json!({ "x5c": ["..."], "ext": true }),
    ] {
        assert_eq!(outcome(&token, &one(but.clone())), None, "{but}");
    }
    for but in [
        json!({ "use": "enc" }),
        json!({ "key_ops": ["encrypt"] }),
        json!({ "alg": "ES384" }),
        json!({ "kid": "k2" }),
        json!({ "kid": null }),
        json!({ "crv": "secp256k1" }),
        json!({ "x": "AAAA" }),
        json!({ "y": null }),
        json!({ "kty": "RSA" }),
    ] {
        assert_eq!(outcome(&token, &one(but.clone())), Some(JwtError::UnknownKey), "{but}");
    }
    // Points that are on no curve, and keys too short to be trusted, are no reason to fail otherwise.
    let zeros = URL_SAFE_NO_PAD.encode([0; 32]);
    assert_eq!(outcome(&token, &one(json!({ "x": zeros, "y": zeros }))), Some(JwtError::BadSignature));
    let short = EncodingKey::from_rsa_der(&der(include_str!("../../../tests/fixtures/jwt/rsa_short.pem")));
    let mut published =
        serde_json::to_value(Jwk::from_encoding_key(&short, Algorithm::RS256).expect("a key")).expect("JSON");
    published["kid"] = json!("k1");
    let weak = signed(header("RS256"), claims(json!({})), Algorithm::RS256, &short);
    assert_eq!(outcome(&weak, &keys(&[published])), Some(JwtError::UnknownKey));
    let ed = jwk(Algorithm::EdDSA, json!({ "x": "AAAA" }));
    let token = signed(header("EdDSA"), claims(json!({})), Algorithm::EdDSA, &key(Algorithm::EdDSA));
    assert_eq!(outcome(&token, &keys(&[ed])), Some(JwtError::UnknownKey));
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
        assert_eq!(KeySet::read(text).err(), Some(NoKeySet), "{text}");
    }
    assert!(KeySet::read(r#"{"keys":[7,null,{},{"kty":7}]}"#).is_ok());
}

#[test]
fn a_token_without_a_key_id_is_checked_where_one_key_fits() {
    let token = es256(json!({ "alg": "ES256" }), claims(json!({})));
    let (ours, rsa) = (jwk(Algorithm::ES256, json!({})), jwk(Algorithm::RS256, json!({})));
    assert_eq!(outcome(&token, &keys(&[rsa.clone(), ours.clone()])), None);
    let twin = jwk(Algorithm::ES256, json!({ "kid": "k2" }));
    assert_eq!(outcome(&token, &keys(&[ours.clone(), twin])), Some(JwtError::UnknownKey));
    // It may be a newer one than ours, so it is worth asking the issuer.
    let signature = token.rsplit_once('.').expect("three parts").1;
    let forged = format!("{}.{signature}", unsigned(&json!({ "alg": "ES256" }), &claims(json!({ "roles": "admin" }))));
    assert_eq!(outcome(&forged, &keys(&[ours])), Some(JwtError::UnknownKey));
}

#[test]
fn what_was_changed_after_signing_is_refused() {
    let set = keys(&[jwk(Algorithm::ES256, json!({}))]);
    let token = es256(header("ES256"), claims(json!({})));
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let admin = unsigned(&header("ES256"), &claims(json!({ "roles": ["admin"] })));
    assert_eq!(outcome(&format!("{admin}.{signature}"), &set), Some(JwtError::BadSignature));
    for signature in ["", "A", "AAAA", "%%%", &format!("{signature}="), &format!("{signature}AA")] {
        assert_eq!(outcome(&format!("{message}.{signature}"), &set), Some(JwtError::BadSignature), "{signature}");
    }
    for text in ["", ".", "..", "a.b", "a.b.c.d", "e30.e30.", &format!("{token}."), &format!(" {token}")] {
        assert!(verified(text, &set).is_err(), "{text}");
    }
    let padded = claims(json!({ "sub": "s-1", "filler": "x".repeat(MAX_TOKEN) }));
    assert_eq!(outcome(&es256(header("ES256"), padded), &set), Some(JwtError::TooLong));
    for crit in [json!(["b64"]), json!([]), json!(null)] {
        let mut critical = header("ES256");
        critical["crit"] = crit;
        assert_eq!(outcome(&es256(critical, claims(json!({}))), &set), Some(JwtError::Critical));
    }
    let mut odd = header("ES256");
    odd["kid"] = json!(7);
    assert_eq!(outcome(&es256(odd, claims(json!({}))), &set), Some(JwtError::Malformed));
}

#[test]
fn keys_that_a_token_brings_along_count_for_nothing() {
    let mut own = header("ES256");
    own["jwk"] = jwk(Algorithm::ES256, json!({}));
    own["jku"] = json!("https://evil.example/keys");
    let set = keys(&[jwk(Algorithm::RS256, json!({}))]);
    assert_eq!(outcome(&es256(own, claims(json!({}))), &set), Some(JwtError::UnknownKey));
}

#[test]
fn claims_have_to_be_right() {
    let set = keys(&[jwk(Algorithm::ES256, json!({}))]);
    let error = |but: Value| outcome(&es256(header("ES256"), claims(but)), &set);
    for but in [
        json!({ "aud": ["other", AUDIENCE] }),
        json!({ "exp": NOW - 59 }),
        json!({ "nbf": NOW + 60 }),
        json!({ "nbf": NOW - 5, "iat": NOW + 1000 }),
        json!({ "sub": "é".repeat(255) }),
    ] {
        assert_eq!(error(but.clone()), None, "{but}");
    }
    for (but, expected) in [
        (json!({ "iss": "https://login.example" }), JwtError::WrongIssuer),
        (json!({ "iss": "https://LOGIN.example/" }), JwtError::WrongIssuer),
        (json!({ "iss": [ISSUER] }), JwtError::WrongIssuer),
        (json!({ "iss": null }), JwtError::WrongIssuer),
        (json!({ "aud": "other" }), JwtError::WrongAudience),
        (json!({ "aud": format!("{AUDIENCE}/") }), JwtError::WrongAudience),
        (json!({ "aud": [] }), JwtError::WrongAudience),
        (json!({ "aud": null }), JwtError::WrongAudience),
        (json!({ "aud": { AUDIENCE: true } }), JwtError::WrongAudience),
        (json!({ "exp": NOW - 60 }), JwtError::Expired),
        (json!({ "exp": -1 }), JwtError::Expired),
        (json!({ "exp": null }), JwtError::Malformed),
        (json!({ "exp": "2999" }), JwtError::Malformed),
        (json!({ "exp": u64::MAX }), JwtError::Malformed),
        (json!({ "exp": i64::MAX }), JwtError::Malformed),
        (json!({ "nbf": NOW + 61 }), JwtError::NotYetValid),
        (json!({ "nbf": "soon" }), JwtError::Malformed),
        (json!({ "sub": "" }), JwtError::NoSubject),
        (json!({ "sub": " " }), JwtError::NoSubject),
        (json!({ "sub": 7 }), JwtError::NoSubject),
        (json!({ "sub": "a\nb" }), JwtError::NoSubject),
        (json!({ "sub": "é".repeat(256) }), JwtError::NoSubject),
    ] {
        assert_eq!(error(but.clone()), Some(expected), "{but}");
    }
    let mut endless = claims(json!({}));
    endless.as_object_mut().expect("claims").remove("exp");
    assert_eq!(outcome(&es256(header("ES256"), endless), &set), Some(JwtError::NoExpiry));
    // Fractions of a second are allowed, and left out.
    for (exp, expected) in [("1800000000.75", NOW), ("1.8e9", NOW)] {
        let text = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"s","exp":{exp}}}"#);
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header("ES256").to_string()), URL_SAFE_NO_PAD.encode(text));
        let key = key(Algorithm::ES256);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::ES256).expect("signed");
        let found = verified(&format!("{message}.{signature}"), &set).unwrap_or_else(|error| panic!("{exp}: {error}"));
        assert_eq!(found.ends_at.timestamp(), expected + 60, "{exp}");
    }
}

#[test]
fn an_id_token_is_no_access_token() {
    let set = keys(&[jwk(Algorithm::ES256, json!({}))]);
    let said = |header: Value, but: Value| verified(&es256(header, claims(but)), &set).err().map(|e| e.to_string());
    let typed = |typ: Value| json!({ "alg": "ES256", "kid": "k1", "typ": typ });
    let untyped = json!({ "alg": "ES256", "kid": "k1" });
    for claim in ["nonce", "at_hash", "c_hash"] {
        for header in [header("ES256"), untyped.clone()] {
            let reason = said(header, json!({ claim: "x" })).unwrap_or_default();
            assert!(reason.contains("it is an ID token"), "{claim}: {reason}");
        }
    }
    assert!(said(header("ES256"), json!({ "typ": "ID" })).is_some_and(|reason| reason.contains("it is an ID token")));
    // Explicitly an access token; Keycloak before 25 puts the nonce into those too.
    assert_eq!(said(typed(json!("at+jwt")), json!({ "nonce": "x" })), None);
    assert_eq!(said(header("ES256"), json!({ "nonce": "x", "typ": "Bearer" })), None);
    assert!(said(header("ES256"), json!({ "at_hash": "x", "typ": "Bearer" })).is_some());
    for good in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt", "application/jwt"] {
        assert_eq!(said(typed(json!(good)), json!({})), None, "{good}");
    }
    assert_eq!(said(untyped, json!({})), None);
    for other in ["logout+jwt", "dpop+jwt", "id_token", "secevent+jwt", "", "at+jwt ", "application/", "text/at+jwt"] {
        let reason = said(typed(json!(other)), json!({})).unwrap_or_default();
        assert!(reason.contains("its type (`typ`) is not that of an access token"), "{other}: {reason}");
    }
    for odd in [json!(null), json!(7), json!(["JWT"])] {
        assert!(said(typed(odd.clone()), json!({})).is_some(), "{odd}");
    }
}

#[test]
fn tokens_have_to_be_typed_where_the_settings_say_so() {
    let strict = Expectation { is_type_required: true, ..expectation() };
    let read = |header: &Value, but: Value| SignedToken::read(&es256(header.clone(), claims(but)), &strict).err();
    for good in ["at+jwt", "application/AT+JWT"] {
        assert_eq!(read(&json!({ "alg": "ES256", "typ": good }), json!({})), None, "{good}");
    }
    for untyped in [json!({ "alg": "ES256" }), header("ES256")] {
        assert_eq!(read(&untyped, json!({ "typ": "Bearer" })), Some(JwtError::NoType), "{untyped}");
    }
    assert_eq!(read(&header("ES256"), json!({ "at_hash": "x" })), Some(JwtError::IdToken));
}

#[test]
fn nothing_of_a_token_is_shown() {
    let set = keys(&[jwk(Algorithm::ES256, json!({}))]);
    let found = verified(&es256(header("ES256"), claims(json!({ "email": "ada@example.com" }))), &set).expect("good");
    let shown = format!("{found:?}");
    assert!(!shown.contains("ada") && !shown.contains("s-1"), "{shown}");
}
