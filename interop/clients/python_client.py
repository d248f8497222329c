"""The Python SDK, as it comes from its registry, against a protected MCP server.

Usage: python clients/python_client.py URL STEPPED_URL (modern|legacy) (cimd|dcr)
"""

import asyncio
import random
import sys
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata, OAuthToken

CLIENT_METADATA_URL = "https://conformance-test.local/client-metadata.json"
BASIC_TOOL = "test_simple_text"
ADVANCED_TOOL = "test_multiple_content_types"

URL, STEPPED, ERA, REGISTRATION = sys.argv[1:5]
REDIRECT = f"http://127.0.0.1:{random.randint(20_000, 40_000)}/callback"
results = {"PASS": 0, "FAIL": 0}


def record(ok: bool, name: str, detail: str = "") -> None:
    verdict = "PASS" if ok else "FAIL"
    results[verdict] += 1
    print(f"{verdict} {name}" + (f": {' '.join(detail.split())[:600]}" if detail and not ok else ""), flush=True)


def reason(error: BaseException) -> str:
    """The innermost errors, for groups hide them."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(reason(inner) for inner in error.exceptions)
    return f"{type(error).__name__}: {error}"


class Person:
    """Storage, browser and callback in one."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client = None
        self.visits: list[dict[str, list[str]]] = []
        self.callback: dict[str, list[str]] = {}

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens) -> None:
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client) -> None:
        self.client = client

    async def redirect(self, address: str) -> None:
        self.visits.append(parse_qs(urlsplit(address).query))
        async with httpx2.AsyncClient(follow_redirects=False) as browser:
            for _ in range(10):
                response = await browser.get(address, headers={"accept": "text/html"})
                location = response.headers.get("location")
                if location is None:
                    raise RuntimeError(f"{address.split('?')[0]} answered {response.status_code}: {response.text[:400]}")
                address = urljoin(address, location)
                if address.startswith(REDIRECT):
                    self.callback = parse_qs(urlsplit(address).query)
                    return
        raise RuntimeError("no end of redirects")

    async def answer(self) -> AuthorizationCodeResult:
        one = {key: values[0] for key, values in self.callback.items()}
        return AuthorizationCodeResult(code=one["code"], state=one.get("state"), iss=one.get("iss"))

    def auth(self, url: str) -> OAuthClientProvider:
        metadata = OAuthClientMetadata(
            client_name="Interop (Python)", redirect_uris=[REDIRECT], token_endpoint_auth_method="none"
        )
        return OAuthClientProvider(
            server_url=url,
            client_metadata=metadata,
            storage=self,
            redirect_handler=self.redirect,
            callback_handler=self.answer,
            client_metadata_url=CLIENT_METADATA_URL if REGISTRATION == "cimd" else None,
        )


async def step(name: str, run) -> None:
    try:
        record(True, name) if (await run()) is not False else None
    except Exception as error:  # every failure is a result here
        record(False, name, reason(error))


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


async def with_client(url: str, person: Person, body) -> None:
    # A version pin sends no discovery of its own; `auto` does, and takes the newest.
    mode = "auto" if ERA == "modern" else "legacy"
    provider = person.auth(url)
    async with httpx2.AsyncClient(auth=provider, timeout=30) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            await body(client, provider)


async def walk() -> None:
    person = Person()

    async def body(client: Client, provider: OAuthClientProvider) -> None:
        record(True, "connects after discovery, registration, consent and PKCE")

        async def revision():
            wanted = client.protocol_version >= "2026" if ERA == "modern" else client.protocol_version < "2026"
            expect(wanted, f"negotiated {client.protocol_version}")

        async def known():
            by_url = person.client is not None and person.client.client_id == CLIENT_METADATA_URL
            expect(by_url == (REGISTRATION == "cimd"), f"is {person.client and person.client.client_id}")

        async def once():
            expect(len(person.visits) == 1 and person.visits[0].get("resource") == [URL], str(person.visits))

        async def tool():
            names = [tool.name for tool in (await client.list_tools()).tools]
            expect(BASIC_TOOL in names, "the tool is not listed")
            answer = await client.call_tool(BASIC_TOOL, {})
            expect(answer.content[0].text == "This is a simple text response for testing.", "another answer")

        async def others():
            resource = await client.read_resource("test://static-text")
            expect(resource.contents[0].text.startswith("This is the content"), "another resource")
            expect(len((await client.get_prompt("test_simple_prompt")).messages) == 1, "another prompt")

        async def progress():
            seen = []

            async def on_progress(value, total, message):
                seen.append(value)

            await client.call_tool("test_tool_with_progress", {}, progress_callback=on_progress)
            expect(seen == [0, 50, 100], f"saw {seen}")

        async def refresh():
            before = person.tokens
            expect(before is not None and before.refresh_token is not None, "there is no refresh token")
            provider.context.token_expiry_time = 1.0  # long ago
            answer = await client.call_tool(BASIC_TOOL, {})
            expect(answer.content[0].text.startswith("This is"), "no answer")
            expect(person.tokens.access_token != before.access_token, "kept the old token")
            expect(len(person.visits) == 1, "asked the person again")

        await step("speaks the revision it was asked to", revision)
        await step(f"is known by {REGISTRATION}", known)
        await step("asked once, for the resource it uses", once)
        await step("lists and calls a tool", tool)
        await step("reads a resource and gets a prompt", others)
        await step("sees progress while a tool works", progress)
        await step("refreshes a token that has expired", refresh)

    try:
        await with_client(URL, person, body)
    except Exception as error:
        record(False, "connects after discovery, registration, consent and PKCE, and closes", reason(error))


async def step_up() -> None:
    person = Person()

    async def body(client: Client, provider: OAuthClientProvider) -> None:
        record(True, "connects with the scope of the challenge alone")

        async def first():
            asked = " ".join(person.visits[0].get("scope", []))
            expect("basic" in asked and "advanced" not in (person.tokens.scope or ""), f"{asked} / {person.tokens.scope}")

        async def filtered():
            names = [tool.name for tool in (await client.list_tools()).tools]
            expect(BASIC_TOOL in names and ADVANCED_TOOL not in names, str(names))

        async def union():
            answer = await client.call_tool(ADVANCED_TOOL, {})
            expect(len(answer.content) == 3, f"no answer after the step up: {answer}")
            asked = person.visits[-1].get("scope", [""])[0].split()
            expect(len(person.visits) == 2 and {"basic", "advanced"} <= set(asked), f"asked for {asked}")

        async def kept():
            answer = await client.call_tool(BASIC_TOOL, {})
            expect(answer.content[0].text.startswith("This is"), "lost the first scope")
            expect(len(person.visits) == 2, "asked again")

        await step("was given the first scope", first)
        await step("sees only what it may use", filtered)
        await step("is challenged, asks for the union, and calls again", union)
        await step("keeps the first scope", kept)

    try:
        await with_client(STEPPED, person, body)
    except Exception as error:
        record(False, "connects with the scope of the challenge alone, and closes", reason(error))


async def main() -> int:
    await walk()
    await step_up()
    print(f"{results['PASS']} passed, {results['FAIL']} failed")
    return 0 if results["FAIL"] == 0 and results["PASS"] > 0 else 1


sys.exit(asyncio.run(main()))
