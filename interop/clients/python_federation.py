"""Authlib and PyJWT, by what a platform says of a workload (RFC 7523 §2.1).

Usage: PLATFORM_JWK=… python clients/python_federation.py ISSUER RESOURCE PLATFORM
"""

import json
import os
import sys
import time
import uuid

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


step("PyJWT's evidence yields a token", by_pyjwt)
step("PyJWT's evidence by another key is refused", other_key)
step("PyJWT's old evidence is refused", old)
step("Authlib's assertion session gets a token", by_authlib)
print(f"{results['PASS']} passed, {results['FAIL']} failed")
sys.exit(1 if results["FAIL"] else 0)
