"""MCP tools, one module a topic; each ends with TOOLS."""
