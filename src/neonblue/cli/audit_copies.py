"""Copies of the audit log at the command line: written, held against the log, and certified."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from neonblue.cli.approve import do_job
from neonblue.cli.terminal import shown
from neonblue.errors import InvalidInputError

if TYPE_CHECKING:
    from neonblue.optimization.certificate import Certificate, Ship
    from neonblue.stores.audit_entries import AuditEntry

LARGEST_SHOWN = 700.0
"""log e-values over it are shown as this much: exp of more is no float."""


def add_source(parser: argparse.ArgumentParser, text: str) -> None:
    """``--file`` or ``--topic``: where a copy of the log is."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--file", metavar="FILE", type=Path, help=text)
    source.add_argument(
        "--topic", action="store_true", help="the same, with KAFKA_AUDIT_TOPIC as the copy"
    )


def export(path: Path) -> int:
    """Write the whole log. The file is new: a copy that is kept is not overwritten."""
    lines = _log_lines()
    try:
        with path.open("x", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise InvalidInputError(f"{str(path)!r} cannot be written ({error})") from error
    print(f"{len(lines)} entries are in {str(path)!r}")
    return 0


def faults_against_copy(arguments: argparse.Namespace) -> list[str]:
    """What is wrong with the copy that was named, and with the log beside it; prints its size."""
    from neonblue.stores.audit_copy import copy_faults, missing_from, read_copy

    copy = _copy(arguments)
    if copy is None:
        return []
    log = read_copy(_log_lines())
    print(f"the copy has {len(copy)} of {len(log)} entries")
    return [f"the copy: {fault}" for fault in copy_faults(copy)] + missing_from(log, copy)


def certify(arguments: argparse.Namespace) -> int:
    """Print the certificate; status 1 where the log that it is made from does not verify."""
    from neonblue.optimization.certificate import certificate
    from neonblue.stores.audit_copy import copy_faults, read_copy

    copy = _copy(arguments)
    if copy is None:
        entries = read_copy(_log_lines())
        faults = do_job("audit", do="verify")["faults"]
    else:
        entries, faults = copy, copy_faults(copy)
    found = certificate(entries, fdr=arguments.fdr)
    for fault in faults:
        print(f"THE LOG DOES NOT VERIFY: {shown(fault)}")
    _show(found)
    return 1 if faults else 0


def _show(found: Certificate) -> None:
    print(f"{found.started} experiments were started, {len(found.ships)} won")
    for ship in found.ships:
        print(f"  {_line(ship)}")
    together = sum(ship.by_e_bh for ship in found.ships)
    one_by_one = sum(ship.by_e_lond for ship in found.ships)
    print(
        f"of what is certified at most {found.fdr:.0%} is expected to be without an effect: "
        f"{together} by e-BH over all so far, {one_by_one} by e-LOND one by one, for good"
    )


def _line(ship: Ship) -> str:
    marks = [name for name, yes in (("e-BH", ship.by_e_bh), ("e-LOND", ship.by_e_lond)) if yes]
    said = f"certified by {' and '.join(marks)}" if marks else "not certified"
    why = f" ({ship.note})" if ship.note else f", e-LOND asks for {_number(ship.log_bar)}"
    evidence = _number(ship.log_e_value)
    return f"{shown(ship.experiment_id)} {shown(ship.winner)}: {said}; e = {evidence}{why}"


def _number(log_value: float) -> str:
    return "0" if log_value == -math.inf else f"{math.exp(min(log_value, LARGEST_SHOWN)):,.3g}"


def _copy(arguments: argparse.Namespace) -> list[AuditEntry] | None:
    from neonblue.stores.audit_copy import read_copy

    if arguments.topic:
        from neonblue.ingest.stream.audit_feed import read_audit_topic
        from neonblue.settings import KafkaSettings

        return read_copy(read_audit_topic(KafkaSettings()))
    if arguments.file is None:
        return None
    try:
        return read_copy(arguments.file.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{str(arguments.file)!r} cannot be read ({error})") from error


def _log_lines() -> list[str]:
    from neonblue.owner.embedded import run_job

    lines: list[str] = []
    run_job("audit", {"do": "export"}, lambda _, __, line: lines.append(line))
    return lines
