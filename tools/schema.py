"""The schema of an argument with parts, as short as it can be said, without references."""

from typing import Any

from pydantic import BaseModel

NOISE = ("title", "default", "description", "minLength", "maxLength")


def short_schema(model: type[BaseModel]) -> dict[str, Any]:
    """A model's schema with its parts in place, and only the descriptions that fields carry."""
    schema = model.model_json_schema()
    inlined: dict[str, Any] = _inlined(schema, schema.get("$defs", {}))
    return inlined


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(each, parts) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(parts[schema["$ref"].rpartition("/")[2]], parts)
    kept = {key: value for key, value in schema.items() if key not in (*NOISE, "$defs")}
    if "properties" in schema:
        kept["properties"] = {
            name: _field(each, parts) for name, each in schema["properties"].items()
        }
    for key in ("items", "anyOf"):
        if key in kept:
            kept[key] = _inlined(kept[key], parts)
    return _without_null(kept)


def _field(schema: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    inlined: dict[str, Any] = _inlined(schema, parts)
    said = schema.get("description")
    return {**inlined, "description": said} if said else inlined


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) != 1:
        return {**schema, "anyOf": choices} if choices else schema
    return {**{key: value for key, value in schema.items() if key != "anyOf"}, **choices[0]}
