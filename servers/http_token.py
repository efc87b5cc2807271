"""The bearer tokens of ``serve --http``: those of the environment, or one kept beside the data."""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import stat
from pathlib import Path

from fastmcp.server.auth import AccessToken, TokenVerifier

from neonblue.errors import UnavailableError
from neonblue.settings import HttpSettings

READ, WRITE, APPROVE = "read", "write", "approve"
TOKEN_FILE = "http.token"

logger = logging.getLogger(__name__)


class KnownTokens(TokenVerifier):
    """Bearer tokens and their scopes, compared in constant time; and those of approvers, which
    the registry in the file ``approvers`` knows."""

    def __init__(self, scopes: dict[str, list[str]], approvers: Path | None = None) -> None:
        super().__init__(required_scopes=[READ])
        self._tokens = scopes
        self._approvers = approvers

    async def verify_token(self, token: str) -> AccessToken | None:
        """The scopes of a token that is known, or None."""
        for known, scopes in self._tokens.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                return AccessToken(token=token, client_id="neonblue", scopes=scopes)
        name = self._approver(token)
        if name is None:
            return None
        return AccessToken(token=token, client_id=f"approver {name}", scopes=[READ, APPROVE])

    def _approver(self, token: str) -> str | None:
        from neonblue.optimization.approve_token import key_of_token
        from neonblue.optimization.approvers import read_approvers

        key = key_of_token(token)
        if key is None or self._approvers is None:
            return None
        found = read_approvers(self._approvers).find(key.public_key)
        return found.name if found is not None and found.method == "token" else None


def configured_tokens(http: HttpSettings) -> dict[str, list[str]]:
    """The tokens of the environment with their scopes; a blank one is none."""
    scopes = ((http.token, [READ, WRITE]), (http.read_token, [READ]))
    named = {token.get_secret_value().strip(): granted for token, granted in scopes if token}
    return {token: granted for token, granted in named.items() if token}


def kept_token(directory: Path) -> tuple[str, Path]:
    """A random token that stays the same, and the file, for this user alone, that has it.

    Raises ``UnavailableError`` when the file can neither be read nor made.
    """
    path = directory / TOKEN_FILE
    try:
        if path.is_symlink():
            raise OSError("it is a symbolic link")
        _drop_what_others_know(path)
        if not path.exists():
            _write_new(path, secrets.token_urlsafe(32))
        token = path.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"the token file {str(path)!r} cannot be used ({error}): remove it, or set "
            "NEONBLUE_HTTP_TOKEN to a long random text"
        ) from error
    if not token:
        raise UnavailableError(f"the token file {str(path)!r} is empty: remove it and start again")
    return token, path


def _drop_what_others_know(path: Path) -> None:
    """Remove a token that others may have read; ``OSError`` when it is not ours to remove."""
    if not path.exists():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        path.unlink()
        logger.warning(
            "the token in %s could be read by others (mode %o): there is a new one now, which "
            "clients have to be given",
            path,
            mode,
        )


def _write_new(path: Path, token: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token)
    try:
        os.link(draft, path)
    except FileExistsError:  # another server was quicker: both use its token
        return
    finally:
        draft.unlink()
