"""A certificate, and what the loop decided, come from the audit log alone."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.optimization.audit_report import shown_replays
from neonblue.optimization.certificate import certificate
from neonblue.optimization.loop.decisions import replay_decisions
from neonblue.optimization.loop.goal import save_goal
from neonblue.stores.audit_copy import copy_faults, copy_line, missing_from, read_copy
from neonblue.stores.audit_entries import AuditEntry

from .platform import AUTONOMOUS, Platform, goal_of


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One idea won and began to be rolled out; another one did harm and was rolled back."""
    platform = Platform(tmp_path_factory.mktemp("decided"))
    platform.add_person()
    platform.policy(AUTONOMOUS)
    terms = goal_of(at_once=2)
    save_goal(platform.workspace.store, terms)
    platform.steps(terms, 4)
    for _ in range(3):
        platform.ahead += timedelta(days=1)
        platform.visitors(f"{terms.goal_id}_1", lift=0.4)
        platform.visitors(f"{terms.goal_id}_2", lift=-0.5)
    platform.steps(terms, 5)
    yield platform
    platform.workspace.close()


def entries(platform: Platform) -> list[AuditEntry]:
    return platform.authority.audit.entries()


def test_a_winner_is_certified_from_a_copy_and_a_loser_counts(decided: Platform) -> None:
    copy = read_copy([copy_line(entry) for entry in entries(decided)])
    assert copy == entries(decided)
    found = certificate(copy, fdr=0.05)
    assert found.started == 2
    (ship,) = found.ships
    assert ship.winner == "treatment"
    assert ship.log_e_value > 5
    assert (ship.by_e_bh, ship.by_e_lond) == (True, True)
    strict = certificate(copy, fdr=1e-300).ships[0]
    assert (strict.by_e_bh, strict.by_e_lond) == (False, False)
    with pytest.raises(InvalidInputError, match="fdr"):
        certificate(copy, fdr=5)


def changed(entry: AuditEntry, **details: Any) -> AuditEntry:
    return replace(entry, content=json.dumps({**entry.details, **details}))


def test_what_was_concluded_without_evidence_is_named_and_not_certified(decided: Platform) -> None:
    without = [
        changed(entry, figures={}) if entry.event == "allowed" else entry
        for entry in entries(decided)
    ]
    (ship,) = certificate(without, fdr=0.05).ships
    assert (ship.by_e_bh, ship.by_e_lond) == (False, False)
    assert "without evidence" in ship.note
    unstarted = [
        entry
        for entry in entries(decided)
        if not (entry.event == "done" and entry.details["act"]["kind"] == "start")
    ]
    (ship,) = certificate(unstarted, fdr=0.05).ships
    assert not ship.by_e_bh
    assert "started elsewhere" in ship.note


def test_a_copy_shows_what_was_done_to_it_or_to_the_log(decided: Platform) -> None:
    log = entries(decided)
    lines = [copy_line(entry) for entry in log]
    assert copy_faults(read_copy([*lines, *lines[:3], ""])) == []
    edited = [line.replace("control", "contr0l") for line in lines]
    assert any("not as it was logged" in fault for fault in copy_faults(read_copy(edited)))
    assert any("missing" in fault for fault in copy_faults(read_copy(lines[:2] + lines[3:])))
    assert missing_from(log, read_copy(lines)) == []
    assert len(missing_from(log[:-2], read_copy(lines))) == 2


@pytest.mark.parametrize("line", ["{", "[]", "3", '{"writer": "a"}', "null", '{"sequence": null}'])
def test_a_line_that_is_no_entry_is_refused_by_its_number(line: str) -> None:
    with pytest.raises(InvalidInputError, match="line 1"):
        read_copy([line])


def test_every_decision_of_the_loop_comes_out_the_same(decided: Platform) -> None:
    found = replay_decisions(decided.authority.audit)
    assert all(one.same for one in found)
    acts = {one.logged.split()[0] for one in found}
    assert acts >= {"start", "stop", "roll_back", "conclude", "roll_out"}
    assert "conclude treatment" in {one.logged for one in found}
    assert decided.authority.audit.verify().unbroken


def test_the_same_decision_is_not_logged_at_every_step(decided: Platform) -> None:
    terms = goal_of(at_once=2)
    decided.steps(terms, 2)
    before = len(decided.authority.audit.entries("decided"))
    decided.step(terms)
    assert len(decided.authority.audit.entries("decided")) == before


def test_other_terms_show_what_they_would_have_changed(decided: Platform) -> None:
    audit = decided.authority.audit
    same = shown_replays(audit)
    assert same["same"] == same["decisions"] > 5
    slow = shown_replays(audit, goal='goal = "g"\nincubation_days = 30\n')
    changed = {one["logged"]: one["now"] for one in slow["replays"] if not one["same"]}
    assert changed["conclude treatment"] == "wait"
    assert "stop" not in changed  # harm is stopped whatever the incubation
    easier = shown_replays(audit, level=0.0125)
    (shipped,) = (one for one in easier["replays"] if not one["same"])
    assert (shipped["logged"], shipped["now"]) == ("conclude treatment", "conclude treatment")
    assert "0.0125" in shipped["reasons"][0]
    with pytest.raises(InvalidInputError, match="colour"):
        shown_replays(audit, goal='goal = "g"\ncolour = 1\n')
    with pytest.raises(InvalidInputError, match="level"):
        shown_replays(audit, level=0.0)
    with pytest.raises(NotFoundError, match="no decision"):
        shown_replays(audit, entry_id="nothing.1")


def test_one_decision_is_found_by_its_entry(decided: Platform) -> None:
    entry = decided.authority.audit.entries("decided")[-1]
    found = shown_replays(decided.authority.audit, entry_id=entry.entry_id)
    assert found["decisions"] == found["same"] == 1
    assert found["replays"][0]["kind"] == "loop"


def test_a_file_is_read_as_it_was_written(decided: Platform, tmp_path: Path) -> None:
    path = tmp_path / "copy.jsonl"
    path.write_text("\n".join(copy_line(entry) for entry in entries(decided)))
    assert read_copy(path.read_text().splitlines()) == entries(decided)
