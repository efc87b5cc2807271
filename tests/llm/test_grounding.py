"""A model's text may round and rephrase what was computed; it may never add a number."""

import pytest

from neonblue.llm.grounding import ungrounded_numbers

EVIDENCE = {
    "relative_lift": 0.0432,
    "p_value": 0.0031,
    "users": 12_345,
    "name": "Checkout B2B v2, 2026-03-01",
    "interval": (-0.021, 0.09),
}


@pytest.mark.parametrize(
    "text",
    [
        "The lift is 4.3 %, p 0.003.",
        "About 4 per cent over 12,345 users (12k).",
        "Between -2.1% and 9%: a fall of 2.1 % is possible.",
        "Checkout B2B v2 of 2026-03-01 ended well.",
        "0.0432 exactly.",
        "No numbers here.",
    ],
)
def test_numbers_of_the_evidence_may_be_repeated_rounded_or_rescaled(text: str) -> None:
    assert ungrounded_numbers(text, EVIDENCE) == []


@pytest.mark.parametrize(
    ("text", "invented"),
    [
        ("The lift is 5.3 %.", ["5.3 %"]),
        ("It earned 40k over 12,345 users.", ["40k"]),
        ("p = 0.004 and 4.32 %.", ["0.004"]),
        ("4.329 %", ["4.329 %"]),
        ("We are 95% sure.", ["95%"]),
    ],
)
def test_an_invented_number_is_found(text: str, invented: list[str]) -> None:
    assert ungrounded_numbers(text, EVIDENCE) == invented


@pytest.mark.parametrize("text", ["1e309", "1e99", "9" * 500, "0." + "9" * 500, "1e-400 %", "٣"])
def test_numbers_beyond_any_float_are_read_without_harm(text: str) -> None:
    assert isinstance(ungrounded_numbers(text, {"text": text}), list)
    assert ungrounded_numbers("4.3 %", {"text": text}) == ["4.3 %"]
