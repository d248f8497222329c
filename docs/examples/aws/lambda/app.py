"""Calls a tool of a protected MCP server by what AWS says of this function."""

import json
import os
import subprocess
import urllib.request

SERVER = os.environ["MCP_SERVER"]  # https://prokura.example.com/mcp/sales


def token():
    told = subprocess.run(
        ["/opt/prokura", "token", "--resource", SERVER, "--workload", "aws", "--scope", "read:report"],
        check=True, capture_output=True, text=True, timeout=20,
    )
    return told.stdout.strip()


def handler(event, context):
    message = {
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": "read_report", "arguments": event.get("arguments", {}),
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "report-agent", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    }
    request = urllib.request.Request(SERVER, data=json.dumps(message).encode(), headers={
        "Authorization": f"Bearer {token()}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "read_report",
    })
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()
