"""What a training found, as JSON for jobs and as lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from neonblue.intelligence.text_model.training import Training


def training_summary(training: Training) -> dict[str, Any]:
    """The outcome of a training as a JSON object."""
    return {
        "version": training.model.version,
        "kept_new": training.kept_new,
        "reason": training.reason,
        "previous_version": training.previous_version,
        "pairs": training.model.card["pairs"],
        "source": training.model.card["source"],
        "held_out": asdict(training.evaluation),
        "warnings": list(training.warnings),
    }


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """The same for a person."""
    held_out = summary["held_out"]
    lines = [
        f"text model {summary['version']}: {summary['reason']}",
        f"held out: the latest {held_out['pairs']:,} decided pairs of {held_out['tests']:,} tests "
        "(intervals 95 %, clustered by test)",
        f"  accuracy              {_rate(held_out['accuracy'])}",
        f"  on significant pairs  {_rate(held_out['accuracy_significant'])}",
        f"  log loss {held_out['log_loss']:.4f}, Brier {held_out['brier']:.4f}, calibration error "
        f"{held_out['calibration_error']:.4f}",
        f"  base rate {held_out['base_rate']:.3f}; skill against it: log "
        f"{held_out['log_skill']:+.3f}, Brier {held_out['brier_skill']:+.3f}",
    ]
    lines += [f"  warning: {warning}" for warning in summary["warnings"]]
    return lines


def _rate(rate: Mapping[str, Any]) -> str:
    if rate["value"] is None:
        return "no such pair"
    bounds = f"({rate['ci_lower']:.3f}, {rate['ci_upper']:.3f})"
    return f"{rate['value']:.3f} {bounds} of {rate['pairs']:,}"
