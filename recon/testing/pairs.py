"""What every pair selector keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recon.core.components import PairSelector
from recon.core.data import Features, ImageFile, ImagePair
from recon.core.kinds import Kind
from recon.testing.component import ComponentContract
from recon.testing.samples import image_file, random_features


class PairSelectorContract(ComponentContract):
    """Pairs of the given images, each once; any number of images."""

    kind = Kind.PAIRS

    def photos(self, count: int) -> tuple[Sequence[ImageFile], Mapping[str, Features]]:
        """Return photos that exist by name only, and their features; every fifth photo is blank."""
        images = [image_file(f"photo_{number:03}.jpg") for number in range(count)]
        features = {
            image.name: random_features(0 if number % 5 == 4 else 100, seed=number, size=(640, 480))
            for number, image in enumerate(images)
        }
        return images, features

    def test_pairs_are_of_the_given_images_and_each_once(self) -> None:
        """For no photo and one, where there is no pair, and for more."""
        selector: PairSelector = self.create()
        for count in (0, 1, 2, 3, 30):
            images, features = self.photos(count)
            pairs = selector.select(images, features)
            names = {image.name for image in images}
            strangers = {name for pair in pairs for name in (pair.name1, pair.name2)} - names
            assert all(isinstance(pair, ImagePair) for pair in pairs), "expected a list of ImagePair"
            assert not strangers, f"of {count} photos: pairs with {strangers}"
            assert len(set(pairs)) == len(pairs), f"of {count} photos: {len(pairs) - len(set(pairs))} pairs come twice"

    def test_two_photos_are_a_pair(self) -> None:
        """With two photos there is nothing to choose."""
        images, features = self.photos(2)

        pairs = self.create().select(images, features)

        assert len(pairs) == 1, f"expected the one pair that there is, got {pairs}"

    def test_equal_input_gives_equal_output(self) -> None:
        """From one selector, and from another made alike."""
        images, features = self.photos(30)
        selector: PairSelector = self.create()
        first = selector.select(images, features)

        for again in (selector.select(images, features), self.create().select(images, features)):
            assert first == again, "equal photos gave different pairs"
