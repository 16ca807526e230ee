"""ORB features from OpenCV; with bits as signs, the cosine of two descriptors counts their equal bits."""

from dataclasses import dataclass

import numpy as np

import recon


@dataclass(frozen=True)
class Options:
    max_keypoints: int = 4000


class Orb:
    def __init__(self, options, context):
        self.most = options.max_keypoints

    def extract(self, image):
        import cv2
        orb, grey = cv2.ORB_create(self.most, fastThreshold=7), cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
        found, bits = orb.detectAndCompute(grey, None) if min(image.size) > 32 else ((), None)
        keypoints = np.float32([point.pt for point in found[: self.most]]).reshape(-1, 2) + np.float32(0.5)
        signs = (np.unpackbits(bits[: self.most], axis=1) - np.float32(0.5)) / 8 if len(found) else np.zeros((0, 256))
        return recon.Features(keypoints, signs.astype(np.float32), image.size)


@recon.hookimpl
def recon_feature_extractors():
    return [recon.ComponentSpec("orb", "ORB (OpenCV)", Options, Orb, "Apache-2.0", position_tolerance_px=1.0)]
