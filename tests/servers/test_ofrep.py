"""OFREP over real HTTP: the official OpenFeature provider, and the protocol's own rules."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import (
    FlagNotFoundError,
    InvalidContextError,
    OpenFeatureError,
    TargetingKeyMissingError,
    TypeMismatchError,
)
from openfeature.flag_evaluation import Reason

from neonblue.experiments.plans import Proposal, record_plan
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.models.eligibility import TargetingCondition
from neonblue.optimization.assignment import assign_by_weights, split_of
from neonblue.stores import open_store

METRICS = (MetricDefinition(name="bought", kind="proportion", event_type="purchase"),)
CHECKOUT = Experiment(
    experiment_id="checkout",
    variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="short")),
    metrics=METRICS,
)
TYPED: dict[str, tuple[Any, Any]] = {"bool": (False, True), "int": (5, 10), "float": (0.25, 0.5)}
GERMAN = Experiment(
    experiment_id="german/only",
    variants=CHECKOUT.variants,
    metrics=METRICS,
    targeting=(TargetingCondition(property="country", operator="in", values=("DE",)),),
)
DRAFT = Experiment(
    experiment_id="draft", variants=CHECKOUT.variants, metrics=METRICS, status="draft"
)
UNITS = [f"user-{number}" for number in range(40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server with the experiments above, its address and its tokens."""

    address: str
    data_dir: Path
    token: str = "writer"
    reader: str = "reader"

    def provider(self, token: str | None = None) -> OFREPProvider:
        shown = self.token if token is None else token
        return OFREPProvider(
            self.address, headers_factory=lambda: {"Authorization": f"Bearer {shown}"}, timeout=20.0
        )

    def post(
        self, path: str, body: Any, *, method: str = "POST", **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {self.token}", **headers}
        request = urllib.request.Request(self.address + path, data, given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read()), dict(answer.headers)
        except urllib.error.HTTPError as error:
            raw = error.read()
            told = json.loads(raw) if raw.startswith(b"{") else None
            return error.code, told, dict(error.headers)


def _typed(name: str, values: tuple[Any, Any]) -> Experiment:
    control = Variant(variant_id="off", is_control=True, value=values[0])
    variants = (control, Variant(variant_id="on", value=values[1]))
    return Experiment(experiment_id=name, variants=variants, metrics=METRICS)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data_dir = tmp_path_factory.mktemp("ofrep")
    store = open_store(f"chdb://{data_dir / 'clickhouse'}", max_memory_fraction=0.2)
    for plan in (CHECKOUT, GERMAN, DRAFT, *(_typed(*pair) for pair in TYPED.items())):
        record_plan(store, Proposal(experiment=plan, origin="tool"))
    store.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tokens = {"NEONBLUE_HTTP_TOKEN": "writer", "NEONBLUE_HTTP_READ_TOKEN": "reader"}
    process = subprocess.Popen(
        [sys.executable, "-m", "neonblue", "serve", "--http", f"127.0.0.1:{port}"],
        env={**os.environ, "NEONBLUE_DATA_DIR": str(data_dir), **tokens},
    )
    _wait_for(port, process)
    yield Served(address=f"http://127.0.0.1:{port}", data_dir=data_dir)
    process.terminate()
    assert process.wait(30) == 0


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("it does not listen")


def test_the_official_provider_gets_the_published_arithmetic(served: Served) -> None:
    provider = served.provider()
    expected = assign_by_weights(split_of(CHECKOUT), UNITS).tolist()
    for unit, index in zip(UNITS, expected, strict=True):
        found = provider.resolve_string_details("checkout", "default", EvaluationContext(unit))
        assert found.value == found.variant == ("control", "short")[index]
        assert found.reason == Reason.SPLIT


@pytest.mark.parametrize("name", TYPED)
def test_values_have_the_type_that_the_variant_gives_them(served: Served, name: str) -> None:
    provider, index = (
        served.provider(),
        assign_by_weights(split_of(_typed(name, TYPED[name])), ["u"]),
    )
    resolve = {
        "bool": provider.resolve_boolean_details,
        "int": provider.resolve_integer_details,
        "float": provider.resolve_float_details,
    }[name]
    found = resolve(name, type(TYPED[name][0])(), EvaluationContext("u"))  # type: ignore[operator]
    assert found.value == TYPED[name][int(index[0])]
    with pytest.raises(TypeMismatchError):
        provider.resolve_string_details(name, "default", EvaluationContext("u"))


def test_who_takes_no_part_gets_the_clients_own_default(served: Served) -> None:
    """Also behind a key with a slash, which comes escaped."""
    provider = served.provider()
    french = EvaluationContext("user-1", {"country": "FR"})
    found = provider.resolve_string_details("german%2Fonly", "mine", french)
    assert (found.value, found.reason) == ("mine", Reason.DEFAULT)
    german = EvaluationContext("user-1", {"country": "DE"})
    assert provider.resolve_string_details("german%2Fonly", "mine", german).value != "mine"
    draft = provider.resolve_string_details("draft", "mine", EvaluationContext("user-1"))
    assert (draft.value, draft.reason) == ("mine", Reason.DISABLED)


def test_the_provider_is_told_each_fault_by_its_code(served: Served) -> None:
    provider = served.provider()
    with pytest.raises(FlagNotFoundError, match="did you mean 'checkout'"):
        provider.resolve_string_details("chekout", "x", EvaluationContext("u"))
    with pytest.raises(TargetingKeyMissingError, match="targetingKey"):
        provider.resolve_string_details("checkout", "x", EvaluationContext())
    with pytest.raises(TargetingKeyMissingError, match="targetingKey"):
        provider.resolve_string_details("checkout", "x", None)
    with pytest.raises(InvalidContextError, match="at most 256"):
        provider.resolve_string_details("checkout", "x", EvaluationContext("u" * 300))
    with pytest.raises(OpenFeatureError, match="unauthorized"):
        served.provider("wrong").resolve_string_details("checkout", "x", EvaluationContext("u"))


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/checkout", b"{", 400, "PARSE_ERROR"),
        ("/checkout", b"\xff", 400, "PARSE_ERROR"),
        ("/checkout", b"[]", 400, "INVALID_CONTEXT"),
        ("/checkout", {"context": []}, 400, "INVALID_CONTEXT"),
        ("/checkout", b"", 400, "TARGETING_KEY_MISSING"),
        ("/checkout", {"context": {"targetingKey": 5}}, 400, "INVALID_CONTEXT"),
        ("/checkout", b'{"context": {"targetingKey": "\\ud800"}}', 400, None),
        ("/checkout", {"context": {"targetingKey": "u", "recordExposure": 1}}, 400, None),
        ("/nowhere", {"context": {"targetingKey": "u"}}, 404, "FLAG_NOT_FOUND"),
        ("", {"context": {}}, 400, "TARGETING_KEY_MISSING"),
        ("/a/b", {}, 404, None),
    ],
)
def test_errors_have_the_protocols_shape(
    served: Served, path: str, body: Any, status: int, code: str | None
) -> None:
    found, answer, _ = served.post("/ofrep/v1/evaluate/flags" + path, body)
    assert found == status
    assert answer["errorDetails"]
    if code is not None:
        assert answer["errorCode"] == code
        assert answer.get("key") == (path.removeprefix("/") or None)


def test_all_flags_at_once_with_an_entity_tag(served: Served) -> None:
    body = {"context": {"targetingKey": "user-3", "country": "DE"}}
    status, answer, headers = served.post("/ofrep/v1/evaluate/flags", body)
    assert status == 200
    assert [flag["key"] for flag in answer["flags"]] == sorted(["checkout", "german/only", *TYPED])
    single = served.post("/ofrep/v1/evaluate/flags/checkout", body)[1]
    assert single in answer["flags"]
    tag = headers["etag"]
    for condition in (tag, f"W/{tag}", f'"other", {tag}'):
        again = served.post("/ofrep/v1/evaluate/flags", body, **{"If-None-Match": condition})
        assert again[:2] == (304, None)
        assert again[2]["etag"] == tag
    other = {"context": {"targetingKey": "user-3", "country": "FR"}}
    changed = served.post("/ofrep/v1/evaluate/flags", other, **{"If-None-Match": tag})
    assert changed[0] == 200
    assert changed[2]["etag"] != tag


def test_only_known_tokens_hosts_and_methods_get_in(served: Served) -> None:
    path, body = "/ofrep/v1/evaluate/flags/checkout", {"context": {"targetingKey": "u"}}
    assert served.post(path, body, Authorization="Bearer wrong")[0] == 401
    assert served.post(path, body, Authorization="")[0] == 401
    assert served.post(path, body, Authorization="Bearer reader")[0] == 200
    assert served.post(path, body, Host="evil.example")[0] == 421
    assert served.post(path, body, Origin="http://evil.example")[0] == 403
    assert served.post(path, body, method="PUT")[0] == 405
    assert served.post("/ofrep/v1/nothing", body)[0] == 404


def test_an_exposure_is_recorded_when_asked_for_once_and_with_a_token_that_may_write(
    served: Served,
) -> None:
    """Read back through the MCP side of the same server: the units that the experiment has."""
    path = "/ofrep/v1/evaluate/flags/checkout"
    asked = {"context": {"targetingKey": "exposed-1", "recordExposure": True}}
    assert served.post(path, asked, Authorization="Bearer reader")[0] == 403
    for _ in range(3):
        assert served.post(path, asked)[0] == 200
    assert served.post(path, {"context": {"targetingKey": "not-exposed"}})[0] == 200
    deadline = time.monotonic() + 60
    while (units := _units_seen(served)) == 0 and time.monotonic() < deadline:
        time.sleep(0.3)
    assert units == 1


def _units_seen(served: Served) -> int:
    process = subprocess.run(
        [sys.executable, "-m", "neonblue", "call", "list_experiments", "text=checkout"],
        env={**os.environ, "NEONBLUE_DATA_DIR": str(served.data_dir)},
        capture_output=True,
        check=True,
    )
    listed = json.loads(process.stdout)["experiments"]
    return int(next(one for one in listed if one["experiment_id"] == "checkout")["units"] or 0)
