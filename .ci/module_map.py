"""Prints the module map: each folder's modules with the first line of their docstrings."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("servers", "tools", "resources", "prompts", "ingest", "src/neonblue", "benchmarks")
MAX_CHARACTERS = 100


def modules() -> Iterator[Path]:
    """Every module with something in it, from the root; linked folders count once."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py"), key=lambda one: (one.parent, one.name)):
            relative = path.relative_to(ROOT)
            if not any((ROOT / parent).is_symlink() for parent in relative.parents):
                yield relative


def purpose(module: Path) -> str:
    """The first line of the module's docstring; '' where it has none."""
    text = ast.get_docstring(ast.parse((ROOT / module).read_text("utf-8"))) or ""
    return text.partition("\n")[0].strip()


def module_map() -> str:
    """The whole map in Markdown, a heading for each folder."""
    lines = ["# Module map", ""]
    folder = None
    for module in modules():
        if module.parent != folder:
            folder = module.parent
            lines += ["", f"## {folder}", ""] if lines[-1] else [f"## {folder}", ""]
        if module.name == "__init__.py":
            lines += [purpose(module), ""]
        else:
            lines.append(f"- `{module.name}`: {purpose(module)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(module_map())
