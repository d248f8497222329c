#!/bin/sh
# A service on an instance whose profile has the role `report-agent`. It finds the platform by itself.
cat > /etc/systemd/system/report-agent.service <<'UNIT'
[Unit]
Description=An agent that reads reports
After=network-online.target
Wants=network-online.target

[Service]
DynamicUser=yes
# Your agent's host; `prokura connect` is the MCP server that it starts.
ExecStart=/opt/agent/run --mcp-server "/usr/local/bin/prokura connect https://prokura.example.com/mcp/sales --workload aws"
Restart=on-failure

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now report-agent
