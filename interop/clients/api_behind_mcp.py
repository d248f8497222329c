"""An API behind an MCP server, with Python's standard library alone.

It takes the token of a user (header `User-Token`) and the token of the agent that acts for them (`Authorization: Bearer`),
and asks the authorization server about both with one call (RFC 7662, with `actor_token`).

    ORDERS_API_SECRET=… python api_behind_mcp.py https://as.example 9600
"""

import base64
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def who(issuer, secret, user, agent):
    """What the authorization server says of both tokens together; None if they say nothing."""
    form = {"token": user, "actor_token": agent, "actor_token_type": ACCESS_TOKEN}
    request = urllib.request.Request(issuer + "/introspect", urllib.parse.urlencode(form).encode())
    credentials = base64.b64encode(f"orders-api:{secret}".encode()).decode()
    request.add_header("Authorization", "Basic " + credentials)
    with urllib.request.urlopen(request, timeout=10) as answer:
        told = json.load(answer)
    # A token that is bound to a key is no bearer token: what it is bound to would have to be proved here.
    if told.get("active") is not True or "cnf" in told or told.get("grant", {}).get("budget"):
        return None
    return told


class Orders(BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, agent = self.headers.get("Authorization", "").partition(" ")
        user = self.headers.get("User-Token")
        if self.path != "/orders" or scheme.lower() != "bearer" or not user:
            return self.answer(401, {"error": "two tokens are needed"})
        try:
            told = who(self.server.issuer, self.server.secret, user, agent)
        except urllib.error.URLError:
            return self.answer(503, {"error": "try again soon"})
        if told is None:
            return self.answer(401, {"error": "the tokens are not valid here"})
        if "orders:read" not in told.get("scope", "").split():
            return self.answer(403, {"error": "the scope orders:read is missing"})
        # The user says whose orders, the agent who reads them; the rest of the chain is for the log.
        chain = [told["user"], *reversed(told["actors"])]
        return self.answer(200, {"orders_of": told["user"], "for": told["agent"], "chain": chain})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def serve(issuer, port, secret):
    server = ThreadingHTTPServer(("127.0.0.1", port), Orders)
    server.issuer, server.secret = issuer.rstrip("/"), secret
    return server


if __name__ == "__main__":
    listening = serve(sys.argv[1], int(sys.argv[2]), os.environ["ORDERS_API_SECRET"])
    print(json.dumps({"port": listening.server_address[1]}), flush=True)
    listening.serve_forever()
