"""Gives a client's method the face of the function that builds its request."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

MethodT = TypeVar("MethodT", bound=Callable[..., Any])


def described_as(build: Callable[..., Any], method: MethodT) -> MethodT:
    """Gives ``method`` the name, documentation and parameters of ``build``, so that ``help()`` tells them.

    The method's own annotation of what it returns stays.
    """
    signature = inspect.signature(build)
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    method.__name__ = build.__name__
    method.__doc__ = build.__doc__
    method.__dict__["__signature__"] = signature.replace(
        parameters=[itself, *signature.parameters.values()], return_annotation=inspect.Signature.empty
    )
    return method
