"""Weight files are safetensors that fit to the last name; all others are refused in words, and never run."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from recon_plugins.cnn import CnnOptions, recon_feature_extractors, recon_trainables
from recon_plugins.cnn import weights as weights_module
from recon_plugins.cnn.architecture import NamedNetwork
from recon_plugins.cnn.weights import BACKBONE, load_weights, save_weights
from safetensors import safe_open
from safetensors.torch import save_file

from recon import Cause, ReconError, RunContext
from recon.choice import choose_team
from recon.core.options import Settings
from recon.core.registry import load_plugins
from recon.plan import make_plan
from recon.testing import TrainableContract

(EXTRACTOR,) = recon_feature_extractors()
(TRAINABLE,) = recon_trainables()
METADATA = {BACKBONE: "own"}


@pytest.mark.slow
class TestTrainableWithABackbone(TrainableContract):
    spec = TRAINABLE
    options = {"backbone": "resnet18"}  # noqa: RUF012 - as the contract declares it


@pytest.fixture
def refused(tmp_path, random_network):
    """Return a function: the error with which a file of some bytes is refused, the network being left alone."""

    def load(content: bytes) -> ReconError:
        path = tmp_path / "weights.safetensors"
        path.write_bytes(content)
        network = NamedNetwork("own")
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        with pytest.raises(ReconError) as caught:
            load_weights(network, path)
        assert caught.value.file == str(path)
        assert caught.value.code == Cause.BAD_WEIGHTS
        assert str(path) in caught.value.message
        assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
        return caught.value

    return load


@pytest.fixture
def changed(tmp_path, random_network):
    """Return a function: the bytes of a file of weights in which some tensors are others, or None for left out."""

    def write(changes=None, metadata=METADATA) -> bytes:
        tensors = {name: tensor.contiguous() for name, tensor in random_network().state_dict().items()}
        tensors |= changes or {}
        path = tmp_path / "changed.safetensors"
        save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, path, metadata)
        return path.read_bytes()

    return write


def test_weights_come_back_as_they_were_written(random_network, tmp_path):
    path = tmp_path / "weights.safetensors"
    network, other = random_network(1), NamedNetwork("own")
    save_weights(network, path)
    load_weights(other, path)

    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in network.state_dict().items())
    assert list(tmp_path.iterdir()) == [path], "something else was left behind"


def test_a_file_is_there_whole_or_as_it_was(random_network, tmp_path, monkeypatch):
    """A full disk must not cost the weights of before."""
    path = tmp_path / "weights.safetensors"
    save_weights(random_network(1), path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_weights(random_network(2), path)

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class _Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_is_never_run(protocol, refused, tmp_path):
    """It may be any program, with the rights of whoever opens it."""
    trap = tmp_path / "it-ran"
    error = refused(pickle.dumps({"state_dict": _Trap(trap)}, protocol))

    assert not trap.exists()
    assert "safetensors" in f"{error.message} {error.try_}"


def test_a_file_of_torch_is_refused_by_its_kind(refused, random_network, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(random_network().state_dict(), path)
    error = refused(path.read_bytes())

    assert "torch.save" in error.message
    assert "safetensors" in error.try_


def test_a_file_that_is_cut_off_is_damaged(refused, weights):
    content = weights.read_bytes()
    for length in (0, 5, 8, 100, len(content) // 2, len(content) - 1):
        error = refused(content[:length])
        assert "damaged" in error.message


def test_bytes_at_random_are_refused(refused):
    random = np.random.default_rng(0)
    for _ in range(40):
        start = random.choice([b"", b"\x80\x04", b"PK\x03\x04", b"\x08\0\0\0\0\0\0\0{"])
        refused(start + random.bytes(int(random.integers(1, 200))))


def test_a_tensor_that_is_missing_unknown_or_of_another_shape_is_named(refused, changed):
    first, other = "keypoints.score.bias", "description.hidden.weight"

    assert first in refused(changed({first: None})).message
    message = refused(changed({other: torch.zeros(3, 5)})).message
    assert other in message
    assert "(3, 5)" in message
    assert "extra.weight" in refused(changed({"extra.weight": torch.zeros(2)})).message


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(value, refused, changed, random_network):
    name = "keypoints.score.weight"
    tensor = random_network().state_dict()[name].clone()
    tensor[0, 0, 0, 0] = value

    error = refused(changed({name: tensor}))
    assert name in error.message
    assert "finite" in error.message


def test_whole_numbers_are_no_weights(refused, changed, random_network):
    name = "keypoints.score.weight"

    assert name in refused(changed({name: random_network().state_dict()[name].long()})).message


def test_a_file_says_what_it_holds(refused, changed):
    """Another project's tensors may have these names by chance."""
    assert "recon train" in refused(changed(metadata=None)).message
    assert "recon train" in refused(changed(metadata={"another.network": "own"})).message


def test_weights_for_another_backbone_say_how_to_use_them(refused, changed):
    error = refused(changed(metadata={BACKBONE: "vgg16"}))

    assert "vgg16" in error.message
    assert "--set cnn.backbone=vgg16" in error.try_


def test_a_path_that_leads_nowhere_is_named(tmp_path):
    path = tmp_path / "none.safetensors"
    with pytest.raises(ReconError) as caught:
        EXTRACTOR.create(CnnOptions(weights=path), RunContext())

    assert caught.value.code == Cause.MISSING_FILE
    assert str(path) in caught.value.message


def test_a_backbone_needs_weights_of_the_users_own():
    with pytest.raises(ReconError) as caught:
        EXTRACTOR.create(CnnOptions(backbone="vgg16"), RunContext())

    assert caught.value.code == Cause.MISSING_WEIGHTS
    assert "cnn.weights" in caught.value.try_


def test_the_file_tells_nothing_but_tensors_and_texts(weights):
    with safe_open(weights, "pt") as file:
        assert file.metadata() == METADATA
        assert set(file.keys()) == set(NamedNetwork("own").state_dict())


def test_what_a_weights_file_holds_is_part_of_the_key(random_network, tmp_path):
    """Features of the old weights must not be reused when the file has been trained on."""
    path = tmp_path / "mine.safetensors"
    identities = []
    for seed in (1, 2, 1):
        save_weights(random_network(seed), path)
        plan = make_plan(extractor="cnn", settings=Settings.from_texts([f"cnn.weights={path}"]))
        team = choose_team(plan, load_plugins(), lambda note: None)
        identities.append(team.extractor.identity)

    assert identities[0] == identities[2] != identities[1]


def test_an_option_of_cnn_means_the_extractor_though_its_network_has_the_name_too():
    plan = make_plan(extractor="cnn", settings=Settings.from_texts(["cnn.max_keypoints=77"]))
    team = choose_team(plan, load_plugins(), lambda note: None)

    assert team.extractor.options.max_keypoints == 77
