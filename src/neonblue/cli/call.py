"""``neonblue call``: any tool from a script. JSON on stdout, pictures as files, errors on stderr.

Exit status: 0 answered, 1 the tool refused, 2 there is no such tool or argument.
"""

import argparse
import base64
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neonblue.errors import InvalidInputError
from neonblue.models.close_names import close_names

REFUSED = 1
UNSAFE = re.compile(r"[^\w.-]+")
LONGEST_STEM = 80


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("tool", nargs="?", help="a tool's name; without it, the tools are listed")
    parser.add_argument(
        "arguments",
        nargs="*",
        metavar="KEY=VALUE",
        help="text stays text where the tool wants text, else it is read as JSON; "
        "KEY:=JSON always is JSON",
    )
    parser.add_argument(
        "--save",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="where pictures go, default here",
    )


def run(arguments: argparse.Namespace) -> int:
    """Call the tool through whoever owns the data, and print its answer."""
    from neonblue.cli.log import log_to_stderr

    log_to_stderr()
    from neonblue.owner.embedded import connect_to_tools

    with connect_to_tools() as client:
        tools = client.tools()
        if arguments.tool is None:
            _print({name: _first_line(tool) for name, tool in sorted(tools.items())})
            return 0
        schema = _known(arguments.tool, tools)["inputSchema"]
        result = client.call(arguments.tool, parse_arguments(arguments.arguments, schema))
    if result.get("isError"):
        print(f"neonblue: {_text(result)}", file=sys.stderr)
        return REFUSED
    _print(result["structuredContent"] if "structuredContent" in result else _text(result))
    for path in save_pictures(result, arguments.save):
        print(f"neonblue: picture saved as {path}", file=sys.stderr)
    return 0


def save_pictures(result: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write each picture of an answer as a PNG named by experiment and chart; their paths."""
    answer = result.get("structuredContent") or {}
    drawn = [one["chart"] for one in answer.get("charts", ()) if one.get("uri")]
    images = [one for one in result.get("content", ()) if one.get("type") == "image"]
    stem = UNSAFE.sub("_", str(answer.get("experiment_id", "")))[:LONGEST_STEM]
    paths = []
    for image, chart in zip(images, drawn, strict=False):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{stem}-{chart}.png".lstrip("-")
        path.write_bytes(base64.b64decode(image["data"]))
        paths.append(path)
    return paths


def parse_arguments(words: list[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """``KEY=VALUE`` and ``KEY:=JSON`` as the tool's arguments."""
    return dict(_pair(word, schema.get("properties", {})) for word in words)


def _pair(word: str, properties: Mapping[str, Any]) -> tuple[str, Any]:
    key, equals, value = word.partition("=")
    is_json = key.endswith(":")
    key = key.removesuffix(":")
    if not equals or not key:
        raise InvalidInputError(f"{word!r} is no argument: write KEY=VALUE or KEY:=JSON")
    if key not in properties:
        raise InvalidInputError(
            f"the tool takes no argument {key!r}: it takes {', '.join(properties) or 'none'}"
        )
    if is_json:
        return key, _json(key, value)
    return key, _plain(value, _types(properties[key]))


def _plain(value: str, types: set[str]) -> Any:
    if types <= {"string", "null"}:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _json(key: str, value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise InvalidInputError(f"{key}:={value!r} is not JSON ({error})") from error


def _types(schema: Mapping[str, Any]) -> set[str]:
    kinds = schema.get("type")
    found = {kinds} if isinstance(kinds, str) else set(kinds or ())
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        found |= _types(choice)
    if not found and all(isinstance(value, str) for value in schema.get("enum", (None,))):
        found = {"string"}
    return found or {"any"}


def _known(name: str, tools: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    if name in tools:
        return tools[name]
    close = close_names(name, tools)
    advice = f"did you mean {' or '.join(close)}?" if close else "`neonblue call` lists them"
    raise InvalidInputError(f"there is no tool {name!r}: {advice}")


def _first_line(tool: Mapping[str, Any]) -> str:
    return str(tool.get("description") or "").strip().partition("\n")[0]


def _text(result: Mapping[str, Any]) -> str:
    return "\n".join(
        block["text"] for block in result.get("content", ()) if block.get("type") == "text"
    )


def _print(answer: Any) -> None:
    print(json.dumps(answer, indent=2, ensure_ascii=False))
