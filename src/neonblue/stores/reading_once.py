"""One answer from several modules: equal queries are asked once, as of one moment."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from neonblue.stores import Store

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def reads_once(
    answer: Callable[Concatenate[Store, Arguments], Answer],
) -> Callable[Concatenate[Store, Arguments], Answer]:
    """The function, asking the store each query once (``Database.reading_once``)."""

    @wraps(answer)
    def once(store: Store, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        with store.database.reading_once():
            return answer(store, *args, **kwargs)

    return once
