# Requests to STS as botocore signs them, shown to Prokura's attester; and an STS that recomputes each signature with
# botocore's own signer, so that nothing but a right one gets an identity.
# Usage: python clients/aws_caller.py serve            (prints {"url": …}, then serves)
#        python clients/aws_caller.py attest ISSUER RESOURCE

import base64
import contextlib
import datetime
import json
import pathlib
import sys
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import botocore.auth
import requests
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from joserfc import jwt
from joserfc.jwk import ECKey

ACCOUNT = "123456789012"
ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/Planner/i-0123456789abcdef0"
KNOWN = Credentials("AKIDEXAMPLEEXAMPLE00", "a-secret-of-aws", "a/session+token==")
WRONG = Credentials("AKIDEXAMPLEEXAMPLE00", "another-secret", "a/session+token==")
HOST = "sts.eu-west-1.amazonaws.com"
BODY = "Action=GetCallerIdentity&Version=2011-06-15"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
EC2 = pathlib.Path(__file__).parent / "../../crates/attest/tests/data/ec2-us-west-2.pkcs7.b64"


# --- the STS ---------------------------------------------------------------------------------------------------------


def when(text):
    return datetime.datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)


def refusal(method, target, headers, body):
    """Why a request is refused, or None: every signature is made again, from what came, with the secret that is known."""
    address, query = urllib.parse.urlsplit(target), dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))
    presigned = "X-Amz-Signature" in query
    if presigned:
        date, credential, listed, shown = (query[f"X-Amz-{n}"] for n in ("Date", "Credential", "SignedHeaders", "Signature"))
        life = int(query["X-Amz-Expires"])
        asked = f"Action={query.get('Action')}&Version={query.get('Version')}"
    else:
        fields = dict(part.strip().split("=", 1) for part in headers.get("authorization", " ").split(" ", 1)[1].split(",") if "=" in part)
        date, credential, listed, shown = headers.get("x-amz-date", ""), fields.get("Credential", ""), fields.get("SignedHeaders", ""), fields.get("Signature", "")
        life, asked = 900, body
    if asked != BODY or address.path != "/":
        return "InvalidAction"
    now = datetime.datetime.now(datetime.timezone.utc)
    if not when(date) - datetime.timedelta(minutes=5) <= now <= when(date) + datetime.timedelta(seconds=min(life, 900)):
        return "ExpiredToken"
    names = [name for name in listed.split(";") if name != "host"]
    url = f"https://{headers['host']}/"
    again = AWSRequest(method=method, url=url, data="" if presigned else body, headers={n: headers.get(n, "") for n in names})
    again.context["timestamp"] = date
    auth = (SigV4QueryAuth if presigned else SigV4Auth)(KNOWN, "sts", "eu-west-1")
    if presigned:
        unsigned = [(k, v) for k, v in urllib.parse.parse_qsl(address.query) if k != "X-Amz-Signature"]
        again.url = url + "?" + urllib.parse.urlencode(unsigned, quote_via=urllib.parse.quote)
    again.headers["host"] = headers["host"]
    canonical = auth.canonical_request(again)
    signature = auth.signature(auth.string_to_sign(again, canonical), again)
    return None if signature == shown and credential.split("/")[0] == KNOWN.access_key else "SignatureDoesNotMatch"


class Sts(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            why = refusal(self.command, self.path, headers, body)
        except Exception as odd:  # noqa: BLE001: whatever it is, it is no identity
            why = f"IncompleteSignature: {odd!r}"
        said = {"Error": {"Code": why}} if why else {"GetCallerIdentityResponse": {"GetCallerIdentityResult": {"Account": ACCOUNT, "Arn": ARN, "UserId": "AROAEXAMPLE:i-0123456789abcdef0"}}}
        text = json.dumps(said).encode()
        self.send_response(403 if why else 200)
        self.send_header("Content-Type", "application/json" if headers.get("accept") == "application/json" else "text/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


# --- the workload ----------------------------------------------------------------------------------------------------


class Workload:
    """A workload with a key, as the draft and docs/how-to/attester.md have it, written from those alone."""

    def __init__(self, issuer):
        self.key = ECKey.generate_key("P-256")
        self.issuer = issuer
        self.thumbprint = self.key.thumbprint()
        self.metadata = requests.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=10).json()

    def proof(self, url, nonce):
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        claims = {"htm": "POST", "htu": url, "iat": int(time.time()), "jti": str(uuid.uuid4()), "nonce": nonce}
        return jwt.encode(header, claims, self.key, algorithms=["ES256"])

    def challenge(self):
        answer = requests.post(self.metadata["challenge_endpoint"], timeout=10)
        return answer.json()["attestation_challenge"]

    def attest(self, platform, evidence, challenge=None):
        challenge = challenge or self.challenge()
        url = self.metadata["attestation_endpoint"]
        body = {"platform": platform, "evidence": evidence(challenge)}
        return requests.post(url, json=body, headers={"DPoP": self.proof(url, challenge)}, timeout=20)

    def token(self, attestation, resource):
        url = self.metadata["token_endpoint"]
        headers = {"OAuth-Client-Attestation": attestation, "DPoP": self.proof(url, self.challenge())}
        form = {"grant_type": "client_credentials", "resource": resource}
        return requests.post(url, data=form, headers=headers, timeout=20)

    def binding(self, challenge):
        return {"X-Prokura-Challenge": challenge, "X-Prokura-Key": self.thumbprint}

    def by_header(self, challenge, credentials=KNOWN, change=None):
        request = AWSRequest("POST", f"https://{HOST}/", data=BODY, headers={"Content-Type": FORM, **self.binding(challenge)})
        SigV4Auth(credentials, "sts", "eu-west-1").add_auth(request)
        shown = {"method": "POST", "url": f"https://{HOST}/", "headers": dict(request.headers.items()), "body": BODY}
        if change:
            change(shown)
        return shown

    def presigned(self, challenge, credentials=KNOWN, change=None, method="GET"):
        request = AWSRequest(method, f"https://{HOST}/?{BODY}", headers=self.binding(challenge))
        SigV4QueryAuth(credentials, "sts", "eu-west-1", expires=60).add_auth(request)
        shown = {"method": method, "url": request.url, "headers": self.binding(challenge)}
        if change:
            change(shown)
        return shown


def report(ok, name, detail=""):
    print(f"{'PASS' if ok else 'FAIL'} {name}{'' if ok else f': {detail}'}", flush=True)


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def through(name, workload, resource, platform, evidence):
    """Evidence, attestation, token."""
    answer = workload.attest(platform, evidence)
    if answer.status_code != 200:
        return report(False, name, answer.text)
    token = workload.token(answer.json()["client_attestation"], resource)
    if token.status_code != 200:
        return report(False, name, token.text)
    said = claims(token.json()["access_token"])
    right = said["cnf"]["jkt"] == workload.thumbprint and said["workload"]["platform"] == platform
    return report(right and token.json()["token_type"] == "DPoP", name, said)


def later(shown, name, value):
    shown["headers"][name] = value


def direct(shown):
    """Sends a request to the STS as it is, as who forwards it would."""
    target = shown["url"].replace(f"https://{HOST}", sys.argv[4])
    headers = {**shown["headers"], "Host": HOST, "Accept": "application/json"}
    return requests.request(shown["method"], target, headers=headers, data=shown.get("body", ""), timeout=10)


@contextlib.contextmanager
def old():
    """Signs as twenty minutes ago."""
    now = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *a, **k: now(*a, **k) - datetime.timedelta(minutes=20)
    try:
        yield
    finally:
        botocore.auth.get_current_datetime = now


def judge(workload):
    """The double itself has to refuse, or it would prove nothing."""
    forms = {"header": workload.by_header, "query": workload.presigned}
    for form, make in forms.items():
        report(direct(make("c")).status_code == 200, f"the STS of the run takes what botocore signs ({form})")
        for name, wrong in [
            ("a wrong secret", make("c", WRONG)),
            ("a changed challenge", make("c", change=lambda s: later(s, "X-Prokura-Challenge", "d"))),
        ]:
            report(direct(wrong).status_code == 403, f"the STS of the run refuses {name} ({form})")
    with old():
        aged = {form: make("c") for form, make in forms.items()}
    for form, shown in aged.items():
        report(direct(shown).status_code == 403, f"the STS of the run refuses what has expired ({form})")
    body = workload.by_header("c", change=lambda s: s.update(body=BODY.replace("GetCallerIdentity", "GetSessionToken")))
    report(direct(body).status_code == 403, "the STS of the run refuses a changed body")


def refused(workload):
    for form, make in {"header": workload.by_header, "query": workload.presigned}.items():
        for name, evidence in [
            ("a wrong secret", lambda c, m=make: m(c, WRONG)),
            ("a changed challenge", lambda c, m=make: m("another")),
            ("a challenge that was changed after signing", lambda c, m=make: m("another", change=lambda s: later(s, "X-Prokura-Challenge", c))),
            ("a host of its own choice", lambda c, m=make: m(c, change=lambda s: s.update(url=s["url"].replace("amazonaws.com", "evil.example")))),
            ("another body", lambda c, m=make: m(c, change=lambda s: s.update(body="Action=AssumeRole&Version=2011-06-15"))),
        ]:
            answer = workload.attest("aws_caller", evidence)
            report(answer.status_code == 400 and answer.json()["error"] == "invalid_grant", f"{name} is refused ({form})", answer.text)
    for form, make in {"header": workload.by_header, "query": workload.presigned}.items():
        with old():
            answer = workload.attest("aws_caller", make)
        report(answer.status_code == 400, f"what has expired is refused ({form})", answer.text)
    twice = lambda c: workload.presigned(c, change=lambda s: s.update(url=s["url"] + "&Action=AssumeRole"))  # noqa: E731
    report(workload.attest("aws_caller", twice).status_code == 400, "a parameter that stands there twice is refused (query)")
    challenge = workload.challenge()
    first = workload.attest("aws_caller", workload.by_header, challenge)
    again = workload.attest("aws_caller", workload.by_header, challenge)
    report((first.status_code, again.json().get("error")) == (200, "use_attestation_challenge"), "a challenge is taken once", again.text)


def instance(issuer, resource):
    document = "".join(EC2.read_text().split())
    workload = Workload(issuer)
    through("a genuine EC2 document leads to a token", workload, resource, "ec2", lambda _: {"pkcs7": document})
    other = Workload(issuer).attest("ec2", lambda _: {"pkcs7": document})
    report(other.status_code == 400, "and to none with another key", other.text)
    raw = bytearray(base64.b64decode(document))
    at = bytes(raw).index(b"i-078517ca8a70a1dde")
    raw[at + 2] ^= 1
    changed = workload.attest("ec2", lambda _: {"pkcs7": base64.b64encode(raw).decode()})
    report(changed.status_code == 400, "one changed byte of it is refused", changed.text)


if sys.argv[1] == "serve":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sts)
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    server.serve_forever()
else:
    issuer, resource = sys.argv[2:4]
    caller = Workload(issuer)
    judge(caller)
    through("botocore, signed in the header, leads to a token", caller, resource, "aws_caller", caller.by_header)
    through("botocore, presigned, leads to a token", caller, resource, "aws_caller", caller.presigned)
    through("botocore, presigned for POST, leads to a token", caller, resource, "aws_caller", lambda c: caller.presigned(c, method="POST"))
    refused(caller)
    instance(issuer, resource)
