"""Users as a caller names them, and as an answer does: by pseudonyms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError

if TYPE_CHECKING:
    from neonblue.intelligence.recollection.discovery import Discovery
    from neonblue.workspace import Workspace

FIELD = "user_id"


def real_user(workspace: Workspace, user_id: str) -> str:
    """The user behind an id or a pseudonym."""
    from neonblue.behavior.pseudonyms import PREFIX

    if not user_id:
        raise InvalidInputError("user_id is empty: give the id of a user as in the events")
    if not user_id.startswith(PREFIX):
        return user_id
    return workspace.store.named_users.user_of(user_id) or user_id


def pseudonym_of(workspace: Workspace, user_id: str, *, known: bool = True) -> str:
    """The name an answer gives a user. It can be asked about later, if the user is ``known``."""
    return pseudonyms_of(workspace, [user_id], known=known)[user_id]


def pseudonyms_of(
    workspace: Workspace, user_ids: Iterable[str], *, known: bool = True
) -> dict[str, str]:
    """Names by user id."""
    from neonblue.behavior.pseudonyms import Pseudonyms

    pseudonyms = Pseudonyms(workspace.store.sessions.pseudonym_key())
    names = {user: pseudonyms.of(user) for user in user_ids}
    if known:
        workspace.store.named_users.remember(names)
    return names


def real_filters(workspace: Workspace, filters: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Filters of journeys with users for pseudonyms."""
    if not filters or FIELD not in filters:
        return dict(filters) if filters else None
    return {**filters, FIELD: _real(workspace, filters[FIELD])}


def without_user_ids(workspace: Workspace, found: Iterable[Discovery]) -> tuple[Discovery, ...]:
    """Journeys that were found, named by pseudonyms."""
    kept = tuple(found)
    names = pseudonyms_of(workspace, (one.hit.document.document_id for one in kept))
    return tuple(_renamed(one, names[one.hit.document.document_id]) for one in kept)


def _real(workspace: Workspace, wanted: Any) -> Any:
    if isinstance(wanted, str):
        return real_user(workspace, wanted)
    if isinstance(wanted, Mapping):
        return {operator: _real(workspace, value) for operator, value in wanted.items()}
    return [_real(workspace, one) for one in wanted] if isinstance(wanted, list) else wanted


def _renamed(one: Discovery, name: str) -> Discovery:
    document = one.hit.document
    metadata = {**document.metadata, **({FIELD: name} if FIELD in document.metadata else {})}
    matched = tuple(part for part in one.hit.matched if not part.startswith(f"{FIELD} "))
    hidden = replace(document, document_id=name, metadata=metadata)
    return replace(one, hit=replace(one.hit, document=hidden, matched=matched))
