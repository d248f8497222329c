# An AWS on loopback that hands tokens out: the instance metadata service in version 2, container credentials, and STS
# `GetWebIdentityToken`, which makes every signature again with botocore's own signer.
# Usage: python clients/aws_tokens.py     (prints {"url": …, "jwks": …, "issuer": …}, then serves)

import json
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from joserfc import jwt
from joserfc.jwk import RSAKey

ACCOUNT = "123456789012"
ISSUER = "https://00000000-0000-4000-8000-000000000000.tokens.sts.global.api.aws"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/report-agent"
REGION = "eu-central-1"
KNOWN = Credentials("AKIDEXAMPLEEXAMPLE00", "a-secret/of+aws", "a/session+token==")
KEYS = {"Code": "Success", "AccessKeyId": KNOWN.access_key, "SecretAccessKey": KNOWN.secret_key, "Token": KNOWN.token, "Expiration": "2099-01-01T00:00:00Z"}
SIGNER = RSAKey.generate_key(2048, {"kid": "sts-1", "alg": "RS256", "use": "sig"})


def refusal(headers, body):
    shown = headers.get("authorization", "")
    if not shown.startswith("AWS4-HMAC-SHA256 "):
        return "MissingAuthenticationToken"
    parts = dict(part.strip().split("=", 1) for part in shown.split(" ", 1)[1].split(","))
    names = [name for name in parts["SignedHeaders"].split(";") if name != "host"]
    again = AWSRequest(method="POST", url=f"http://{headers['host']}/", data=body, headers={n: headers.get(n, "") for n in names})
    again.context["timestamp"] = headers["x-amz-date"]
    again.headers["host"] = headers["host"]
    auth = SigV4Auth(KNOWN, "sts", REGION)
    signature = auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
    scope = f"{KNOWN.access_key}/{headers['x-amz-date'][:8]}/{REGION}/sts/aws4_request"
    if parts["Signature"] != signature or parts["Credential"] != scope:
        return "SignatureDoesNotMatch"
    return None if headers.get("x-amz-security-token") == KNOWN.token else "InvalidClientTokenId"


def token(form, source):
    now, life = int(time.time()), int(form.get("DurationSeconds", "300"))
    audience = [form[name] for name in sorted(form) if name.startswith("Audience.member.")]
    if not 60 <= life <= 3600 or not 1 <= len(audience) <= 10 or form.get("SigningAlgorithm") not in ("RS256", "ES384"):
        return None
    claims = {
        "iss": ISSUER, "aud": audience[0] if len(audience) == 1 else audience, "sub": ROLE, "iat": now, "exp": now + life, "jti": str(uuid.uuid4()),
        "https://sts.amazonaws.com/": {"aws_account": ACCOUNT, "source_region": REGION, "org_id": "o-abc1234567", "principal_tags": {"environment": "production"}, **source},
    }
    return jwt.encode({"alg": "RS256", "kid": "sts-1", "typ": "JWT"}, claims, SIGNER, algorithms=["RS256"])


class Aws(BaseHTTPRequestHandler):
    source = {}

    def say(self, status, text, kind="text/plain"):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_PUT(self):
        ttl = self.headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
        right = self.path == "/latest/api/token" and ttl.isdigit() and 1 <= int(ttl) <= 21600
        self.say(200, "session-of-imds") if right else self.say(400, "")

    def do_GET(self):
        if self.path == "/v2/credentials":
            right = self.headers.get("authorization") == "of-the-task"
            return self.say(200, json.dumps(KEYS), "application/json") if right else self.say(401, "")
        if self.headers.get("x-aws-ec2-metadata-token") != "session-of-imds":
            return self.say(401, "")
        meta = "/latest/meta-data/"
        told = {meta + "placement/region": REGION, meta + "iam/security-credentials/": "report-agent", meta + "iam/security-credentials/report-agent": json.dumps(KEYS)}
        return self.say(200, told[self.path]) if self.path in told else self.say(404, "")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        headers, form = {n.lower(): v for n, v in self.headers.items()}, dict(urllib.parse.parse_qsl(body))
        try:
            why = refusal(headers, body)
        except Exception as odd:  # noqa: BLE001: whatever it is, it is no signature
            why = f"IncompleteSignature ({type(odd).__name__})"
        made = None if why or form.get("Action") != "GetWebIdentityToken" or form.get("Version") != "2011-06-15" else token(form, self.source)
        if made is None:
            return self.say(403 if why else 400, f"<ErrorResponse><Error><Code>{why or 'ValidationError'}</Code><Message>no</Message></Error></ErrorResponse>", "text/xml")
        result = f"<GetWebIdentityTokenResult><WebIdentityToken>{made}</WebIdentityToken><Expiration>2099-01-01T00:00:00Z</Expiration></GetWebIdentityTokenResult>"
        self.say(200, f'<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">{result}</GetWebIdentityTokenResponse>', "text/xml")

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Aws)
    jwks = {"keys": [SIGNER.as_dict(private=False)]}
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}", "issuer": ISSUER, "jwks": jwks}), flush=True)
    server.serve_forever()
