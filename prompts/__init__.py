"""MCP prompts, one module a topic; each ends with PROMPTS."""
