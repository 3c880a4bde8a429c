"""Shows a verification step by step, and ends the command where a step fails."""

from collections.abc import Iterator, Sequence
from typing import Any

import typer

from gateway.cli.failures import DOES_NOT_HOLD
from gateway.cli.output import say, write_json
from gateway.errors import VerificationError
from gateway.identity.evidence.verification import Step
from gateway.identity.seals.sealers import Sealer


def passed_steps(checks: Iterator[Step], *, as_json: bool) -> tuple[Step, ...]:
    """Gives the steps once all have passed; else shows the first that failed, and ends with exit code 1."""
    steps: list[Step] = []
    try:
        for step in checks:
            steps.append(step)
            if not as_json:
                say(f"ok    {step.name:22} {step.found}")
    except VerificationError as error:
        _refuse(error, steps, as_json=as_json)
    return tuple(steps)


def step_documents(steps: Sequence[Step]) -> list[dict[str, str]]:
    """Gives the steps for programs."""
    return [{"step": each.name, "found": each.found} for each in steps]


def seal_document(sealer: Sealer) -> dict[str, Any]:
    """Gives a seal for programs: by what operators and lists of revoked certificates tell it from another."""
    return {
        "sha256": sealer.fingerprint,
        "serials": [f"{each.serial_number:x}" for each in sealer.certificates],
        "not_before": sealer.window.not_before.isoformat(),
        "not_after": sealer.window.not_after.isoformat(),
    }


def _refuse(error: VerificationError, steps: Sequence[Step], *, as_json: bool) -> None:
    step = error.metadata["step"]
    if as_json:
        failed = {"step": step, "reason": error.metadata.get("reason", error.reason), "message": error.message}
        write_json({"proven": False, "steps": step_documents(steps), "failed": failed})
    else:
        say(f"FAIL  {step:22} {error.message}")
        say("NOT PROVEN: this file proves nothing.")
    raise typer.Exit(DOES_NOT_HOLD)
