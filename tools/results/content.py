"""An answer as content blocks: its JSON as text, then pictures, each with its address."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastmcp.tools import ToolResult
from fastmcp.utilities.types import Image
from mcp_types import ContentBlock, ResourceLink, TextContent
from pydantic import Field

from neonblue.tools.results.figure import Answer

if TYPE_CHECKING:
    from neonblue.intelligence.chart_cache import ChartCache
    from neonblue.intelligence.pictures import Picture

CONCISE_DIGITS = 6


class Chart(Answer):
    """A picture that was asked for; without a ``uri`` the detail says why there is none."""

    chart: str
    uri: str | None = Field(None, description="a resource of this server, image/png")
    detail: str


def charts(pictures: Sequence[Picture], cache: ChartCache) -> list[Chart]:
    """What the structured answer says of its pictures, kept in ``cache`` for a while."""
    return [
        Chart(
            chart=picture.chart,
            uri=f"chart://{cache.add(picture.png)}" if picture.png is not None else None,
            detail=picture.detail,
        )
        for picture in pictures
    ]


def with_pictures(
    answer: Answer, pictures: Sequence[Picture] = (), *, concise: bool = False
) -> ToolResult:
    """Structured content and the same as text, for clients that show one of the two.

    ``pictures`` follow as PNG, and as a link where the answer has its address in ``charts``: some
    clients drop pictures beside structured content. A ``concise`` answer leaves out what is null
    and rounds to six significant digits.
    """
    structured = answer.model_dump(mode="json")
    if concise:
        structured = folded(structured)
    shown = json.dumps(structured, ensure_ascii=False, separators=(",", ":"))
    blocks: list[ContentBlock] = [TextContent(type="text", text=shown)]
    for picture in pictures:
        if picture.png is not None:
            blocks.append(Image(data=picture.png, format="png").to_image_content())
    drawn = [one for one in structured.get("charts", ()) if one.get("uri")]
    blocks += [_link(one["uri"], one["chart"]) for one in drawn]
    return ToolResult(content=blocks, structured_content=structured)


def _link(uri: str, name: str) -> ResourceLink:
    return ResourceLink(type="resource_link", uri=uri, name=name, mime_type="image/png")


def folded(value: Any) -> Any:
    """A JSON value without nulls, its numbers rounded."""
    if isinstance(value, dict):
        return {key: folded(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [folded(inner) for inner in value]
    if isinstance(value, float):
        return float(f"{value:.{CONCISE_DIGITS}g}")
    return value
