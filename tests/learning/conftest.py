"""What the tests of training share: a teacher that needs no weights, and one small rendered scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import recon


@dataclass
class Corners:
    """Finds OpenCV's corners, and describes each by the pixels around it."""

    count: int = 600
    calls: int = 0

    def extract(self, image: recon.Image) -> recon.Features:
        import cv2

        self.calls += 1
        grey = cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
        corners = cv2.goodFeaturesToTrack(grey, self.count, 0.001, 2)
        keypoints = np.zeros((0, 2), np.float32) if corners is None else corners.reshape(-1, 2)
        padded = cv2.copyMakeBorder(grey, 2, 2, 2, 2, cv2.BORDER_REPLICATE).astype(np.float32)
        patches = [padded[y : y + 5, x : x + 5].ravel() + 1 for x, y in keypoints.astype(int)]
        descriptors = np.array(patches, np.float32).reshape(-1, 25)
        descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
        scores = np.linspace(1, 0.1, len(keypoints), dtype=np.float32)
        return recon.Features(keypoints + np.float32(0.5), descriptors, image.size, scores)


@pytest.fixture
def corners():
    """Return a teacher that counts how often it is asked."""
    return Corners()


@pytest.fixture(scope="session")
def small_scenes(tmp_path_factory):
    """Return one rendered scene of three views, the last of which has another light."""
    from recon.learning.scene_cache import RenderOptions, prepare_scenes
    from recon.learning.scene_studio import Teacher

    options = RenderOptions(views=3, size=320, samples=1, seed=4)
    return prepare_scenes(tmp_path_factory.mktemp("scenes"), 1, Teacher(Corners(), "corners"), options)


@pytest.fixture(scope="session")
def made_photo():
    """Return a function: a photo of smooth random texture, with keypoints at random places of it."""
    import cv2

    from recon.learning.annotate import AnnotatedPhoto

    def make(width=320, height=240, seed=0, count=500, length=8):
        random = np.random.default_rng(seed)
        texture = cv2.GaussianBlur(random.standard_normal((height, width)).astype(np.float32), (0, 0), 2.5)
        descriptors = random.standard_normal((count, length)).astype(np.float32)
        return AnnotatedPhoto(
            name=f"{seed}.png",
            grey=np.clip(128 + 40 * texture / max(float(texture.std()), 1e-6), 0, 255).astype(np.uint8),
            keypoints=random.uniform(0, (width, height), (count, 2)).astype(np.float32),
            scores=random.uniform(0.25, 1, count).astype(np.float32),
            descriptors=descriptors / np.linalg.norm(descriptors, axis=1, keepdims=True),
        )

    return make
