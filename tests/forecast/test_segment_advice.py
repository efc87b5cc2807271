"""What a confirmed segment gives a reason for, and what it does not."""

import pytest

from neonblue.intelligence.recommendation.segment_advice import advice_of
from neonblue.stores.documents import Document

GAINS, UNKNOWN, HARMED = (0.02, 0.05, 0.08), (-0.02, 0.01, 0.04), (-0.09, -0.05, -0.01)
GAINS_LESS = (0.01, 0.02, 0.03)
Figures = tuple[float, float, float]


def segment(own: Figures | None, rest: Figures | None) -> Document:
    metadata: dict[str, float] = {}
    for name, figures in (("improvement", own), ("improvement_of_rest", rest)):
        if figures is not None:
            metadata |= {
                f"{name}_lower": figures[0],
                name: figures[1],
                f"{name}_upper": figures[2],
            }
    return Document(document_id="s", text="Units whose device is desktop.", metadata=metadata)


@pytest.mark.parametrize(
    ("own", "rest", "action"),
    [
        (GAINS, HARMED, "only_segment"),
        (HARMED, GAINS, "all_but_segment"),
        (GAINS_LESS, GAINS, "adapt"),
        (GAINS, GAINS_LESS, "adapt"),
        (UNKNOWN, GAINS, "adapt"),
        (GAINS, UNKNOWN, "adapt"),
        (HARMED, HARMED, None),
        (HARMED, UNKNOWN, None),
        (UNKNOWN, UNKNOWN, None),
        (GAINS, None, None),
        (None, GAINS, None),
    ],
)
def test_a_change_is_withheld_only_from_whom_it_harms(
    own: Figures | None, rest: Figures | None, action: str | None
) -> None:
    found = advice_of(segment(own, rest))
    assert (found.action if found else None) == action


def test_the_version_is_made_for_those_who_gain_less() -> None:
    less = advice_of(segment(GAINS_LESS, GAINS))
    more = advice_of(segment(GAINS, GAINS_LESS))
    assert less is not None
    assert more is not None
    assert "for the segment that gains less" in less.change
    assert "outside the segment" in more.change
