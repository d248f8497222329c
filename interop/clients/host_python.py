"""The Python client SDK, as it comes from its registry, as an agent's host: it starts `prokura connect` and speaks to it
on standard input and output.

Usage: python clients/host_python.py PROKURA FOLDER URL STEPPED_URL|- (modern|legacy) SERVER_ERA (cimd|dcr) NODE
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import mcp_types as types
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

CLIENT_METADATA_URL = "https://conformance-test.local/client-metadata.json"
BASIC_TOOL = "test_simple_text"
ADVANCED_TOOL = "test_multiple_content_types"

PROKURA, FOLDER, URL, STEPPED, ERA, SERVER_ERA, REGISTRATION, NODE = sys.argv[1:9]
VISITS = Path(FOLDER) / "visits"
results = {"PASS": 0, "FAIL": 0}


def record(ok: bool, name: str, detail: str = "") -> None:
    verdict = "PASS" if ok else "FAIL"
    results[verdict] += 1
    print(f"{verdict} {name}" + (f": {' '.join(detail.split())[:600]}" if detail and not ok else ""), flush=True)


def reason(error: BaseException) -> str:
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


def visits() -> list[dict[str, list[str]]]:
    lines = VISITS.read_text().split() if VISITS.exists() else []
    return [parse_qs(urlsplit(line).query) for line in lines]


def environment() -> dict[str, str]:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": FOLDER,
        "BROWSER": f"{NODE} {Path(__file__).parent / 'visit.mjs'} {VISITS} %s",
        "PROKURA_LOGINS": f"{FOLDER}/logins",
    }
    if REGISTRATION == "cimd":
        env["PROKURA_CLIENT_METADATA_URL"] = CLIENT_METADATA_URL
    return env


async def fill(_context, _params) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"username": "alice", "email": "a@example.com", "name": "alice"})


def host(to: str) -> Client:
    server = StdioServerParameters(command=PROKURA, args=["connect", to], env=environment())
    mode = "auto" if ERA == "modern" else "legacy"
    return Client(server, mode=mode, elicitation_callback=fill, read_timeout_seconds=30)


async def walk() -> None:
    async with host(URL) as client:
        record(True, "connects, and signs in by a browser")

        async def revision():
            wanted = client.protocol_version >= "2026" if ERA == "modern" else client.protocol_version < "2026"
            expect(wanted, f"negotiated {client.protocol_version}")

        async def once():
            expect(len(visits()) == 1 and visits()[0].get("resource") == [URL], str(visits()))

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

        async def asked():
            if SERVER_ERA == "modern":
                answer = await client.call_tool("test_input_required_result_elicitation", {})
            else:
                answer = await client.call_tool("test_elicitation", {"message": "Who?"})
            expect("alice" in answer.content[0].text, answer.content[0].text)

        async def kept_back():
            seen = json.loads((await client.call_tool("test_seen_headers", {})).content[0].text)
            expect(not {"authorization", "cookie", "dpop"} & set(seen), str(seen))

        await step("speaks the revision it was asked to", revision)
        await step("asked once, for the server it uses", once)
        await step("lists and calls a tool", tool)
        await step("reads a resource and gets a prompt", others)
        await step("sees progress while a tool works", progress)
        await step("is asked for what a tool needs", asked)
        await step("keeps its token from the server behind the gateway", kept_back)


async def again() -> None:
    before = len(visits())
    async with host(URL) as client:
        answer = await client.call_tool(BASIC_TOOL, {})
        expect(answer.content[0].text.startswith("This is"), "no answer")
        expect(len(visits()) == before, "asked again")


async def step_up() -> None:
    before = len(visits())
    async with host(STEPPED) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        expect(BASIC_TOOL in names and ADVANCED_TOOL not in names, str(names))
        expect(len((await client.call_tool(ADVANCED_TOOL, {})).content) == 3, "no answer after the step up")
        asked = visits()[-1].get("scope", [""])[0].split()
        expect(len(visits()) == before + 2 and {"basic", "advanced"} <= set(asked), f"asked for {asked}")


async def main() -> int:
    try:
        await walk()
    except Exception as error:
        record(False, "connects, and signs in by a browser, and closes", reason(error))
    await step("starts again without asking the person again", again)
    if STEPPED != "-":
        await step("steps up by the union of scopes, within one call", step_up)
    print(f"{results['PASS']} passed, {results['FAIL']} failed")
    return 0 if results["FAIL"] == 0 and results["PASS"] > 0 else 1


sys.exit(asyncio.run(main()))
