"""NeonBlue Intelligence: experimentation tools for agents, over MCP."""

__version__ = "0.1.0"
