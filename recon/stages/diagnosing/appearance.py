"""Whether a photo was left out because of what its pixels are like: blurred, dark, bright or blank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

from recon.core.data import LeftOut
from recon.core.errors import Cause, NoModel
from recon.preflight.blur import find_blurred
from recon.preflight.exposure import find_badly_exposed
from recon.preflight.findings import Finding, Topic
from recon.preflight.looking import Look, look_at
from recon.run import Run

MOST_LOOKED_AT = 24
"""Photos left out whose pixels are looked at, those with the fewest keypoints first."""
_COMPARED_WITH = 3
"""Registered photos that say what is usual in this set."""
_EXPLAINED_BY_PIXELS = frozenset(
    {
        Cause.FEW_KEYPOINTS,
        Cause.NO_MATCHES,
        Cause.NO_VERIFIED_GEOMETRY,
        Cause.NOT_CONNECTED,
        Cause.FEW_CORRESPONDENCES,
        Cause.POSE_REJECTED,
        Cause.NO_INITIAL_PAIR,
        Cause.MODEL_TOO_SMALL,
    }
)
_CAUSES = {
    Topic.TOO_DARK: Cause.TOO_DARK,
    Topic.TOO_BRIGHT: Cause.TOO_BRIGHT,
    Topic.TEXTURELESS: Cause.BLANK,
    Topic.BLURRED: Cause.BLURRED,
    Topic.MOTION_BLUR: Cause.BLURRED,
}
"""In this order: a dark photo has few edges because it is dark."""
_ADJECTIVES = {
    Cause.BLURRED: "blurred",
    Cause.TOO_DARK: "too dark",
    Cause.TOO_BRIGHT: "too bright",
    Cause.BLANK: "blank",
}


def judge_pixels(run: Run, left_out: Sequence[LeftOut], registered: Collection[str]) -> list[LeftOut]:
    """Return the photos left out, with the cause that their pixels give where they give one."""
    doubtful = [each for each in left_out if each.cause in _EXPLAINED_BY_PIXELS]
    doubtful.sort(key=lambda each: (each.evidence.get("keypoints", 0), each.image))
    names = [each.image for each in doubtful[:MOST_LOOKED_AT]]
    usual = _spread([image.name for image in run.usable if image.name in registered], _COMPARED_WITH)
    looks = _look(run, [*names, *usual]) if names else {}
    others = [looks[name] for name in usual if name in looks]
    return [_judge(each, looks[each.image], others) if each.image in names and each.image in looks else each
            for each in left_out]  # fmt: skip


def add_to_error(error: NoModel, left_out: Sequence[LeftOut]) -> NoModel:
    """Return why there is no model, with how many of the photos are no good, if any."""
    counts = Counter(each.cause for each in left_out if each.cause in _ADJECTIVES)
    if not counts:
        return error
    poor = ", ".join(f"{number} {_ADJECTIVES[cause]}" for cause, number in counts.most_common())
    message = f"{error.message}; of {len(left_out)} photos left out these are no good: {poor}"
    return NoModel(message, code=error.code, file=error.file, try_=error.try_)


def _spread(names: Sequence[str], number: int) -> list[str]:
    """Return some names, evenly spread."""
    if len(names) <= number:
        return list(names)
    return [names[k * len(names) // number] for k in range(number)]


def _look(run: Run, names: Sequence[str]) -> dict[str, Look]:
    images = {image.name: image for image in run.usable}
    with ThreadPoolExecutor(run.plan.threads) as pool:
        looks = pool.map(look_at, [images[name] for name in names])
        return {look.image.name: look for look in looks if isinstance(look, Look)}


def _judge(left_out: LeftOut, look: Look, others: Sequence[Look]) -> LeftOut:
    name = left_out.image
    evidence = {**left_out.evidence, **_numbers(look, others)}
    set_ = {each.image.name: each for each in [*others, look]}
    findings = [
        *find_badly_exposed({key: each.exposure for key, each in set_.items()}),
        *find_blurred({key: each.sharpness for key, each in set_.items()}),
    ]
    own = {finding.topic: finding for finding in findings if finding.images == (name,)}
    for topic, cause in _CAUSES.items():
        if topic in own:
            return _explained(left_out, own[topic], cause, evidence)
    return replace(left_out, evidence=evidence)


def _explained(left_out: LeftOut, finding: Finding, cause: Cause, evidence: dict[str, Any]) -> LeftOut:
    reason = finding.detail.split(": ", 1)[-1] if finding.detail.startswith(f"{cause}: ") else finding.detail
    detail = f"{reason}; so {left_out.detail}"
    try_ = f"{finding.try_}; or {left_out.try_}" if finding.try_ else left_out.try_
    return replace(left_out, cause=cause, detail=detail, try_=try_, evidence={**evidence, "so": str(left_out.cause)})


def _numbers(look: Look, others: Sequence[Look]) -> dict[str, Any]:
    blurs = sorted(each.sharpness.blur_px for each in others if each.sharpness.blur_px is not None)
    return {
        "blur_px": _rounded(look.sharpness.blur_px),
        "usual_blur_px": _rounded(blurs[len(blurs) // 2]) if blurs else None,
        "edges": look.sharpness.num_edges,
        "exposure": {key: _rounded(value) for key, value in asdict(look.exposure).items()},
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
