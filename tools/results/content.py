"""An answer as content blocks: its JSON as text, then pictures."""

from __future__ import annotations

from fastmcp.tools import ToolResult
from fastmcp.utilities.types import Image
from mcp_types import ContentBlock, TextContent

from neonblue.tools.results.figure import Answer


def with_pictures(answer: Answer, *pictures: bytes | None) -> ToolResult:
    """Structured content, the same as text for clients that read only text, and each PNG."""
    structured = answer.model_dump(mode="json")
    text = TextContent(type="text", text=answer.model_dump_json())
    drawn = [picture for picture in pictures if picture is not None]
    images = [Image(data=picture, format="png").to_image_content() for picture in drawn]
    blocks: list[ContentBlock] = [text, *images]
    return ToolResult(content=blocks, structured_content=structured)
