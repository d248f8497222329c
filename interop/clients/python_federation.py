"""Authlib and PyJWT, by what a platform says of a workload (RFC 7523 §2.1).

Usage: PLATFORM_JWK=… python clients/python_federation.py ISSUER RESOURCE PLATFORM
"""

import base64
import json
import os
import sys
import time
import uuid
import zlib

import jwt
import requests
from authlib.integrations.requests_client import AssertionSession
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER, RESOURCE, PLATFORM = sys.argv[1:]
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWK = json.loads(os.environ["PLATFORM_JWK"])
HEADER = {"alg": "ES256", "kid": JWK["kid"]}
results = {"PASS": 0, "FAIL": 0}


def step(name, run):
    try:
        run()
        results["PASS"] += 1
        print(f"PASS {name}")
    except Exception as error:  # noqa: BLE001
        results["FAIL"] += 1
        print(f"FAIL {name}: {type(error).__name__} {error}")


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def minted(key=None, **changes):
    now = int(time.time())
    claims = {
        "iss": PLATFORM,
        "sub": "project:42:build",
        "aud": ISSUER,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 300,
        "project": 42,
        **changes,
    }
    return jwt.encode(claims, key or jwt.PyJWK(JWK).key, algorithm="ES256", headers={"kid": JWK["kid"]})


def ask(assertion):
    data = {"grant_type": GRANT, "assertion": assertion, "resource": RESOURCE}
    return requests.post(f"{ISSUER}/token", data=data, timeout=10)


def by_pyjwt():
    answer = ask(minted())
    expect(answer.status_code == 200 and answer.json()["scope"] == "read", answer.text)
    said = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    expect(said["sub"] == "agt_builder" and "refresh_token" not in answer.json(), said)


def other_key():
    answer = ask(minted(ec.generate_private_key(ec.SECP256R1())))
    expect(answer.status_code == 400 and answer.json()["error"] == "invalid_grant", answer.text)


def old():
    answer = ask(minted(iat=int(time.time()) - 600, exp=int(time.time()) - 300))
    expect(answer.json().get("error") == "invalid_grant", answer.text)


def by_authlib():
    session = AssertionSession(
        token_endpoint=f"{ISSUER}/token",
        issuer=PLATFORM,
        subject="project:42:build",
        audience=ISSUER,
        grant_type=GRANT,
        header=HEADER,
        key=JWK,
        claims={"project": 42, "jti": str(uuid.uuid4())},
    )
    token = session.refresh_token()
    expect(token["scope"] == "read", token)


def by_status():
    """As docs/how-to/revocation.md says."""
    keys = jwt.PyJWKClient(f"{ISSUER}/jwks")
    token = ask(minted()).json()["access_token"]
    claims = jwt.decode(
        token, keys.get_signing_key_from_jwt(token).key, algorithms=["ES256"], audience=RESOURCE, issuer=ISSUER
    )
    place = claims["status"]["status_list"]
    answer = requests.get(place["uri"], headers={"Accept": "application/statuslist+jwt"}, timeout=10)
    expect(answer.headers["content-type"] == "application/statuslist+jwt", answer.headers)
    signed = answer.text
    expect(jwt.get_unverified_header(signed)["typ"] == "statuslist+jwt", signed)
    key = keys.get_signing_key_from_jwt(signed).key
    listed = jwt.decode(signed, key, algorithms=["ES256"], options={"require": ["sub", "iat", "exp"]})
    expect(listed["sub"] == place["uri"] and listed["ttl"] == 60, listed)
    expect(listed["status_list"]["bits"] == 2, listed)
    lst = listed["status_list"]["lst"]
    places = zlib.decompressobj().decompress(base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4)), 1 << 20)
    expect(len(places) == 1 << 15, len(places))
    status = places[place["idx"] // 4] >> place["idx"] % 4 * 2 & 3
    expect(status == 0, status)
    metadata = requests.get(f"{ISSUER}/.well-known/oauth-authorization-server", timeout=10).json()
    lists = requests.get(metadata["status_list_aggregation_endpoint"], timeout=10).json()
    expect(place["uri"] in lists["status_lists"], lists)


step("PyJWT's evidence yields a token", by_pyjwt)
step("PyJWT's evidence by another key is refused", other_key)
step("PyJWT's old evidence is refused", old)
step("Authlib's assertion session gets a token", by_authlib)
step("PyJWT and zlib read the status of a token", by_status)
print(f"{results['PASS']} passed, {results['FAIL']} failed")
sys.exit(1 if results["FAIL"] else 0)
