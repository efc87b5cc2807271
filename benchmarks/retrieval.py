"""Finding past experiments by paraphrase: hybrid search against BM25 and vectors alone.

    python -m benchmarks.retrieval

A corpus of 288 experiment descriptions is generated: 24 changes, each for 12 products, in the form
in which finished experiments enter the memory. Each change has two paraphrases that share few of
its words; a query is a paraphrase and a product (or none, where any experiment with the change
counts), or the number that a test was named by. Half of the changes were used to choose the
keyword share, the other half is reported apart.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.embedding import open_embedder
from neonblue.memory.library import Memory
from neonblue.memory.search import search
from neonblue.stores import open_store
from neonblue.stores.documents import Document

# A change as a plan would put it, what it did, and two ways in which somebody may ask for it.
CHANGES = (
    (
        "annual plan shown before the monthly one on the pricing page",
        "pricing",
        "yearly subscription offered first",
        "leading with twelve-month billing",
    ),
    (
        "prices end in .99 instead of round figures",
        "pricing",
        "charm pricing",
        "odd price endings rather than whole amounts",
    ),
    (
        "free shipping threshold lowered from 50 to 30",
        "pricing",
        "delivery costs nothing for smaller baskets",
        "cheaper minimum order for gratis postage",
    ),
    (
        "checkout on one page instead of three steps",
        "checkout",
        "shorter payment flow",
        "buying without going through several screens",
    ),
    (
        "guests may order without an account",
        "checkout",
        "purchase without registering",
        "no sign-up needed to pay",
    ),
    (
        "saved cards preselected at payment",
        "checkout",
        "remember the customer's wallet",
        "paying again with stored details",
    ),
    (
        "progress bar in the registration wizard",
        "onboarding",
        "show how far a newcomer has come",
        "indicator of remaining sign-up stages",
    ),
    (
        "product tour after the first login",
        "onboarding",
        "guided introduction for new members",
        "walkthrough when someone starts",
    ),
    (
        "phone number removed from the lead form",
        "form",
        "asking for less contact information",
        "shorter enquiry questionnaire",
    ),
    (
        "inline validation of form errors",
        "form",
        "tell people at once what they typed wrong",
        "instant feedback on mistakes in fields",
    ),
    (
        "customer reviews above the fold",
        "social_proof",
        "opinions of other buyers near the top",
        "testimonials visible without scrolling",
    ),
    (
        "number of current viewers shown",
        "social_proof",
        "how many others look at this item",
        "live audience counter",
    ),
    (
        "countdown until the offer ends",
        "urgency",
        "ticking clock for a deal",
        "time pressure on a discount",
    ),
    (
        "only few left in stock message",
        "urgency",
        "scarcity note about inventory",
        "warn that supplies run out",
    ),
    (
        "recommendations ranked by own browsing history",
        "recommendation",
        "suggest items from what somebody viewed",
        "personalised picks",
    ),
    (
        "autocomplete with pictures in the search box",
        "search",
        "visual suggestions while typing a query",
        "illustrated type-ahead",
    ),
    (
        "typo tolerance in site search",
        "search",
        "forgive misspelled queries",
        "find things despite spelling mistakes",
    ),
    (
        "reminder e-mail for abandoned carts",
        "messaging",
        "message people who left without buying",
        "win back unfinished orders by mail",
    ),
    (
        "push notification at the usual hour of use",
        "messaging",
        "alert sent when the person tends to be active",
        "well-timed mobile nudge",
    ),
    (
        "images compressed for a faster first paint",
        "performance",
        "quicker loading pages",
        "reduce waiting time until something shows",
    ),
    (
        "sticky menu that stays while scrolling",
        "navigation",
        "navigation always in view",
        "header that follows the reader",
    ),
    (
        "headline says the benefit instead of the feature",
        "copy",
        "title about what the customer gains",
        "outcome-led wording at the top",
    ),
    (
        "green call-to-action button instead of grey",
        "layout",
        "more prominent colour for the main control",
        "contrast of the primary click target",
    ),
    (
        "video in the hero instead of a photo",
        "layout",
        "moving footage at the top of the landing page",
        "film clip rather than a still image",
    ),
)
PRODUCTS = (
    ("fashion shop", "retail"),
    ("grocery delivery", "retail"),
    ("furniture store", "retail"),
    ("language course", "education"),
    ("meditation app", "health"),
    ("fitness tracker", "health"),
    ("project planner", "saas"),
    ("invoice tool", "saas"),
    ("video streaming", "media"),
    ("news site", "media"),
    ("hotel booking", "travel"),
    ("flight search", "travel"),
)
METRICS = ("conversion", "sign-up rate", "orders per visitor", "retention after a week")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A query, the ids that answer it, and which half of the changes it belongs to."""

    text: str
    answers: frozenset[str]
    held_out: bool
    kind: str


def corpus() -> list[Document]:
    """The descriptions, with results drawn at random."""
    numbers = random.Random(5)
    documents = []
    for change_row, (change, kind, *_) in enumerate(CHANGES):
        for product_row, (product, industry) in enumerate(PRODUCTS):
            lift = numbers.gauss(0.01, 0.04)
            outcome = "success" if lift > 0.03 else "failure" if lift < -0.02 else "neutral"
            number = 1000 + change_row * 40 + product_row
            text = (
                f"{product} test {number}\nKind: {kind} in {industry}\n"
                f"Control: as it is today. Changed: {change}, in the {product}.\nFor: all users.\n"
                f"{numbers.randrange(5, 90) * 1000} units over {numbers.randrange(7, 40)} days.\n"
                f"{numbers.choice(METRICS)}: improvement {100 * lift:+.2f} %.\n"
                f"Verdict: {outcome}."
            )
            documents.append(
                Document(
                    document_id=f"c{change_row:02}p{product_row:02}",
                    text=text,
                    metadata={"type": kind, "industry": industry, "outcome": outcome},
                )
            )
    return documents


def questions() -> list[Question]:
    """Each paraphrase alone and with three of the products."""
    numbers = random.Random(6)
    found = []
    for row, (_, _, *paraphrases) in enumerate(CHANGES):
        everywhere = frozenset(f"c{row:02}p{at:02}" for at in range(len(PRODUCTS)))
        for paraphrase in paraphrases:
            held = row % 2 == 1
            found.append(Question(text=paraphrase, answers=everywhere, held_out=held, kind="alone"))
            for at in numbers.sample(range(len(PRODUCTS)), 3):
                found.append(
                    Question(
                        text=f"{paraphrase} for the {PRODUCTS[at][0]}",
                        answers=frozenset({f"c{row:02}p{at:02}"}),
                        held_out=held,
                        kind="with product",
                    )
                )
    return found


def name_questions(documents: Sequence[Document]) -> list[Question]:
    """Queries by a name that was given: what words are for and meaning is not."""
    numbers = random.Random(7)
    return [
        Question(
            text=f"the {document.text.splitlines()[0].split()[-1]} test",
            answers=frozenset({document.document_id}),
            held_out=row % 2 == 1,
            kind="by name",
        )
        for row, document in enumerate(numbers.sample(list(documents), 48))
    ]


def scores(asked: Sequence[Question], ranking: Callable[[str], list[str]]) -> tuple[float, float]:
    """Recall@5 (of at most five answers) and the mean reciprocal rank."""
    recalls, ranks = [], []
    for question in asked:
        found = ranking(question.text)
        recalls.append(len(question.answers & set(found[:5])) / min(5, len(question.answers)))
        first = next((n for n, name in enumerate(found, 1) if name in question.answers), 0)
        ranks.append(1 / first if first else 0.0)
    return sum(recalls) / len(recalls), sum(ranks) / len(ranks)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"chdb://{folder}/clickhouse")
        memory = Memory(store.documents, open_embedder(), Path(folder) / "chroma").start()
        memory.index_states.wait_until_ready(60)
        documents = corpus()
        memory.remember(EXPERIMENTS, documents)
        contents = memory.contents(EXPERIMENTS, patience_seconds=60)
        assert contents is not None
        words = contents.words
        rankings: dict[str, Callable[[str], list[str]]] = {
            "BM25": lambda query: [name for name, _ in words.search(query, 20)],
            "vectors": lambda query: [
                name
                for name, _ in memory.live_index.nearest(EXPERIMENTS, memory.embed_query(query), 20)
            ],
            "hybrid": lambda query: [
                hit.document.document_id
                for hit in search(memory, EXPERIMENTS, query, limit=20).hits
            ],
        }
        paraphrased = questions()
        asked = [*paraphrased, *name_questions(documents)]
        slices = {
            "paraphrases": paraphrased,
            "held out": [question for question in paraphrased if question.held_out],
            "by name": [question for question in asked if question.kind == "by name"],
            "all": asked,
        }
        print(f"{len(documents)} documents; recall@5 and MRR")
        print(f"{'':9}" + "".join(f"{f'{n} ({len(q)})':>21}" for n, q in slices.items()))
        for name, ranking in rankings.items():
            cells = [scores(chosen, ranking) for chosen in slices.values()]
            print(f"{name:9}" + "".join(f"{recall:14.3f}{mrr:7.3f}" for recall, mrr in cells))
        memory.close()
        store.close()


if __name__ == "__main__":
    main()
