"""NeonBlue Intelligence: experimentation tools for agents, over MCP."""

from pathlib import Path

__version__ = "0.1.0"

# They lie at the top of a checkout and are links here; a wheel has the folders themselves.
LINKED = ("servers", "tools", "resources", "prompts", "ingest")


def _require_linked_folders(package: Path) -> None:
    lost = [name for name in LINKED if not (package / name).is_dir()]
    if lost and package.is_dir():
        raise ImportError(
            f"{package} has no {', '.join(lost)}: this checkout came without symbolic links. Clone "
            "it with `git -c core.symlinks=true clone` (on Windows with developer mode on), not as "
            "an archive that drops links; or install the package: `pip install .` where links work"
        )


_require_linked_folders(Path(__file__).parent)
