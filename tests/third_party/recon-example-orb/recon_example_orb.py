"""ORB features from OpenCV; with bits as signs, the cosine of two descriptors counts their equal bits."""

from dataclasses import dataclass

import numpy as np

import recon


@dataclass(frozen=True)
class Orb:
    """The extractor and its options in one, since it keeps nothing else."""

    max_keypoints: int = 4000

    def extract(self, image):
        import cv2

        orb, grey = cv2.ORB_create(self.max_keypoints, fastThreshold=7), cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
        found, bits = orb.detectAndCompute(grey, None) if min(image.size) > 32 else ((), None)
        keypoints = np.float32([point.pt for point in found]).reshape(-1, 2) + np.float32(0.5)
        signs = (np.unpackbits(bits, axis=1) - np.float32(0.5)) / 8 if len(found) else np.zeros((0, 256), np.float32)
        return recon.Features(keypoints[: self.max_keypoints], signs[: self.max_keypoints], image.size)


@recon.hookimpl
def recon_feature_extractors():
    spec = recon.ComponentSpec("orb", "ORB (OpenCV)", Orb, lambda orb, context: orb, "Apache-2.0", thread_safe=True)
    return [spec]
