"""An authority over a real chDB, a person with a key, and time that a test sets."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.optimization.acts import Act, Actor
from neonblue.optimization.approval_desk import Grant, grant_statement
from neonblue.optimization.approvers import Approver, Approvers, read_approvers, write_approvers
from neonblue.optimization.authority import Authority
from neonblue.optimization.authority_files import AuthorityFiles
from neonblue.optimization.loop.goal import Goal, save_goal
from neonblue.optimization.permission import Permission
from neonblue.optimization.policy_in_force import sign_policy
from neonblue.optimization.signatures import SigningKey
from neonblue.stores import Store, open_store
from neonblue.stores.anchor_file import AnchorFolder

from .platform import Platform, goal_of

AGENT = Actor(kind="agent", name="test")
SEED = bytes(range(32))


def experiment(experiment_id: str = "checkout") -> Experiment:
    return Experiment(
        experiment_id=experiment_id,
        status="draft",
        variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="b")),
        metrics=(MetricDefinition(name="revenue", kind="mean", event_type="buy"),),
    )


class Clock:
    """Time as a test sets it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class World:
    """One data directory, its authority, and one person."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.folder = folder
        self.clock = Clock()
        self.versions = {"checkout": 1}
        self.files = AuthorityFiles.in_folder(folder / "authority")
        self.store: Store = open_store(dsn, anchors=[AnchorFolder(path=folder / "authority")])
        self.store.experiments.save(experiment())
        self.authority = self.opened()
        self.ana = SigningKey.of_seed(SEED)

    def opened(self) -> Authority:
        """As another process would open it."""
        return Authority(
            self.store,
            self.files,
            clock=self.clock,
            state_version=lambda name: self.versions.get(name, 0),
        )

    def add_ana(self) -> None:
        self.add("ana", self.ana, self.ana)

    def add(self, name: str, key: SigningKey, signer: SigningKey, change: str = "add") -> None:
        known = read_approvers(self.files.approvers)
        approver = Approver(name=name, method="key", public_key=key.public_key, added_at="")
        entry = known.with_entry("add" if change == "add" else "remove", approver, signer)
        write_approvers(self.files.approvers, [*known.entries, entry])

    def approvers(self) -> Approvers:
        return self.authority.approvers()

    def write_policy(self, text: str) -> None:
        self.files.policy.parent.mkdir(exist_ok=True)
        self.files.policy.write_text(text)

    def sign_policy(self, serial: int = 1) -> None:
        sign_policy(self.files, self.files.policy.read_text(), self.ana, serial=serial)

    def act(self, kind: str = "start", **arguments: object) -> Act:
        return self.authority.act(kind, "checkout", arguments, self.versions["checkout"])  # type: ignore[arg-type]

    def decide(self, act: Act, claimant: str | None = None) -> Permission:
        return self.authority.decide(act, AGENT, claimant=claimant)

    def grant(
        self, act: Act, approval_id: str, *, key: SigningKey | None = None, hours: float = 1.0
    ) -> Grant:
        """What `neonblue approve` makes of a passphrase."""
        key = key or self.ana
        expires_at = (self.clock() + timedelta(hours=hours)).isoformat()
        signed = grant_statement(
            approval_id=approval_id, digest=act.digest(), expires_at=expires_at, code=""
        )
        return Grant(
            approval_id=approval_id,
            digest=act.digest(),
            expires_at=expires_at,
            public_key=key.public_key,
            signature=key.sign(signed),
        )

    def approve(self, act: Act, approval_id: str) -> None:
        grant = self.grant(act, approval_id)
        self.authority.desk.keep_grant(grant, self.approvers(), self.authority.now())


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty data directory with its schema, to be copied: making one takes seconds."""
    folder = tmp_path_factory.mktemp("template") / "data"
    open_store(f"chdb://{folder / 'clickhouse'}").close()
    return folder


@pytest.fixture
def world(tmp_path: Path, template: Path) -> Iterator[World]:
    shutil.copytree(template, tmp_path / "data", symlinks=True)
    made = World(tmp_path, f"chdb://{tmp_path / 'data' / 'clickhouse'}")
    yield made
    made.store.close()


@pytest.fixture
def person(world: World) -> World:
    """The world once a person has a key."""
    world.add_ana()
    return world


@pytest.fixture
def make_person(tmp_path: Path) -> Callable[[str], World]:
    """A world on a server, with a person who has a key."""

    def make(dsn: str) -> World:
        made = World(tmp_path, dsn)
        made.add_ana()
        return made

    return make


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    made = Platform(tmp_path)
    made.add_person()
    yield made
    made.workspace.close()


@pytest.fixture
def goal(platform: Platform) -> Goal:
    made = goal_of()
    save_goal(platform.workspace.store, made)
    return made
