"""The first parser: sqlglot reads one SELECT over our tables, or the statement is refused.

What passes is the statement's own text with table names replaced by those of the views, at the
places where the parser found them. ``engine_tree`` then asks the engine what it sees in that text:
a table that only one of them sees keeps its name there, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from neonblue.errors import UnsafeQueryError
from neonblue.query.sql_functions import KEYWORDS_BEFORE_PARENTHESES, is_allowed, words
from neonblue.query.visible import OWN_PREFIX, RESERVED, VIEW_PREFIX, VISIBLE, columns_in_words

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.tokenizer_core import Token

MAX_CHARACTERS = 20_000
MAX_DEPTH = 200
COMMENT_MARKS = ("--", "/*", "#", "//")
PLAIN_TEXT = re.compile(r"'[A-Za-z0-9_ .:-]{0,100}'")
PLAIN_NUMBER = re.compile(r"[0-9]{1,15}")
REWRITE = "see list_catalog for what there is to ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement that the first parser lets through.

    ``text`` has the views' names in it. ``tables`` are those of ours that it reads,
    ``by_variant`` whether it names the variant of an event, ``texts`` every string in it.
    ``with_end`` is where views can be put in front: after its own WITH, or 0 when it has none.
    ``shape`` is the statement with plain texts and whole numbers left open: statements of one
    shape have one tree but for those.
    """

    text: str
    tables: frozenset[str]
    selects: int
    by_variant: bool
    texts: frozenset[str]
    with_end: int
    shape: str


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str


def read_statement(sql: str) -> Statement:
    """Parse one statement; ``UnsafeQueryError`` says what is not allowed and what is."""
    if len(sql) > MAX_CHARACTERS:
        raise _refused(f"it has {len(sql):,} characters, more than {MAX_CHARACTERS:,}")
    if "\0" in sql:
        raise _refused("it holds a zero byte")
    sql = _without_comments(sql)
    tokens = _tokens(sql)
    text_end = tokens[-1].end + 1
    _check_tokens(tokens)
    root = _parsed(sql)
    nodes = list(root.walk())
    _check_nodes(nodes)
    edits = list(_edits(nodes))
    first = tokens[0]
    has_with = first.token_type.name == "WITH"
    body = _edited(sql[:text_end], edits)
    return Statement(
        text=body[first.start :],
        tables=frozenset(_tables(nodes)),
        selects=sum(node.key == "select" for node in nodes),
        by_variant=_by_variant(nodes),
        texts=frozenset(t.text for t in tokens if t.token_type.name == "STRING"),
        with_end=len("WITH") if has_with else 0,
        shape=" ".join(_open_literal(sql, token) for token in tokens),
    )


def _open_literal(sql: str, token: Token) -> str:
    """A token as it is written; a text of plain characters or a whole number as such."""
    kind, written = token.token_type.name, sql[token.start : token.end + 1]
    if kind == "STRING" and PLAIN_TEXT.fullmatch(written):
        return "'text'"
    return "0" if kind == "NUMBER" and PLAIN_NUMBER.fullmatch(written) else written


def _refused(what: str) -> UnsafeQueryError:
    return UnsafeQueryError(
        f"this SQL is not run: {what}. Write one SELECT over {columns_in_words()}, or ask "
        f"analyze_experiment_performance for results by variant; {REWRITE}"
    )


def refused(what: str) -> UnsafeQueryError:
    """The error for a statement that is not allowed."""
    return _refused(what)


@cache
def _dialect() -> Any:
    from sqlglot.dialects.clickhouse import ClickHouse

    return ClickHouse()


def _without_comments(sql: str) -> str:
    """The tokens with a space where the text has spaces or comments between them.

    This is what is checked and run, so nothing is left for another reader to take for a comment,
    or not; and words such as GROUP BY are found with a comment between them.
    """
    if not any(mark in sql for mark in COMMENT_MARKS):
        return sql
    parts, end = [], 0
    for token in _tokens(sql):
        parts.append(" " if token.start > end else "")
        parts.append(sql[token.start : token.end + 1])
        end = token.end + 1
    return "".join(parts).strip()


def _tokens(sql: str) -> list[Token]:
    from sqlglot.errors import SqlglotError

    try:
        tokens: list[Token] = _dialect().tokenize(sql)
    except SqlglotError as error:
        raise _refused(f"it cannot be read ({_short(error)})") from error
    while tokens and tokens[-1].token_type.name == "SEMICOLON":
        tokens.pop()
    if not tokens:
        raise _refused("it is empty")
    return tokens


PLAIN_STRINGS = frozenset({"STRING"})
STRANGE_STRINGS = words("""
    RAW_STRING HEREDOC_STRING BIT_STRING HEX_STRING BYTE_STRING NATIONAL_STRING UNICODE_STRING
    BLOCK_START BLOCK_END PARAMETER PLACEHOLDER SESSION_PARAMETER
    """)
FORBIDDEN_WORDS = words("""
    settings format outfile apply into columns insert alter drop create attach detach system kill
    optimize rename truncate grant revoke use set explain describe show exchange watch
    sample final stream dictionary values recursive parallel fill interpolate infile
    compression materialized
    """) - {"values"}


def _check_tokens(tokens: list[Token]) -> None:
    """What no allowed statement has, by its words alone."""
    if tokens[0].token_type.name not in ("SELECT", "WITH", "L_PAREN", "FROM"):
        raise _refused(f"it begins with {tokens[0].text[:30]!r}")
    depth = 0
    for index, token in enumerate(tokens):
        kind, word = token.token_type.name, token.text
        following = tokens[index + 1].text if index + 1 < len(tokens) else ""
        if kind == "SEMICOLON":
            raise _refused("it has several statements")
        if kind in STRANGE_STRINGS or (kind != "STRING" and word[:1] in "$@{}"):
            raise _refused(f"{word[:30]!r} is a parameter or an unusual text")
        if kind == "IDENTIFIER" and not _plain_name(word):
            raise _refused(f"{word[:30]!r} is an unusual name")
        if kind not in ("STRING", "IDENTIFIER", "NUMBER"):
            _check_word(tokens, index, word.lower(), following)
        depth += (word in "([") - (word in ")]") if kind != "STRING" and word else 0
        if depth > MAX_DEPTH:
            raise _refused(f"it is nested deeper than {MAX_DEPTH}")


def _check_word(tokens: list[Token], index: int, word: str, following: str) -> None:
    before = tokens[index - 1].text if index else ""
    if word in FORBIDDEN_WORDS and before != ".":
        called = following == "(" and is_allowed(word)
        named = before.lower() == "as" or following in (",", ".", "")
        if not called and not (named and word in ("format", "columns", "fill")):
            raise _refused(f"{word.upper()} is not allowed")
    if following == "(" and (word[:1].isalpha() or word[:1] == "_"):
        is_with_name = before.lower() == "as"
        if word in KEYWORDS_BEFORE_PARENTHESES or is_allowed(word) or is_with_name:
            return
        if _is_join_word(word):
            return
        raise _refused(f"the function {word!r} is not on the list of what may be called")


def _is_join_word(word: str) -> bool:
    return all(part in KEYWORDS_BEFORE_PARENTHESES for part in word.split())


def _plain_name(word: str) -> bool:
    return 0 < len(word) <= 128 and all(c.isalnum() or c in "_ .-()%" for c in word)


def _parsed(sql: str) -> exp.Expr:
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        found = [one for one in _dialect().parse(sql) if one is not None]
    except (SqlglotError, RecursionError) as error:
        raise _refused(f"it cannot be read ({_short(error)})") from error
    found = [one for one in found if not isinstance(one, exp.Semicolon)]
    if len(found) != 1 or not isinstance(found[0], exp.Select | exp.SetOperation | exp.Subquery):
        raise _refused("it is not one SELECT")
    return found[0]


REFUSED_NODES = words("""
    command into apply columns placeholder parameter sessionparameter values final tablesample
    lateral pivot insert update delete create drop alter set use describe kill pragma
    rawstring hint
    """)


def _check_nodes(nodes: list[exp.Expr]) -> None:
    from sqlglot import exp

    own, known = _own_names(nodes), _known_names(nodes)
    for node in nodes:
        if node.key in REFUSED_NODES:
            raise _refused(f"{node.key.upper()} is not allowed")
        if isinstance(node, exp.Query) and any(node.args.get(k) for k in ("settings", "format")):
            raise _refused("SETTINGS and FORMAT are not allowed")
        if isinstance(node, exp.Select) and not node.expressions:
            raise _refused("a SELECT selects nothing")
        if isinstance(node, exp.With) and node.args.get("recursive"):
            raise _refused("WITH RECURSIVE is not allowed")
        if isinstance(node, exp.Star) and any(node.args.get(k) for k in ("except_", "replace")):
            raise _refused("transformers of * (EXCEPT, REPLACE) are not allowed: name the columns")
        if isinstance(node, exp.In) and node.args.get("field") is not None:
            raise _refused("IN needs a list in parentheses or a SELECT")
        if isinstance(node, exp.Table):
            _check_table(node, own)
        if isinstance(node, exp.Column) and not _is_known(node, known):
            raise _refused(f"there is no column {node.name!r}")
        _check_name(node)


def _check_table(node: exp.Table, own: frozenset[str]) -> None:
    from sqlglot import exp

    name = node.name
    if node.args.get("db") or node.args.get("catalog"):
        raise _refused(f"a table is named without a database, not {node.sql()[:60]!r}")
    if not isinstance(node.this, exp.Identifier):
        raise _refused(f"{node.sql()[:60]!r} is a table function")
    if name not in VISIBLE and not (name in own and _in_scope(node, name)):
        raise _refused(f"there is no table {name!r} to read")


def _in_scope(node: exp.Expr, name: str) -> bool:
    """Whether a WITH around this place has the name."""
    above = node.parent
    while above is not None:
        clause = above.args.get("with_")
        if clause is not None and any(one.alias == name for one in clause.expressions):
            return True
        above = above.parent
    return False


def _is_known(node: exp.Column, known: frozenset[str]) -> bool:
    """Whether a column is one of ours or the statement's; ORDER BY ALL is no column."""
    from sqlglot import exp

    name = node.name
    orders_by_all = name.upper() == "ALL" and isinstance(node.parent, exp.Ordered)
    return name in known or orders_by_all or not _is_bare(name)


def _is_bare(name: str) -> bool:
    return name.replace("_", "a").isalnum()


def _known_names(nodes: list[exp.Expr]) -> frozenset[str]:
    """Columns of ours, and every name that the statement gives to something."""
    from sqlglot import exp

    names = {column for columns in VISIBLE.values() for column in columns}
    for node in nodes:
        if isinstance(node, exp.Alias | exp.CTE | exp.PropertyEQ):
            names.add(node.alias or node.name)
        elif isinstance(node, exp.Lambda):
            names.update(one.name for one in node.expressions)
        elif isinstance(node, exp.TableAlias):
            names.update(one.name for one in (node.this, *node.columns) if one is not None)
        elif isinstance(node, exp.Aliases):
            names.update(one.name for one in node.expressions)
    return frozenset(names)


def _check_name(node: exp.Expr) -> None:
    from sqlglot import exp

    if isinstance(node, exp.Identifier) and node.name.lower().startswith(RESERVED):
        raise _refused(f"names do not begin with {' or '.join(RESERVED)}: {node.name!r}")


def _own_names(nodes: list[exp.Expr]) -> frozenset[str]:
    """Names of the statement's WITH subqueries; ours cannot be taken."""
    from sqlglot import exp

    names = [node.alias for node in nodes if isinstance(node, exp.CTE)]
    taken = [name for name in names if name in VISIBLE]
    if taken:
        raise _refused(f"a WITH subquery cannot be called {taken[0]!r}")
    return frozenset(
        node.alias for node in nodes if isinstance(node, exp.CTE) and not node.args.get("scalar")
    )


def _tables(nodes: list[exp.Expr]) -> Iterator[str]:
    from sqlglot import exp

    return (node.name for node in nodes if isinstance(node, exp.Table) and node.name in VISIBLE)


def _by_variant(nodes: list[exp.Expr]) -> bool:
    from sqlglot import exp

    if not any(isinstance(node, exp.Table) and node.name == "events" for node in nodes):
        return False
    return any(isinstance(node, exp.Identifier) and node.name == "variant_id" for node in nodes)


def _edits(nodes: list[exp.Expr]) -> Iterator[_Edit]:
    """Where tables and WITH subqueries are named, and what is written there instead."""
    from sqlglot import exp

    for node in nodes:
        if isinstance(node, exp.Table):
            prefix = VIEW_PREFIX if node.name in VISIBLE else OWN_PREFIX
            alias = "" if node.alias else f" AS {node.name}"
            yield _edit(node.this, f"{prefix}{node.name}{alias}")
        elif isinstance(node, exp.CTE) and not node.args.get("scalar"):
            yield _edit(node.args["alias"].this, f"{OWN_PREFIX}{node.alias}")


def _edit(identifier: exp.Expr, text: str) -> _Edit:
    meta = identifier.meta
    if "start" not in meta:
        raise _refused("its tables cannot be found in its text")
    return _Edit(int(meta["start"]), int(meta["end"]) + 1, text)


def _edited(sql: str, edits: list[_Edit]) -> str:
    for edit in sorted(edits, key=lambda one: -one.start):
        sql = sql[: edit.start] + edit.text + sql[edit.end :]
    return sql


def _short(error: Exception) -> str:
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__
