"""``neonblue doctor``: what is configured, reachable and at which version, and how to mend it."""

import argparse
import json
import sys
from dataclasses import asdict

MARKS = {"ok": "ok", "off": "--", "warning": "!", "fault": "XX"}
FAULTY = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Look at every part; exit status 1 when one is at fault."""
    from neonblue.cli.log import log_to_stderr

    log_to_stderr(default_level="CRITICAL")  # what others log about a fault, the finding says
    from neonblue.cli.checks import check_all

    findings = []
    for finding in check_all():
        findings.append(finding)
        if not arguments.json:
            print(f"{MARKS[finding.status]:>2}  {finding.part:<15} {finding.detail}")
            if finding.remedy:
                print(f"    {'':<15} -> {finding.remedy}")
            sys.stdout.flush()
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    return FAULTY if any(finding.status == "fault" for finding in findings) else 0
