"""What kind of change an experiment tested, from its plan or its words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from neonblue.models import Experiment

Effort = Literal["low", "medium", "high"]
OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A kind of change: the words that give it away, and how much work it usually is."""

    name: str
    words: str
    effort: Effort
    pattern: str


CATEGORIES = (
    Category(
        name="pricing",
        words=r"pric\w+|discount\w*|coupon\w*|cheap\w*|subscription tier|annual plan|free trial",
        effort="high",
        pattern="show the price and what it saves earlier and more plainly",
    ),
    Category(
        name="checkout",
        words=r"checkout|cart|payment\w*|basket|one-click|guest order",
        effort="high",
        pattern="take a step out of the checkout",
    ),
    Category(
        name="onboarding",
        words=r"onboard\w*|sign-?up|registration|welcome|tutorial|first run",
        effort="medium",
        pattern="ask for less before the first success",
    ),
    Category(
        name="form",
        words=r"form\b|forms|fields?|input|autofill",
        effort="low",
        pattern="ask for fewer fields",
    ),
    Category(
        name="social_proof",
        words=r"review\w*|testimonial\w*|rating\w*|social proof|trust badge\w*",
        effort="low",
        pattern="show what other customers say next to the decision",
    ),
    Category(
        name="urgency",
        words=r"urgen\w*|countdown|scarcity|limited|stock left",
        effort="low",
        pattern="say plainly what is limited, and only where it is true",
    ),
    Category(
        name="recommendation",
        words=r"recommend\w*|personali[sz]\w*|ranking|algorithm\w*|suggest\w*",
        effort="high",
        pattern="order what is offered by the user's own behaviour",
    ),
    Category(
        name="search",
        words=r"search\w*|filters?|facets?|autocomplete",
        effort="medium",
        pattern="make the search forgive and finish queries",
    ),
    Category(
        name="messaging",
        words=r"e-?mails?|newsletter|push|notification\w*|sms|subject line\w*|reminder\w*",
        effort="low",
        pattern="send at the moment of need, about one thing",
    ),
    Category(
        name="performance",
        words=r"latency|speed|faster|slower|load time|performance|cache",
        effort="high",
        pattern="make the first useful paint faster",
    ),
    Category(
        name="navigation",
        words=r"navigation|menu|tabs?|header|footer|sidebar",
        effort="medium",
        pattern="put the most used destination one tap away",
    ),
    Category(
        name="copy",
        words=r"cop(y|ies)|headline\w*|wording|text|title\w*|label\w*|cta|call to action|message",
        effort="low",
        pattern="say the benefit in the reader's words",
    ),
    Category(
        name="layout",
        words=r"layout|design|banner|hero|image\w*|colou?r\w*|button\w*|page|landing|gate",
        effort="medium",
        pattern="give the main action the first place on the page",
    ),
)
BY_NAME = {category.name: category for category in CATEGORIES}
PATTERNS = tuple(
    (category.name, re.compile(rf"\b(?:{category.words})\b", re.IGNORECASE))
    for category in CATEGORIES
)


def category_of(experiment: Experiment) -> str:
    """The plan's own type, else the category whose words occur most, else ``other``."""
    if experiment.experiment_type:
        return experiment.experiment_type.strip().lower().replace(" ", "_")
    variants = " ".join(f"{v.name} {v.description}" for v in experiment.variants)
    return category_of_text(
        f"{experiment.experiment_id.replace('_', ' ')} {experiment.name} "
        f"{experiment.description} {experiment.hypothesis} {variants}"
    )


def category_of_text(text: str) -> str:
    """The category whose words occur most in a text; the earlier one where two tie."""
    counts = [(len(found.findall(text)), name) for name, found in PATTERNS]
    most = max(count for count, _ in counts)
    return next(name for count, name in counts if count == most) if most else OTHER


def effort_of(category: str) -> Effort:
    """How much work a kind of change usually is; ``medium`` for kinds that we do not know."""
    known = BY_NAME.get(category)
    return known.effort if known is not None else "medium"
