"""A person at a terminal: keys, approvals, codes, policies and the kill switch, by commands."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from neonblue.errors import ConflictError
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.optimization.acts import Actor
from neonblue.optimization.approve_token import key_of_token
from neonblue.optimization.permission import Allowed, PendingApproval, Refused
from neonblue.owner.data_directory import DataDirectory
from neonblue.workspace import Workspace

from .terminal_process import at_terminal

AGENT = Actor(kind="agent", name="test")
SECRET = "four words nobody joins"
OTHER = "another passphrase"


@pytest.fixture
def owner(workspace: Workspace, data_dir: Path) -> Iterator[Workspace]:
    """This process owns the data; commands reach it as they would a server."""
    workspace.store.experiments.save(
        Experiment(
            experiment_id="checkout",
            name="\x1b[2J\x1b[31mnothing to see\x1b[0m",
            status="draft",
            variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="b")),
            metrics=(MetricDefinition(name="revenue", kind="mean", event_type="buy"),),
        )
    )
    with closing(DataDirectory(data_dir)) as directory:
        assert directory.own()
        yield workspace


def add(name: str, secret: str, *more: str) -> tuple[int, str]:
    answers = [*((f"passphrase of {by}: ", SECRET) for by in more)]
    answers += [(f"a new passphrase for {name}: ", secret), ("the same again: ", secret)]
    return at_terminal("approver", "add", name, answers=answers)


def test_a_person_approves_at_a_terminal_and_a_program_cannot(owner: Workspace) -> None:
    assert add("ana", SECRET)[0] == 0
    key = owner.authority.files.keys / "ana.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert SECRET not in key.read_text()

    act = owner.authority.act("start", "checkout", {"note": "\x1b[8mhidden"}, 1)
    asked = owner.authority.decide(act, AGENT, figures={"units_watched": 12_000})
    assert isinstance(asked, PendingApproval)
    words = ("approve", asked.approval_id)
    prompt = "passphrase of ana: "

    status, text = at_terminal(*words, answers=[(prompt, SECRET)], terminal=False)
    assert status == 2
    assert "at a terminal" in text
    status, text = at_terminal(*words, answers=[(prompt, "not the passphrase")])
    assert status == 2
    assert "not the passphrase of the key" in text
    assert isinstance(owner.authority.decide(act, AGENT), PendingApproval)

    status, text = at_terminal(*words, answers=[(prompt, SECRET)])
    assert status == 0, text
    for shown in ("start", "checkout", act.digest(), "units_watched: 12000", "approved by ana"):
        assert shown in text
    assert "\x1b" not in text
    assert SECRET not in text
    assert isinstance(owner.authority.decide(act, AGENT), Allowed)
    assert isinstance(owner.authority.decide(act, AGENT), PendingApproval)


def test_only_an_approver_lets_another_one_in(owner: Workspace) -> None:
    assert add("ana", SECRET)[0] == 0
    status, text = at_terminal(
        "approver", "add", "mallory", answers=[("passphrase of ana: ", "guess guess guess")]
    )
    assert status == 2
    assert "not the passphrase" in text
    status, _ = at_terminal("approver", "add", "mallory", terminal=False)
    assert status == 2
    assert add("bo", OTHER, "ana")[0] == 0
    status, text = at_terminal("approver", "list")
    assert [line.split()[0] for line in text.splitlines()] == ["ana", "bo"]
    status, text = at_terminal(
        "approver", "remove", "bo", "--by", "ana", answers=[("passphrase of ana: ", SECRET)]
    )
    assert status == 0, text
    status, text = at_terminal(
        "approver", "remove", "ana", answers=[("passphrase of ana: ", SECRET)]
    )
    assert status == 2
    assert "the last key" in text


def test_a_code_and_a_token_are_made_with_the_key(owner: Workspace) -> None:
    assert add("ana", SECRET)[0] == 0
    act = owner.authority.act("start", "checkout", {}, 1)
    asked = owner.authority.decide(act, AGENT)
    assert isinstance(asked, PendingApproval)
    status, text = at_terminal(
        "approver", "code", asked.approval_id, answers=[("passphrase of ana: ", SECRET)]
    )
    assert status == 0, text
    code = text.splitlines()[-1]
    owner.codes.redeem(asked.approval_id, code, actor="test")
    assert isinstance(owner.authority.decide(act, AGENT), Allowed)

    status, text = at_terminal(
        "approver", "add", "ana", "--token", answers=[("passphrase of ana: ", SECRET)]
    )
    assert status == 0, text
    token = next(line for line in text.splitlines() if line.startswith("nbapprove_"))
    key = key_of_token(token)
    assert key is not None
    approver = owner.authority.approvers().find(key.public_key)
    assert approver is not None
    assert (approver.name, approver.method) == ("ana", "token")
    folder = owner.authority.files.approvers.parent
    assert not [path for path in folder.rglob("*") if path.is_file() and token in _text(path)]


def test_a_signed_policy_allows_until_it_is_edited(owner: Workspace) -> None:
    assert add("ana", SECRET)[0] == 0
    policy = owner.authority.files.policy
    policy.write_text("autonomy = 'guarded'\n")
    asked = owner.authority.decide(owner.authority.act("start", "checkout", {}, 1), AGENT)
    assert isinstance(asked, PendingApproval)
    assert "not signed" in asked.text
    status, text = at_terminal("policy", "sign", answers=[("passphrase of ana: ", SECRET)])
    assert status == 0, text
    assert isinstance(
        owner.authority.decide(owner.authority.act("start", "checkout", {}, 1), AGENT), Allowed
    )
    policy.write_text("autonomy = 'autonomous'\n")
    act = owner.authority.act("start", "checkout", {}, 1)
    assert isinstance(owner.authority.decide(act, AGENT), PendingApproval)
    policy.write_text("autonomy = 'guarded'\n[needs]\nstop = 'never'\n")
    status, text = at_terminal("policy", "check")
    assert status == 2
    assert "nobody who can end harm" in text


def test_the_kill_switch_is_one_step_and_lifted_with_a_key(owner: Workspace) -> None:
    assert add("ana", SECRET)[0] == 0
    status, text = at_terminal("stop-all", "--reason", "odd numbers", terminal=False)
    assert status == 0, text
    act = owner.authority.act("start", "checkout", {}, 1)
    refused = owner.authority.decide(act, AGENT)
    assert isinstance(refused, Refused)
    assert "odd numbers" in refused.text
    assert at_terminal("stop-all", "--lift", terminal=False)[0] == 2
    owner.authority.files.stop.unlink()
    assert isinstance(owner.authority.decide(act, AGENT), Refused)
    status, text = at_terminal("stop-all", "--lift", answers=[("passphrase of ana: ", SECRET)])
    assert status == 0, text
    assert isinstance(owner.authority.decide(act, AGENT), PendingApproval)


def test_the_log_is_verified_and_replayed(owner: Workspace, tmp_path: Path) -> None:
    authority = owner.authority
    authority.decide(authority.act("start", "checkout", {}, 1), AGENT)
    authority.decide(authority.act("pause", "checkout", {}, 1), AGENT)
    status, text = at_terminal("audit", "verify", terminal=False)
    assert status == 0, text
    status, text = at_terminal("audit", "replay", terminal=False)
    assert status == 0, text
    assert "2 of 2 decisions come out the same" in text
    bold = tmp_path / "bold.toml"
    bold.write_text("autonomy = 'guarded'\n")
    status, text = at_terminal("audit", "replay", "--policy", str(bold), terminal=False)
    assert status == 0, text
    assert "start checkout: person → allow" in text
    status, text = at_terminal("audit", "list", "--json", "--event", "asked", terminal=False)
    entry = json.loads(text)
    assert entry["content"]["act"]["kind"] == "start"
    copy = str(tmp_path / "copy.jsonl")
    status, text = at_terminal("audit", "export", copy, terminal=False)
    assert status == 0, text
    status, text = at_terminal("audit", "export", copy, terminal=False)
    assert status == 2
    assert "cannot be written" in text
    for words in (("verify",), ("certificate",)):
        status, text = at_terminal("audit", *words, "--file", copy, terminal=False)
        assert status == 0, text
    assert "0 experiments were started, 0 won" in text
    owner.store.database.command(
        "ALTER TABLE audit_log UPDATE actor = 'nobody' WHERE event = 'asked' "
        "SETTINGS mutations_sync = 2"
    )
    status, text = at_terminal("audit", "verify", terminal=False)
    assert status == 1
    assert "is not as it was logged" in text
    assert at_terminal("audit", "verify", "--file", copy, terminal=False)[0] == 1
    assert at_terminal("audit", "certificate", terminal=False)[0] == 1
    assert at_terminal("audit", "certificate", "--file", copy, terminal=False)[0] == 0


def test_the_switch_works_when_nobody_has_the_data(
    data_dir: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is there before anything else is tried, and whatever stands in it counts."""
    from neonblue.cli import stop_all

    def hangs(*_: object, **__: object) -> object:
        raise ConflictError("nobody answers")

    monkeypatch.setattr(stop_all, "do_job", hangs)
    from neonblue.cli import main

    assert main(["stop-all"]) == 0
    assert isinstance(
        workspace.authority.decide(workspace.authority.act("start", "x", {}, 1), AGENT), Refused
    )
    os.truncate(workspace.authority.files.stop, 0)
    assert isinstance(
        workspace.authority.decide(workspace.authority.act("start", "x", {}, 1), AGENT), Refused
    )


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
