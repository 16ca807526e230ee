"""Features of real photos for the tests of matchers and pair selectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from recon_plugins.sift import SiftExtractor, SiftOptions

from recon import Features
from recon.matching.images import load_image
from recon.matching.listing import list_images


@pytest.fixture(scope="session")
def features_of(photo_set: Callable[[str], Path]) -> Callable[..., Mapping[str, Features]]:
    """Return a function: the SIFT features of a set's photos, or of every `step`-th, at 1024 px."""

    @cache
    def extract(name: str, step: int = 1) -> Mapping[str, Features]:
        extractor = SiftExtractor(SiftOptions(max_keypoints=2048), threads=1)
        images = list_images(photo_set(name) / "images").images[::step]
        return {image.name: extractor.extract(load_image(image, 1024)) for image in images}

    return extract


@pytest.fixture(autouse=True)
def _one_thread_a_product() -> Iterator[None]:
    """As in a run, where pairs are what runs in parallel."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
