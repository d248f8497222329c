"""Mia's assistant: the Python SDK's client, as it comes from its registry.

Usage: python manager/assistant.py SERVER HR (modern|legacy) (hidden|shown)
  HR is where somebody of human resources is told of a page to agree at; `hidden`: the list leaves out what no call may do.
  In 2025-11-25 it can send people to pages; in 2026-07-28 it cannot, and reads in a result where to go.
"""

import asyncio
import json
import random
import re
import sys
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
from mcp import Client, MCPError
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata
from mcp_types import ElicitResult

SERVER, HR, ERA, LIST = sys.argv[1:5]
REDIRECT = f"http://127.0.0.1:{random.randint(20_000, 40_000)}/callback"
results = {"PASS": 0, "FAIL": 0}
pages: list[str] = []


def record(ok: bool, name: str, detail: str = "") -> None:
    verdict = "PASS" if ok else "FAIL"
    results[verdict] += 1
    print(f"{verdict} {name}" + (f": {' '.join(detail.split())[:600]}" if detail and not ok else ""), flush=True)


def reason(error: BaseException) -> str:
    """The innermost errors, for groups hide them."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(reason(inner) for inner in error.exceptions)
    return f"{type(error).__name__}: {error}"


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


async def step(name: str, run) -> None:
    try:
        await run()
        record(True, name)
    except Exception as error:  # every failure is a result here
        record(False, name, reason(error))


class Mia:
    """Storage, browser and callback in one."""

    tokens = None
    callback: dict[str, str] = {}

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens) -> None:
        self.tokens = tokens

    async def get_client_info(self):
        return OAuthClientInformationFull(client_id="assistant", redirect_uris=[REDIRECT], token_endpoint_auth_method="none")

    async def set_client_info(self, client) -> None:
        raise AssertionError("it is known already")

    async def redirect(self, address: str) -> None:
        async with httpx2.AsyncClient(follow_redirects=False) as browser:
            for _ in range(10):
                response = await browser.get(address, headers={"accept": "text/html"})
                location = response.headers.get("location")
                expect(location is not None, f"{address.split('?')[0]} answered {response.status_code}")
                address = urljoin(address, location)
                if address.startswith(REDIRECT):
                    self.callback = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
                    return
        raise RuntimeError("no end of redirects")

    async def answer(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult(
            code=self.callback["code"], state=self.callback.get("state"), iss=self.callback.get("iss")
        )

    def auth(self) -> OAuthClientProvider:
        metadata = OAuthClientMetadata(
            client_name="Assistant", redirect_uris=[REDIRECT], token_endpoint_auth_method="none"
        )
        return OAuthClientProvider(
            server_url=SERVER,
            client_metadata=metadata,
            storage=self,
            redirect_handler=self.redirect,
            callback_handler=self.answer,
        )


async def agree(url: str) -> None:
    """Has human resources agree."""
    async with httpx2.AsyncClient(timeout=30) as http:
        answer = await http.post(HR, content=url)
        expect(answer.status_code == 200, answer.text)


async def elicited(_context, _params) -> ElicitResult:
    return ElicitResult(action="decline")


def said(answer) -> str:
    return "\n".join(block.text for block in answer.content)


def ids(rows) -> str:
    return ",".join(row["id"] for row in rows)


def no_numbers(answer) -> None:
    everything = answer.model_dump_json()
    expect("ssn-of-" not in everything and "iban-of-" not in everything, everything)


async def walk(client: Client) -> None:
    call = client.call_tool

    async def refused(name: str, given: dict, word: str) -> None:
        try:
            answer = await call(name, given)
        except MCPError as error:
            told = f"{error} {error.error.data}"
            expect(word in told, told)
        else:
            raise AssertionError(f"it went through: {answer}")

    async def raised(percent: int) -> tuple[str, str | None]:
        """What it comes to, and the page that it sends to."""
        try:
            answer = await call("raise_salary", {"id": "e1", "percent": percent})
        except MCPError as error:
            expect(error.error.code == -32042, f"{error} {error.error}")
            return "an error", error.error.data["elicitations"][0]["url"]
        found = re.search(r"http\S+/approve/[^\s,.;)]+", said(answer))
        expect(bool(answer.is_error) == (found is not None), said(answer))
        return said(answer), found and found[0]

    async def revision():
        expect((client.protocol_version >= "2026") == (ERA == "modern"), client.protocol_version)

    async def shown():
        names = {tool.name for tool in (await client.list_tools()).tools}
        usable = {"list_employees", "show_employee", "modify_employee", "raise_salary", "export_employees"}
        expect(usable <= names, str(names))
        expect(("delete_employee" in names) == (LIST == "shown"), str(names))

    async def lists():
        answer = await call("list_employees", {})
        expect(ids(answer.structured_content["employees"]) == "e1,e2,e4", said(answer))
        expect(ids(json.loads(said(answer))["employees"]) == "e1,e2,e4", said(answer))
        no_numbers(answer)

    async def shows():
        answer = await call("show_employee", {"id": "e1"})
        expect(answer.structured_content["name"] == "Ada", said(answer))
        no_numbers(answer)

    async def changes():
        answer = await call("modify_employee", {"id": "e1", "status": "leave"})
        expect(said(answer) == "Ada is now: leave", said(answer))

    async def exports():
        answer = await call("export_employees", {})
        expect(ids(json.loads(said(answer))["employees"]) == "e1,e2,e4", said(answer))
        no_numbers(answer)

    async def raises():
        told, page = await raised(5)
        expect(page is not None, told)
        pages.append(page)
        again, same = await raised(5)
        expect(same == page, f"nobody agreed yet: {again}")
        await agree(page)
        told, page = await raised(5)
        expect(told == "Ada gets 5 % more" and page is None, told)

    async def again():
        for percent in [5, 6]:
            told, page = await raised(percent)
            expect(page is not None and page not in pages, told)
            pages.append(page)

    await step("speaks the revision it was asked to", revision)
    await step("is shown the tools that some call of hers may use", shown)
    await step("lists her own staff alone, without numbers", lists)
    await step("shows one of them without numbers", shows)
    await step("is refused to show another one", lambda: refused("show_employee", {"id": "e3"}, "policy"))
    await step("changes the status of one", changes)
    other = {"id": "e3", "status": "leave"}
    await step("is refused to change somebody else's", lambda: refused("modify_employee", other, "policy"))
    none = {"id": "e1", "status": "fired"}
    await step("is refused a status that is none", lambda: refused("modify_employee", none, "policy"))
    more = {"id": "e1", "status": "leave", "salary": 1}
    await step("is refused an argument that nobody named", lambda: refused("modify_employee", more, "arguments"))
    await step("is refused to delete one, though she herself could", lambda: refused("delete_employee", {"id": "e1"}, "policy"))
    await step("exports her own rows without numbers, also as text", exports)
    large = {"id": "e1", "percent": 50}
    await step("is refused a raise that is too large", lambda: refused("raise_salary", large, "policy"))
    await step("gives a raise when human resources agreed to it", raises)
    await step("is asked again for the same raise, and for another", again)


async def main() -> int:
    goes = {} if ERA == "modern" else {"elicitation_callback": elicited}
    mode = "auto" if ERA == "modern" else "legacy"
    try:
        async with httpx2.AsyncClient(auth=Mia().auth(), timeout=30) as http:
            async with Client(streamable_http_client(SERVER, http_client=http), mode=mode, **goes) as client:
                record(True, "signs Mia in and connects")
                await walk(client)
    except Exception as error:
        record(False, "signs Mia in and connects, and closes", reason(error))
    print(f"{results['PASS']} passed, {results['FAIL']} failed")
    return 0 if results["FAIL"] == 0 and results["PASS"] > 0 else 1


sys.exit(asyncio.run(main()))
