"""The second parser: the engine's own tree of the same text, node by node against a list."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from neonblue.query.sql_functions import is_allowed
from neonblue.query.statement import Statement, refused
from neonblue.query.visible import RESERVED, VIEW_PREFIX

LINE = re.compile(r"(?P<depth> *)(?P<kind>[\w:]+)(?: (?P<rest>.*))?", re.DOTALL)
TAIL = re.compile(r"(?: \(alias (?P<alias>.*?)\))?(?: \(children \d+\))?$", re.DOTALL)
PLAIN_NODES = frozenset(
    {
        "SelectWithUnionQuery",
        "SelectQuery",
        "ExpressionList",
        "TablesInSelectQuery",
        "TablesInSelectQueryElement",
        "TableExpression",
        "TableJoin",
        "Subquery",
        "WithElement",
        "Literal",
        "Identifier",
        "Asterisk",
        "QualifiedAsterisk",
        "OrderByElement",
        "WindowDefinition",
        "WindowListElement",
        "ArrayJoin",
        "SelectIntersectExceptQuery",
        "Function",
        "TableIdentifier",
    }
)
NOTHING_BELOW = frozenset({"Asterisk"})
MEMBERSHIP = frozenset({"in", "notin", "globalin", "globalnotin"})
SET_NODES = frozenset({"Literal", "Subquery"})
SET_FUNCTIONS = frozenset({"tuple", "array"})


class _Node:
    __slots__ = ("below", "kind", "name")

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, name
        self.below: list[_Node] = []


def check_engine_tree(lines: Sequence[str], statement: Statement) -> None:
    """Refuse what the engine sees and the list does not have, or the first parser did not see."""
    root = _tree(lines)
    seen: Counter[str] = Counter()
    tables: set[str] = set()
    _walk(root, seen, tables)
    strange = sorted(name for name in tables if not name.startswith(RESERVED))
    if strange:
        raise refused(f"it reads {strange[0]!r}")
    ours = {name.removeprefix(VIEW_PREFIX) for name in tables if name.startswith(VIEW_PREFIX)}
    if ours != statement.tables:
        raise refused("two parsers see different tables in it")
    if seen["SelectQuery"] < statement.selects:
        raise refused("two parsers see different subqueries in it")


def _tree(lines: Sequence[str]) -> _Node:
    root = _Node("SelectWithUnionQuery", "")
    path: list[_Node] = []
    for number, line in enumerate(lines):
        match = LINE.fullmatch(line)
        if match is None:
            raise refused("the engine reads something in it that cannot be told")
        depth = len(match["depth"])
        rest = match["rest"] or ""
        node = _Node(match["kind"], TAIL.sub("", f" {rest}").strip())
        if depth > len(path) or (depth == 0) != (number == 0):
            raise refused("the engine reads something in it that cannot be told")
        if depth == 0:
            root = node
        else:
            path[depth - 1].below.append(node)
        path[depth:] = [node]
    if root.kind != "SelectWithUnionQuery" or not lines:
        raise refused("it is not one SELECT")
    return root


def _walk(root: _Node, seen: Counter[str], tables: set[str]) -> None:
    # Under the root stands one list of SELECTs; an outfile or a format would stand beside it.
    if [node.kind for node in root.below] != ["ExpressionList"]:
        raise refused("SETTINGS, FORMAT and INTO OUTFILE are not allowed")
    waiting = [root]
    while waiting:
        node = waiting.pop()
        _check(node)
        seen[node.kind] += 1
        if node.kind == "TableIdentifier":
            tables.add(node.name)
        waiting.extend(node.below)


def _check(node: _Node) -> None:
    if node.kind not in PLAIN_NODES:
        raise refused(f"{node.kind} is not allowed")
    if node.kind in NOTHING_BELOW and node.below:
        raise refused("transformers of * are not allowed: name the columns")
    if node.kind == "QualifiedAsterisk" and any(n.kind != "Identifier" for n in node.below):
        raise refused("transformers of * are not allowed: name the columns")
    if node.kind == "TableExpression" and any(
        n.kind not in ("TableIdentifier", "Subquery") for n in node.below
    ):
        raise refused("table functions, SAMPLE and FINAL are not allowed")
    if node.kind == "Function":
        _check_function(node)


def _check_function(node: _Node) -> None:
    name = node.name.split(" ")[0]
    if not is_allowed(name):
        raise refused(f"the function {name!r} is not on the list of what may be called")
    if name.lower() in MEMBERSHIP:
        arguments = node.below[0].below if node.below else []
        chosen = arguments[1] if len(arguments) == 2 else None
        listed = chosen is not None and (
            chosen.kind in SET_NODES
            or (chosen.kind == "Function" and chosen.name.lower() in SET_FUNCTIONS)
        )
        if not listed:
            raise refused("IN needs a list in parentheses or a SELECT")
