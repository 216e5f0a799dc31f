"""Packages of the extra `sched`, which `import gavotte` does without."""

from __future__ import annotations

import importlib
from typing import Any


def optional(name: str) -> Any:
    """The module. Raises ImportError that says what to install."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(f"gavotte.sched needs {package}: pip install 'gavotte[sched]'") from error


def check_schema(what: str, value: Any, schema: dict[str, Any]) -> None:
    """Raises ValueError, one line, with the place of the first thing that the JSON Schema forbids."""
    errors = optional("jsonschema").Draft202012Validator(schema).iter_errors(value)
    worst = min(errors, key=lambda error: (list(map(str, error.absolute_path)), error.message), default=None)
    if worst is not None:
        place = ".".join(map(str, worst.absolute_path)) or "the file"
        message = " ".join(worst.message.split())
        raise ValueError(f"{what}: {place}: {message[:300]}")
