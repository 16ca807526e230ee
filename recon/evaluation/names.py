"""Which image of a model is meant by a name in the truth."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

from recon.core.errors import Cause, UsageError


def match_names(true_names: Sequence[str], model_names: Sequence[str]) -> dict[str, str]:
    """Return the model's name for each name of the truth that is in the model.

    Equal names go first. Else one must be the end of the other's path: `a.jpg` means `left/a.jpg`, unless
    the model has `right/a.jpg` too. A name without a picture's suffix, as in trajectories, means the image of
    that stem: `000007` is `000007.png`.

    Raises:
        UsageError: A name fits several images, or two names fit one.
    """
    spelling = {_normal(name): name for name in model_names}
    found = {name: spelling[_normal(name)] for name in true_names if _normal(name) in spelling}
    taken = set(found.values())
    by_base_name = defaultdict(list)
    for name in model_names:
        if name not in taken:
            by_base_name[_base(name)].append((name, _normal(name)))
            by_base_name[_base(_stem(name))].append((name, _stem(name)))
    for name in true_names:
        if name in found:
            continue
        fits = [other for other, path in by_base_name[_base(name)] if _is_end_of_other(_normal(name), path)]
        if len(fits) > 1:
            raise _ambiguous(f"{name!r} in the truth fits several images of the model: {', '.join(sorted(fits))}")
        if fits:
            found[name] = fits[0]
    for model_name, count in Counter(found.values()).items():
        if count > 1:
            names = sorted(name for name in found if found[name] == model_name)
            raise _ambiguous(f"several names in the truth fit the image {model_name!r}: {', '.join(names)}")
    return found


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _base(name: str) -> str:
    return _normal(name).rpartition("/")[2]


def _stem(name: str) -> str:
    return _normal(name).rpartition(".")[0]


def _is_end_of_other(name1: str, name2: str) -> bool:
    return f"/{name1}".endswith(f"/{name2}") or f"/{name2}".endswith(f"/{name1}")


def _ambiguous(message: str) -> UsageError:
    return UsageError(message, code=Cause.BAD_VALUE, try_="use the names with their folders in the truth")
