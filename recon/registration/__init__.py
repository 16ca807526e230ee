"""Two images aligned to each other: `register(image1, image2, matcher)` says how, and how surely.

Imported where it is used only: it is light itself, and imports OpenCV inside its functions.
"""

from recon.registration.matching import KeypointMatcher
from recon.registration.options import Refinement, RegistrationOptions
from recon.registration.planar import Model
from recon.registration.result import Candidate, Likeness, Registration
from recon.registration.two_images import register

__all__ = [
    "Candidate",
    "KeypointMatcher",
    "Likeness",
    "Model",
    "Refinement",
    "Registration",
    "RegistrationOptions",
    "register",
]
