"""``neonblue audit``: the log of acts, approvals and refusals."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from neonblue.cli import audit_copies
from neonblue.cli.approve import do_job
from neonblue.cli.terminal import shown
from neonblue.errors import InvalidInputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """List, verify, export, certify or replay."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the newest entries")
    listing.add_argument("--event", help="one kind alone, e.g. refused")
    listing.add_argument("--experiment", metavar="ID", help="one experiment alone")
    listing.add_argument("--limit", type=int, default=50, help="how many (default 50)")
    listing.add_argument("--json", action="store_true", help="whole entries, one a line")
    verify = actions.add_parser(
        "verify", help="edits, gaps, insertions, a cut tail, forks; status 1 if any"
    )
    audit_copies.add_source(verify, "hold the log against a copy of it as well")
    export = actions.add_parser("export", help="a copy of the whole log, one entry a line")
    export.add_argument("file", metavar="FILE", type=Path)
    certificate = actions.add_parser(
        "certificate", help="which winners are certified, from the log alone"
    )
    audit_copies.add_source(certificate, "from a copy alone, without the data")
    certificate.add_argument(
        "--fdr", type=float, default=0.05, help="bound on the false share (default 0.05)"
    )
    replay = actions.add_parser("replay", help="take past decisions again from the log")
    replay.add_argument("entry", metavar="ENTRY", nargs="?", help="one decision; all without it")
    replay.add_argument("--policy", metavar="FILE", type=Path, help="under another policy")
    replay.add_argument(
        "--goal-file", metavar="FILE", type=Path, help="the loop's, under a goal with other terms"
    )
    replay.add_argument("--level", type=float, help="the loop's, at another bar to ship")


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for."""
    match arguments.action:
        case "verify":
            return _verify(arguments)
        case "replay":
            return _replay(arguments)
        case "export":
            return audit_copies.export(arguments.file)
        case "certificate":
            return audit_copies.certify(arguments)
    found = do_job(
        "audit",
        do="list",
        event=arguments.event,
        experiment_id=arguments.experiment,
        limit=arguments.limit,
    )
    for entry in found["entries"]:
        print(json.dumps(entry) if arguments.json else _line(entry))
    return 0


def _line(entry: dict[str, Any]) -> str:
    content = entry["content"]
    decided = content.get("decided", {})
    said = (
        content.get("reasons")
        or content.get("reason")
        or content.get("approval_id")
        or decided.get("reason")
        or ""
    )
    text = "; ".join(text for _, text in said) if isinstance(said, list) else str(said)
    act = content.get("act", {}).get("kind", "") or decided.get("do", "")
    what = f"{entry['event']} {act}".strip()
    where = f"{shown(entry['experiment_id'])}  " if entry["experiment_id"] else ""
    return (
        f"{entry['logged_at'][:19]}  {entry['entry_id']}  {what:<18}  {where}"
        f"{shown(entry['actor'])}  {shown(text)}"
    )


def _verify(arguments: argparse.Namespace) -> int:
    found = do_job("audit", do="verify")
    faults = [*found["faults"], *audit_copies.faults_against_copy(arguments)]
    if not faults:
        print(f"the audit log verifies: {found['entries']} entries, {found['note']}")
        return 0
    print(f"THE AUDIT LOG DOES NOT VERIFY ({found['note']}):")
    for fault in faults:
        print(f"  {shown(fault)}")
    return 1


def _replay(arguments: argparse.Namespace) -> int:
    """Status 1 when a decision comes out otherwise under the terms that it was made under."""
    others = {
        "policy": _text(arguments.policy),
        "goal": _text(arguments.goal_file),
        "level": arguments.level,
    }
    found = do_job("audit", do="replay", entry_id=arguments.entry, **others)
    for one in found["replays"]:
        mark = "same " if one["same"] else "OTHER"
        held = f" (held by {one['held_by']}, before any policy)" if one["held_by"] else ""
        print(
            f"{mark}  {one['entry_id']}  {one['kind']} {shown(one['experiment_id'])}: "
            f"{one['logged']} → {one['now']}{held}: {shown('; '.join(one['reasons']))}"
        )
    print(f"{found['same']} of {found['decisions']} decisions come out the same")
    asked_other = any(value is not None for value in others.values())
    return 0 if asked_other or found["same"] == found["decisions"] else 1


def _text(path: Path | None) -> str | None:
    try:
        return None if path is None else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{str(path)!r} cannot be read ({error})") from error
