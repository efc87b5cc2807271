"""Where the files of the authority lie, outside the data: policy, registry, kill switch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.optimization.policy import Policy, read_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityFiles:
    """``policy`` has its signature beside it; ``policy_named`` says that somebody chose it, so it
    has to be there."""

    policy: Path
    approvers: Path
    stop: Path
    totp: Path
    keys: Path
    policy_named: bool = False

    @classmethod
    def in_folder(cls, folder: Path) -> AuthorityFiles:
        """All of them in one folder, under their usual names."""
        return cls(
            policy=folder / "policy.toml",
            approvers=folder / "approvers.json",
            stop=folder / "stop",
            totp=folder / "totp",
            keys=folder / "keys",
        )

    @property
    def signature(self) -> Path:
        """The policy's signature."""
        return self.policy.with_name(f"{self.policy.name}.sig")

    def policy_text(self) -> str | None:
        """The policy as written, or None when there is none and nobody asked for one."""
        try:
            return self.policy.read_text(encoding="utf-8")
        except FileNotFoundError:
            if not self.policy_named:
                return None
            raise InvalidInputError(
                f"there is no policy at {str(self.policy)!r}: write one there, or unset "
                "NEONBLUE_POLICY"
            ) from None
        except UnicodeDecodeError as error:
            raise InvalidInputError(
                f"the policy {str(self.policy)!r} is not UTF-8 text ({error})"
            ) from error
        except OSError as error:
            raise UnavailableError(
                f"the policy {str(self.policy)!r} cannot be read ({error.strerror})"
            ) from error

    def read_policy(self) -> Policy:
        """The policy in force; the default without a file."""
        text = self.policy_text()
        return Policy() if text is None else read_policy(text, f"the policy {str(self.policy)!r}")
