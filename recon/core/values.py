"""Turns a text, or a value of TOML, into a value of an option's type."""

from __future__ import annotations

import math
import types
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin


def describe_type(wanted: Any) -> str:
    """Return what a user may write for an option of this type, in a few words."""
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return " or ".join("none" if choice is types.NoneType else describe_type(choice) for choice in arguments)
    if origin is Literal:
        return "one of " + ", ".join(str(choice) for choice in arguments)
    if origin is tuple and arguments[-1] is Ellipsis:
        return f"{describe_type(arguments[0])}, any number of times, separated by commas"
    if origin is tuple:
        return f"{len(arguments)} values separated by commas ({', '.join(map(describe_type, arguments))})"
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return "one of " + ", ".join(str(member.value) for member in wanted)
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}
    return names.get(wanted, f"a {getattr(wanted, '__name__', wanted)}")


def to_type(wanted: Any, value: object) -> Any:
    """Return `value`, a text or what TOML made of it, as a value of the type `wanted`.

    Raises:
        ValueError: Says what was expected and what came.
    """
    try:
        return _convert(wanted, value)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"expected {describe_type(wanted)}, got {value!r}") from error


def _convert(wanted: Any, value: object) -> Any:
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return _first_that_fits(arguments, value)
    if origin is tuple:
        return _to_tuple(arguments, value)
    if origin is Literal:
        return _choose({str(choice): choice for choice in arguments}, value)
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return _choose({member.name: member for member in wanted} | {str(m.value): m for m in wanted}, value)
    if wanted is bool:
        return value if isinstance(value, bool) else _choose(_BOOLEANS, str(value).lower())
    if wanted is int and not isinstance(value, (bool, float)):
        return int(str(value))
    if wanted is float and not isinstance(value, bool):
        number = float(str(value))
        if not math.isnan(number):
            return number
    if wanted in (str, Path) and isinstance(value, str):
        return value if wanted is str else Path(value).expanduser()
    raise ValueError(f"no {wanted}: {value!r}")


_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _choose(choices: dict[str, Any], value: object) -> Any:
    if str(value) not in choices:
        raise ValueError(f"none of the choices: {value!r}")
    return choices[str(value)]


def _first_that_fits(types_: tuple[Any, ...], value: object) -> Any:
    if types.NoneType in types_ and str(value).lower() == "none":
        return None
    for wanted in types_:
        try:
            return _convert(wanted, value)
        except ValueError:
            continue
    raise ValueError(f"fits no type of the union: {value!r}")


def _to_tuple(types_: tuple[Any, ...], value: object) -> tuple[Any, ...]:
    if isinstance(value, str):
        items: list[object] = [item.strip() for item in value.split(",")] if value.strip() else []
    elif isinstance(value, (list, tuple)):
        items = list(value)
    else:
        items = [value]
    wanted = [types_[0]] * len(items) if types_[-1] is Ellipsis else list(types_)
    if len(wanted) != len(items):
        raise ValueError(f"{len(items)} values, not {len(wanted)}")
    return tuple(_convert(one, item) for one, item in zip(wanted, items, strict=True))
