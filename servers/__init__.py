"""The three MCP servers and the hub that mounts them."""
