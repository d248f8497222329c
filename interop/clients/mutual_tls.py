# A foreign TLS client with certificates (RFC 8705): httpx2 on OpenSSL.
# Usage: python clients/mutual_tls.py FOLDER (certificates made there) | python clients/mutual_tls.py FOLDER ISSUER RESOURCE

import datetime
import base64
import hashlib
import json
import pathlib
import ssl
import sys

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FOLDER = pathlib.Path(sys.argv[1])
NOW = datetime.datetime.now(datetime.timezone.utc)


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Interop"), x509.NameAttribute(NameOID.COMMON_NAME, common)])


def make(common, issuer=None, authority=False, hosts=(), usage=ExtendedKeyUsageOID.CLIENT_AUTH):
    """Writes NAME.pem and NAME.key; signed by `issuer`, or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    by_name, by_key = issuer or (name(common), key)
    builder = x509.CertificateBuilder().subject_name(name(common)).issuer_name(by_name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(NOW - datetime.timedelta(hours=1)).not_valid_after(NOW + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key()), critical=False)
    signs = x509.KeyUsage(True, False, False, False, False, authority, authority, False, False)
    builder = builder.add_extension(signs, critical=True)
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(h) for h in hosts]), critical=False)
    certificate = builder.sign(by_key, hashes.SHA256())
    (FOLDER / f"{common}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (FOLDER / f"{common}.key").write_bytes(private)
    return name(common), key, certificate


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def prepare():
    authority = make("authority", authority=True)[:2]
    make("server", authority, hosts=["localhost"], usage=ExtendedKeyUsageOID.SERVER_AUTH)
    make("batch", authority)
    make("other", authority)
    _, key, certificate = make("own")
    make("stranger")
    point = key.public_key().public_numbers()
    der = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
    jwk = {"kty": "EC", "crv": "P-256", "x": b64(point.x.to_bytes(32, "big")), "y": b64(point.y.to_bytes(32, "big")), "x5c": [der]}
    (FOLDER / "own.jwks").write_text(json.dumps({"keys": [jwk]}))


if len(sys.argv) == 2:
    prepare()
    sys.exit(0)

ISSUER, RESOURCE = sys.argv[2:]
TOOL = "test_simple_text"
RESULTS = {True: 0, False: 0}


def step(text, run):
    try:
        run()
        ok, why = True, ""
    except Exception as error:  # Whatever it was, it is the result.
        ok, why = False, f": {type(error).__name__} {error}".replace("\n", " ")[:500]
    RESULTS[ok] += 1
    print(f"{'PASS' if ok else 'FAIL'} {text}{why}", flush=True)


def client(certificate=None):
    context = ssl.create_default_context(cafile=FOLDER / "authority.pem")
    if certificate:
        context.load_cert_chain(FOLDER / f"{certificate}.pem", FOLDER / f"{certificate}.key")
    return httpx2.Client(verify=context, timeout=20)


def token(http, client_id):
    return http.post(f"{ISSUER}/token", data={"grant_type": "client_credentials", "client_id": client_id, "resource": RESOURCE, "scope": "all"})


def call(http, access):
    said = {"protocolVersion": "2026-07-28", "clientInfo": {"name": "interop", "version": "1"}, "clientCapabilities": {}}
    meta = {f"io.modelcontextprotocol/{name}": value for name, value in said.items()}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": TOOL, "arguments": {}, "_meta": meta}}
    headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": TOOL}
    headers |= {"authorization": f"Bearer {access}", "accept": "application/json, text/event-stream"}
    return http.post(RESOURCE, json=body, headers=headers)


def metadata():
    said = client().get(f"{ISSUER}/.well-known/oauth-authorization-server").json()
    assert said["tls_client_certificate_bound_access_tokens"] is True, said
    for method in ["tls_client_auth", "self_signed_tls_client_auth"]:
        assert method in said["token_endpoint_auth_methods_supported"], method


def thumbprint(certificate):
    pem = x509.load_pem_x509_certificate((FOLDER / f"{certificate}.pem").read_bytes())
    return b64(hashlib.sha256(pem.public_bytes(serialization.Encoding.DER)).digest())


def signs_in(client_id, certificate):
    http = client(certificate)
    answer = token(http, client_id)
    assert answer.status_code == 200, answer.text
    access = answer.json()["access_token"]
    claims = json.loads(base64.urlsafe_b64decode(access.split(".")[1] + "=="))
    assert claims["cnf"] == {"x5t#S256": thumbprint(certificate)}, claims
    assert call(http, access).status_code == 200, call(http, access).text
    for other in [client(), client("other"), client("stranger")]:
        refused = call(other, access)
        assert refused.status_code == 401 and "invalid_token" in refused.headers["www-authenticate"], refused.text


def does_not(client_id, certificate):
    answer = token(client(certificate), client_id)
    assert answer.status_code == 401 and answer.json()["error"] == "invalid_client", answer.text


def header_is_not_believed():
    pem = x509.load_pem_x509_certificate((FOLDER / "batch.pem").read_bytes())
    value = ":" + base64.b64encode(pem.public_bytes(serialization.Encoding.DER)).decode() + ":"
    http = client()
    data = {"grant_type": "client_credentials", "client_id": "batch"}
    answer = http.post(f"{ISSUER}/token", data=data, headers={"client-cert": value})
    assert answer.status_code == 401, answer.text


step("says that certificates are taken", metadata)
step("authenticates by the name of an issued certificate, and only its connection may use the token", lambda: signs_in("batch", "batch"))
step("authenticates by the certificate that it registered", lambda: signs_in("own", "own"))
for certificate in [None, "other", "stranger", "own"]:
    step(f"does not authenticate by {certificate or 'no certificate'} instead of an issued one", lambda c=certificate: does_not("batch", c))
for certificate in [None, "batch", "stranger"]:
    step(f"does not authenticate by {certificate or 'no certificate'} instead of a registered one", lambda c=certificate: does_not("own", c))
step("cannot say in a header what it does not show", header_is_not_believed)
print(f"{RESULTS[True]} passed, {RESULTS[False]} failed")
sys.exit(1 if RESULTS[False] else 0)
