"""The `global` mapper keeps the contract of mappers."""

from __future__ import annotations

from recon_plugins.global_mapper import recon_mappers

from recon.testing import MapperContract


class TestGlobal(MapperContract):
    spec = recon_mappers()[0]
