"""User ids never reach the logs, however much is logged."""

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.services.server_process import Start

USER = "zebra-quokka-77"
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_user_journey", {"user_id": USER}),
    ("get_user_journey", {"user_id": USER, "limit": 900}),
    ("get_user_journey", {"user_id": [USER]}),
    ("get_user_journey", {"user": USER}),
    ("predict_user_behavior", {"user_id": USER, "context": ["page_view"]}),
    ("find_similar_journeys", {"user_id": USER}),
    ("personalize_experiment_experience", {"user_id": USER, "experiment_id": "none such"}),
)


def test_no_log_names_the_user_that_was_asked_for(start_server: "Start") -> None:
    owner = start_server(NEONBLUE_LOG_LEVEL="DEBUG")
    owner.initialize()
    other = start_server(NEONBLUE_LOG_LEVEL="DEBUG")
    other.initialize()
    for server in (owner, other):
        for name, arguments in CALLS:
            answer = server.request("tools/call", name=name, arguments=arguments)
            assert "result" in answer or "error" in answer
    logged = other.stop(signal.SIGTERM) + owner.stop(signal.SIGTERM)
    assert USER.encode() not in logged
    assert b'"level": "info"' in logged
