"""MCP resources, one module a topic; each ends with RESOURCES."""
