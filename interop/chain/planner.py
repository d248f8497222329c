"""The planner: an MCP server on the Python SDK that is an agent too. For a call it takes what the gateway says of the
caller (Txn-Token), exchanges it by Authlib (RFC 8693) for a token of the next server, and calls that one.

Usage: PLANNER_SECRET=… python chain/planner.py ISSUER NEXT HOPS; prints one JSON line when it listens.
Whatever it gets, it writes to the file HOPS, one JSON object a line: the test looks there, nobody else.
"""

import asyncio
import json
import os
import socket
import sys

import httpx2
import uvicorn
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import Context, MCPServer

ISSUER, NEXT, HOPS = sys.argv[1:]
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:"
server = MCPServer("planner", version="1.0.0")


def authlib():
    return OAuth2Session("planner", os.environ["PLANNER_SECRET"], token_endpoint_auth_method="client_secret_basic")


def exchanged(handed: str) -> dict:
    """A token for the next server: whose authority, who acts, and no more than is needed."""
    own = authlib().fetch_token(f"{ISSUER}/token", grant_type="client_credentials", resource=NEXT)
    return authlib().fetch_token(
        f"{ISSUER}/token",
        grant_type=EXCHANGE,
        subject_token=handed,
        subject_token_type=f"{TYPE}txn_token",
        actor_token=own["access_token"],
        actor_token_type=f"{TYPE}access_token",
        resource=NEXT,
        scope="investigate",
    )


def told(**said) -> None:
    with open(HOPS, "a", encoding="utf-8") as file:
        file.write(json.dumps({"at": "planner", **said}) + "\n")


@server.tool(description="Plans, and has the work done")
async def plan(topic: str, ctx: Context) -> str:
    handed = (ctx.headers or {}).get("txn-token", "")
    told(handed=handed, authorization="authorization" in (ctx.headers or {}))
    try:
        token = await asyncio.to_thread(exchanged, handed)
    except OAuthError as error:
        told(error=error.error, description=error.description)
        return f"refused: {error.error}"
    told(token=token["access_token"], issued=token.get("issued_token_type"), scope=token.get("scope"))
    headers = {"authorization": f"Bearer {token['access_token']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        async with Client(streamable_http_client(NEXT, http_client=http), mode="auto") as research:
            answer = await research.call_tool("investigate", {"topic": topic})
    return f"planned: {answer.content[0].text}"


async def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    app = server.streamable_http_app(json_response=True, stateless_http=True)
    print(json.dumps({"url": f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"}), flush=True)
    await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[listening])


asyncio.run(main())
