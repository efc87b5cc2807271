"""Writes result tables into the documents, each between its own markers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from neonblue.behavior.proportion import share

DOCUMENT = Path(__file__).parents[1] / "docs" / "statistics-sequential.md"


def markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def share_text(hits: int, runs: int) -> str:
    """A share in per cent with its 95 % interval (Wilson 1927)."""
    found = share(hits, runs)
    low, high = 100 * found.ci_lower, 100 * found.ci_upper
    return f"{100 * found.value:.1f} [{low:.1f}, {high:.1f}]"


def write_section(name: str, text: str, document: Path = DOCUMENT) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- /name -->``."""
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    pattern = re.compile(re.escape(opening) + ".*?" + re.escape(closing), re.DOTALL)
    written, count = pattern.subn(
        lambda _: f"{opening}\n{text}\n{closing}", document.read_text(encoding="utf-8")
    )
    if count != 1:
        raise SystemExit(f"{document.name} needs exactly one {opening} … {closing}")
    document.write_text(written, encoding="utf-8")
