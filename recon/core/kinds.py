"""The kinds of component that a plugin can offer."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """A kind of component; the value is what `--set KIND:NAME.OPTION` and `[KIND.NAME]` in TOML say."""

    EXTRACTOR = "extractor"
    PAIRS = "pairs"
    MATCHER = "matcher"
    IMAGE_MATCHER = "image-matcher"
    MAPPER = "mapper"
    REFINER = "refiner"
    EXPORTER = "exporter"
    TRAINABLE = "trainable"

    @property
    def hook(self) -> str:
        """The hook whose answer lists components of this kind."""
        return _HOOKS[self]

    @property
    def noun(self) -> str:
        """What messages call one of them."""
        return _NOUNS[self]

    @property
    def namespace(self) -> str:
        """Within one name space a name is given once: `--matcher` chooses among both kinds of matcher."""
        return Kind.MATCHER.value if self is Kind.IMAGE_MATCHER else self.value


_HOOKS = {
    Kind.EXTRACTOR: "recon_feature_extractors",
    Kind.PAIRS: "recon_pair_selectors",
    Kind.MATCHER: "recon_feature_matchers",
    Kind.IMAGE_MATCHER: "recon_image_matchers",
    Kind.MAPPER: "recon_mappers",
    Kind.REFINER: "recon_refiners",
    Kind.EXPORTER: "recon_exporters",
    Kind.TRAINABLE: "recon_trainables",
}

_NOUNS = {
    Kind.EXTRACTOR: "feature extractor",
    Kind.PAIRS: "pair selector",
    Kind.MATCHER: "matcher",
    Kind.IMAGE_MATCHER: "image matcher",
    Kind.MAPPER: "mapper",
    Kind.REFINER: "refiner",
    Kind.EXPORTER: "exporter",
    Kind.TRAINABLE: "trainable network",
}
