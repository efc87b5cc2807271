"""A text over computed evidence: what a model says of it and can prove, else the text of rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from neonblue.errors import UnavailableError
from neonblue.llm.claims import Cited, fault_of
from neonblue.llm.language_model import LanguageModel, ModelCall
from neonblue.llm.prompts import read_prompt
from neonblue.models.outside_text import marked

RULES = "rules"
MAX_SENTENCES = 8
MAX_PROMPT_CHARACTERS = 40_000


class Sentence(BaseModel):
    """One sentence and the ids of the evidence that it rests on."""

    model_config = ConfigDict(extra="forbid")

    text: str
    evidence: list[str]


class Narrative(BaseModel):
    """What a model is asked to fill in."""

    model_config = ConfigDict(extra="forbid")

    sentences: list[Sentence] = Field(description="at most five")


@dataclass(frozen=True, slots=True, kw_only=True)
class Narration:
    """A text, who wrote it (``rules`` or ``provider:model``) and why it was not the model.

    ``dropped`` says of each sentence that was left out what was wrong; ``evidence`` are the ids
    that the others rest on; ``call`` is what the model was asked for it.
    """

    text: str
    narrated_by: str
    note: str = ""
    dropped: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    call: ModelCall | None = None


def narrate(
    model: LanguageModel | None,
    *,
    task: str,
    evidence: Mapping[str, Mapping[str, Any]],
    by_rule: Callable[[], str],
    known_names: Collection[str] = (),
    shared: Collection[str] = (),
) -> Narration:
    """Ask the model once; its sentences stay as far as they are grounded in what they cite.

    ``evidence`` is facts by id; ``known_names`` are names that there are and that a sentence may
    not use unless its evidence has them; ``shared`` are ids that every sentence rests on.
    """
    if model is None or not evidence:
        return Narration(text=by_rule(), narrated_by=RULES)
    content = f"{task}\n\nEvidence:\n{_listed(evidence)}"
    if len(content) > MAX_PROMPT_CHARACTERS:
        return Narration(text=by_rule(), narrated_by=RULES, note="too much evidence for a model")
    try:
        reply = model.answer(
            Narrative, prompt=read_prompt("narrate"), content=content, strength="cheap"
        )
    except UnavailableError as error:
        return Narration(text=by_rule(), narrated_by=RULES, note=str(error))
    kept, dropped = _checked(reply.value, evidence, known_names, shared)
    note = _note(model.name("cheap"), dropped, kept=len(kept))
    if not kept:
        return Narration(
            text=by_rule(), narrated_by=RULES, note=note, dropped=dropped, call=reply.call
        )
    return Narration(
        text=" ".join(one.text.strip() for one in kept),
        narrated_by=model.name("cheap"),
        note=note,
        dropped=dropped,
        evidence=tuple(dict.fromkeys(key for one in kept for key in one.evidence)),
        call=reply.call,
    )


def _listed(evidence: Mapping[str, Mapping[str, Any]]) -> str:
    return "\n".join(
        json.dumps(marked({"id": key, **facts}), default=str, ensure_ascii=False)
        for key, facts in evidence.items()
    )


def _checked(
    narrative: Narrative,
    evidence: Mapping[str, Mapping[str, Any]],
    known_names: Collection[str],
    shared: Collection[str],
) -> tuple[list[Sentence], tuple[str, ...]]:
    kept: list[Sentence] = []
    dropped: list[str] = []
    for sentence in narrative.sentences:
        full = len(kept) >= MAX_SENTENCES
        fault = _fault(sentence, evidence, known_names, shared, full=full)
        if fault is None:
            kept.append(sentence)
        else:
            dropped.append(fault)
    return kept, tuple(dropped)


def _fault(
    sentence: Sentence,
    evidence: Mapping[str, Mapping[str, Any]],
    known_names: Collection[str],
    shared: Collection[str],
    *,
    full: bool,
) -> str | None:
    if full:
        return "there are enough sentences"
    if not sentence.text.strip():
        return "it is empty"
    unknown = [key for key in sentence.evidence if key not in evidence]
    if unknown or not sentence.evidence:
        return "it cites no evidence that there is"
    cited = Cited(
        items={key: evidence[key] for key in (*sentence.evidence, *shared)},
        everything=evidence,
        known_names=known_names,
        shared=shared,
    )
    return fault_of(sentence.text, cited)


def _note(name: str, dropped: tuple[str, ...], *, kept: int) -> str:
    if not dropped:
        return "" if kept else f"{name} wrote nothing"
    count = f"{len(dropped)} of {len(dropped) + kept} sentences of {name} left out"
    return f"{count}: {'; '.join(dict.fromkeys(dropped[:3]))}"
