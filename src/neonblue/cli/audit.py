"""``neonblue audit``: the log of acts, approvals and refusals."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from neonblue.cli.approve import do_job
from neonblue.cli.terminal import shown
from neonblue.errors import InvalidInputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """List, verify or replay."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the newest entries")
    listing.add_argument("--event", help="one kind alone, e.g. refused")
    listing.add_argument("--experiment", metavar="ID", help="one experiment alone")
    listing.add_argument("--limit", type=int, default=50, help="how many (default 50)")
    listing.add_argument("--json", action="store_true", help="whole entries, one a line")
    actions.add_parser("verify", help="edits, gaps, insertions, a cut tail, forks; status 1 if any")
    replay = actions.add_parser("replay", help="judge past decisions again from the log")
    replay.add_argument("entry", metavar="ENTRY", nargs="?", help="one decision; all without it")
    replay.add_argument("--policy", metavar="FILE", type=Path, help="under another policy")


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for."""
    if arguments.action == "verify":
        return _verify()
    if arguments.action == "replay":
        return _replay(arguments.entry, arguments.policy)
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
    said = content.get("reasons") or content.get("reason") or content.get("approval_id") or ""
    text = "; ".join(text for _, text in said) if isinstance(said, list) else str(said)
    act = content.get("act", {}).get("kind", "")
    what = f"{entry['event']} {act}".strip()
    where = f"{shown(entry['experiment_id'])}  " if entry["experiment_id"] else ""
    return (
        f"{entry['logged_at'][:19]}  {entry['entry_id']}  {what:<18}  {where}"
        f"{shown(entry['actor'])}  {shown(text)}"
    )


def _verify() -> int:
    found = do_job("audit", do="verify")
    if found["unbroken"]:
        print(f"the audit log verifies: {found['entries']} entries, {found['note']}")
        return 0
    print(f"THE AUDIT LOG DOES NOT VERIFY ({found['note']}):")
    for fault in found["faults"]:
        print(f"  {shown(fault)}")
    return 1


def _replay(entry: str | None, policy: Path | None) -> int:
    """Status 1 when a decision comes out otherwise under the policy that it was made under."""
    try:
        text = None if policy is None else policy.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{str(policy)!r} cannot be read ({error})") from error
    found = do_job("audit", do="replay", entry_id=entry, policy=text)
    for one in found["replays"]:
        mark = "same " if one["same"] else "OTHER"
        held = f" (held by {one['held_by']}, before any policy)" if one["held_by"] else ""
        print(
            f"{mark}  {one['entry_id']}  {one['kind']} {shown(one['experiment_id'])}: "
            f"{one['logged']} → {one['now']}{held}: {shown('; '.join(one['reasons']))}"
        )
    print(f"{found['same']} of {found['decisions']} decisions come out the same")
    return 0 if policy is not None or found["same"] == found["decisions"] else 1
