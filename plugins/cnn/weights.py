"""Weight files: safetensors with the network's name in the metadata. Nothing else is read, least of all a pickle."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

import recon

from ..xfeat.weights import load_exactly
from .architecture import OWN, NamedNetwork

SHIPPED = Path(__file__).with_name("cnn.safetensors")
"""The weights that come with recon."""
BACKBONE = "cnn.backbone"
"""The one entry of the metadata: several would stand in any order, and equal weights would make different files."""
_ADVICE = "give a safetensors file that `recon train` made of this version of the network, or none for recon's own"
_PICKLES = (b"PK\x03\x04", b"\x80")
"""How files begin that torch.save or pickle wrote."""


def save_weights(network: NamedNetwork, path: Path) -> None:
    """Write a network's weights; the file is there whole or not at all, and equal weights give equal files.

    Raises:
        OSError: The file cannot be written.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    content = save(tensors, {BACKBONE: network.backbone})
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_weights(network: NamedNetwork, path: Path) -> None:
    """Read weights into a network; names and shapes have to fit exactly.

    Raises:
        UsageError: MISSING_FILE, there is no such file.
        ReconError: BAD_WEIGHTS, saying what is wrong with the file; the network is as before.
    """
    tensors, metadata = read_weights(path)
    backbone = metadata.get(BACKBONE)
    if backbone is None:
        raise _refusal(path, "it does not say so: no file that `recon train` made")
    if backbone != network.backbone:
        raise recon.ReconError(
            f"{path} holds weights for the backbone {backbone}, and {network.backbone} was asked for",
            code=recon.Cause.BAD_WEIGHTS,
            file=str(path),
            try_=f"give --set cnn.backbone={backbone} with this file, or a file made for {network.backbone}",
        )
    try:
        load_exactly(network, tensors, path, "cnn")
    except recon.ReconError as error:
        error.try_ = _ADVICE
        raise


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a safetensors file by name, and its metadata.

    Raises:
        UsageError: MISSING_FILE.
        ReconError: BAD_WEIGHTS, it is no safetensors file or damaged.
    """
    if not path.is_file():
        raise recon.UsageError(
            f"the weights given for cnn do not exist: {path}",
            code=recon.Cause.MISSING_FILE,
            file=str(path),
            try_="check the path given by --set cnn.weights; `recon train` writes such a file",
        )
    try:
        with path.open("rb") as stream:
            beginning = stream.read(4)
        if beginning.startswith(_PICKLES):
            raise recon.ReconError(
                f"{path} is a file of torch.save or pickle, which may run any program when it is read: recon does not",
                code=recon.Cause.BAD_WEIGHTS,
                file=str(path),
                try_="give a safetensors file, as `recon train` writes it",
            )
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except SafetensorError as error:
        raise _refusal(path, f"it is damaged, or no safetensors file ({error})") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _refusal(path, f"it cannot be read ({error})") from error


def shipped_weights(backbone: str) -> Path:
    """Return the file that comes with recon.

    Raises:
        ReconError: MISSING_WEIGHTS, for another trunk than our own there is none.
    """
    if backbone != OWN:
        raise recon.ReconError(
            f"no weights for cnn with the backbone {backbone} come with recon",
            code=recon.Cause.MISSING_WEIGHTS,
            try_=f"train some (recon train new --backbone {backbone} ...) and give them by --set cnn.weights=FILE",
        )
    if not SHIPPED.is_file():
        raise recon.ReconError(
            f"the weights of cnn are missing from this installation: {SHIPPED}",
            code=recon.Cause.MISSING_WEIGHTS,
            file=str(SHIPPED),
            try_="install recon again, or give a file by --set cnn.weights=FILE",
        )
    return SHIPPED


def _refusal(path: Path, reason: str) -> recon.ReconError:
    return recon.ReconError(
        f"{path} holds no weights of cnn: {reason}",
        code=recon.Cause.BAD_WEIGHTS,
        file=str(path),
        try_=_ADVICE,
    )
