"""What every exporter keeps."""

from __future__ import annotations

import tempfile
from pathlib import Path

from recon.core.components import Exporter
from recon.core.frame import FrameSource, ModelFrame, Origin, Units
from recon.core.kinds import Kind
from recon.testing.component import ComponentContract
from recon.testing.mappers import synthesize_scene


class ExporterContract(ComponentContract):
    """Something is written, below the destination only, and the model is not changed."""

    kind = Kind.EXPORTER
    frame = ModelFrame(Units.GEOGRAPHIC, FrameSource.GPS, is_z_up=True, origin=Origin(50.1, 8.7, 120.0))
    """Of a model that lies somewhere: formats for maps refuse others."""

    def test_it_writes_below_the_destination_only(self) -> None:
        """Into a folder that is not there yet, with a name that is not ASCII."""
        exporter: Exporter = self.create()
        with tempfile.TemporaryDirectory(prefix="recon-") as folder:
            destination = Path(folder) / "modèle 模型"
            exporter.export(synthesize_scene(4), destination)
            files = [path for path in Path(folder).rglob("*") if path.is_file()]
            strays = [path for path in files if not path.is_relative_to(destination)]

        assert files, "nothing was written"
        assert not strays, f"written outside the destination: {strays}"

    def test_the_same_model_is_exported_again(self) -> None:
        """Over its own earlier result: a run that is repeated must not fail at the end."""
        exporter: Exporter = self.create()
        with tempfile.TemporaryDirectory(prefix="recon-") as folder:
            for _ in range(2):
                exporter.export(synthesize_scene(4), Path(folder) / "out")

    def test_the_model_is_not_changed(self) -> None:
        """The host goes on with it."""
        model = synthesize_scene(4)
        before = model.summary()
        with tempfile.TemporaryDirectory(prefix="recon-") as folder:
            self.create().export(model, Path(folder) / "out")

        assert model.summary() == before, "export() changed the model"
