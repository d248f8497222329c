"""Authlib, a Python OAuth client, by the device grant (RFC 8628).

Usage: python clients/python_device.py ISSUER RESOURCE
"""

import re
import sys

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

ISSUER, RESOURCE = sys.argv[1:]
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
results = {"PASS": 0, "FAIL": 0}


def step(name, run):
    try:
        value = run()
        results["PASS"] += 1
        print(f"PASS {name}")
        return value
    except Exception as error:  # noqa: BLE001
        results["FAIL"] += 1
        print(f"FAIL {name}: {type(error).__name__} {error}")
        return None


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def discover():
    document = requests.get(f"{ISSUER}/.well-known/oauth-authorization-server", timeout=10).json()
    metadata = AuthorizationServerMetadata(document)
    # The library insists on https for addresses, which loopback has not; everything else is checked.
    metadata.validate_grant_types_supported()
    metadata.validate_token_endpoint_auth_methods_supported()
    expect(GRANT in metadata["grant_types_supported"], "the device grant is not advertised")
    return metadata


def begin(client, metadata):
    answer = client.post(
        metadata["device_authorization_endpoint"],
        data={"client_id": "television", "scope": "all", "resource": RESOURCE},
        withhold_token=True,
        timeout=10,
    )
    expect(answer.status_code == 200, answer.text)
    return answer.json()


def poll(client, metadata, begun):
    return client.fetch_token(metadata["token_endpoint"], grant_type=GRANT, device_code=begun["device_code"])


def refused(client, metadata, begun, error):
    try:
        poll(client, metadata, begun)
    except OAuthError as said:
        expect(said.error == error, f"{said.error}: {said.description}")
        return
    raise AssertionError("was given a token")


def person(begun, typed):
    """Types the code by hand, in small letters."""
    browser = requests.Session()
    page = browser.get(begun["verification_uri"], timeout=10)
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)[1]
    answer = browser.post(
        begun["verification_uri"],
        data={"form_token": token, "user_code": typed},
        allow_redirects=False,
        timeout=10,
    )
    return answer.status_code, answer.headers.get("location")


def main():
    metadata = step("discovers the device grant", discover)
    if metadata is None:
        return
    client = OAuth2Session("television", scope="all", token_endpoint_auth_method="none")
    begun = step("begins with a device code and a user code", lambda: begin(client, metadata))
    if begun is None:
        return
    step("waits while nobody has answered", lambda: refused(client, metadata, begun, "authorization_pending"))
    step("is slowed down when it asks at once", lambda: refused(client, metadata, begun, "slow_down"))

    def carried():
        wrong, right = person(begun, "bcdf ghjk"), person(begun, begun["user_code"].replace("-", "").lower())
        expect(wrong == (422, None), f"a wrong code: {wrong}")
        expect(right == (303, "/device/allowed"), f"the right code: {right}")

    step("a person brings the code, however it is typed", carried)

    def token():
        got = poll(client, metadata, begun)
        expect(got["scope"] == "all" and got["refresh_token"], str(sorted(got)))
        return got

    got = step("gets its token", token)
    step("gets it once", lambda: refused(client, metadata, begun, "invalid_grant"))
    if got:
        step(
            "refreshes it",
            lambda: expect(
                client.refresh_token(metadata["token_endpoint"], refresh_token=got["refresh_token"])["access_token"]
                != got["access_token"],
                "the same token",
            ),
        )


main()
print(f"{results['PASS']} passed, {results['FAIL']} failed")
sys.exit(0 if results["FAIL"] == 0 and results["PASS"] > 0 else 1)
