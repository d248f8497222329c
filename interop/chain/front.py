"""Front, the first agent: the Python SDK, as it comes from its registry, for a user who agrees in a browser.

Usage: python chain/front.py PLANNER HOPS
"""

import asyncio
import json
import random
import sys
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

CLIENT_METADATA_URL = "https://conformance-test.local/client-metadata.json"
PLANNER, HOPS = sys.argv[1:]
REDIRECT = f"http://127.0.0.1:{random.randint(20_000, 40_000)}/callback"


class Person:
    """Storage, browser and callback in one."""

    tokens = client = None
    visits = 0

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens) -> None:
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client) -> None:
        self.client = client

    async def redirect(self, address: str) -> None:
        self.visits += 1
        async with httpx2.AsyncClient(follow_redirects=False) as browser:
            for _ in range(10):
                response = await browser.get(address, headers={"accept": "text/html"})
                address = urljoin(address, response.headers["location"])
                if address.startswith(REDIRECT):
                    self.callback = parse_qs(urlsplit(address).query)
                    return
        raise RuntimeError("no end of redirects")

    async def answer(self) -> AuthorizationCodeResult:
        one = {key: values[0] for key, values in self.callback.items()}
        return AuthorizationCodeResult(code=one["code"], state=one.get("state"), iss=one.get("iss"))


async def called(person: Person) -> str:
    auth = OAuthClientProvider(
        server_url=PLANNER,
        client_metadata=OAuthClientMetadata(
            client_name="Front", redirect_uris=[REDIRECT], token_endpoint_auth_method="none"
        ),
        storage=person,
        redirect_handler=person.redirect,
        callback_handler=person.answer,
        client_metadata_url=CLIENT_METADATA_URL,
    )
    async with httpx2.AsyncClient(auth=auth, timeout=30) as http:
        async with Client(streamable_http_client(PLANNER, http_client=http), mode="auto") as client:
            answer = await client.call_tool("plan", {"topic": "sales"})
    with open(HOPS, "a", encoding="utf-8") as file:
        file.write(json.dumps({"at": "front", "token": person.tokens.access_token}) + "\n")
    return answer.content[0].text


def reason(error: BaseException) -> str:
    """The innermost errors, for groups hide them."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(reason(inner) for inner in error.exceptions)
    return f"{type(error).__name__}: {error}"


def main() -> int:
    person = Person()
    name = "the Python SDK's client reaches the last server through two agents"
    try:
        said = asyncio.run(called(person))
        ok = said == "planned: sales: sales rose 8.7 %" and person.visits == 1
        said = f"{said}, {person.visits} visits"
    except BaseException as error:  # noqa: BLE001
        ok, said = False, " ".join(reason(error).split())
    print(f"PASS {name}" if ok else f"FAIL {name}: {said}")
    print(f"{int(ok)} passed, {int(not ok)} failed")
    return 0 if ok else 1


sys.exit(main())
