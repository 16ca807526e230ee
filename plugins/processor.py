"""What the processor is good at, as far as torch can tell."""

from __future__ import annotations

from functools import cache


@cache
def is_bfloat16_fast() -> bool:
    """Return whether this processor multiplies bfloat16 faster than float32: by AVX512-BF16 or AMX. Loads torch."""
    import torch

    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # absent from older versions of torch
    return any(getattr(torch.cpu, name, bool)() for name in asked)
