"""The backbones: torchvision's tensors by name, centred levels, and files that fit exactly or are refused."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from recon_plugins.cnn import CnnTrainingOptions, recon_trainables
from recon_plugins.cnn.backbones import BACKBONES, create_trunk, load_backbone_weights
from recon_plugins.cnn.network import CnnNetwork
from safetensors.torch import save_file
from torch import Tensor, nn

from recon import Cause, ReconError, RunContext, UsageError

NAMES = ("vgg16", "resnet18", "resnet50")
NUM_PARAMETERS = {"vgg16": 14_714_688, "resnet18": 11_176_512, "resnet50": 23_508_032}
"""As published, without the classifiers."""
CLASSIFIERS = {
    "vgg16": {"classifier.0.weight": (8, 4), "classifier.0.bias": (8,), "classifier.6.weight": (5, 8)},
    "resnet18": {"fc.weight": (10, 512), "fc.bias": (10,)},
    "resnet50": {"fc.weight": (10, 2048), "fc.bias": (10,)},
}
"""Smaller than the published ones, since nothing reads them."""


def torchvision_shapes(name: str) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the tensors in torchvision's files, without the classifiers'."""
    if name == "vgg16":
        numbers = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
        widths = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
        shapes: dict[str, tuple[int, ...]] = {}
        for number, inputs, outputs in zip(numbers, widths, widths[1:], strict=False):
            shapes |= {f"features.{number}.weight": (outputs, inputs, 3, 3), f"features.{number}.bias": (outputs,)}
        return shapes
    shapes = {"conv1.weight": (64, 3, 7, 7), **normalisation("bn1", 64)}
    inputs = 64
    for row, (blocks, width) in enumerate(zip(ROWS[name], (64, 128, 256, 512), strict=True), 1):
        outputs = width if name == "resnet18" else 4 * width
        for block in range(blocks):
            prefix = f"layer{row}.{block}."
            chain = {"resnet18": ((width, 3), (width, 3)), "resnet50": ((width, 1), (width, 3), (outputs, 1))}[name]
            seen = inputs
            for number, (made, side) in enumerate(chain, 1):
                shapes[f"{prefix}conv{number}.weight"] = (made, seen, side, side)
                shapes |= normalisation(f"{prefix}bn{number}", made)
                seen = made
            if block == 0 and (row > 1 or name == "resnet50"):
                shapes[f"{prefix}downsample.0.weight"] = (outputs, inputs, 1, 1)
                shapes |= normalisation(f"{prefix}downsample.1", outputs)
            inputs = outputs
    return shapes


ROWS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}


def normalisation(name: str, width: int) -> dict[str, tuple[int, ...]]:
    kinds = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{kind}": (width,) for kind in kinds} | {f"{name}.num_batches_tracked": ()}


def random_tensors(name: str, seed: int = 0) -> dict[str, Tensor]:
    """Return a state dict as torchvision's files hold it, classifier included, of seeded numbers."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for each, shape in (torchvision_shapes(name) | CLASSIFIERS[name]).items():
        if each.endswith("num_batches_tracked"):
            tensors[each] = torch.tensor(seed + 7)
        elif len(shape) == 4:
            tensors[each] = torch.randn(shape, generator=generator) / np.sqrt(np.prod(shape[1:]))
        else:
            tensors[each] = torch.rand(shape, generator=generator) * 0.2 + 0.9
    return tensors


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def resnet18_file(tmp_path: Path) -> Callable[[object], Path]:
    """Return a function that saves what is to pass for the weights of a ResNet-18."""

    def save(content: object) -> Path:
        path = tmp_path / "resnet18.pth"
        torch.save(content, path)
        return path

    return save


@pytest.mark.parametrize("name", NAMES)
def test_tensors_are_named_and_shaped_as_torchvisions(name):
    backbone = create_trunk(name).backbone

    assert {each: tuple(tensor.shape) for each, tensor in backbone.state_dict().items()} == torchvision_shapes(name)
    assert sum(parameter.numel() for parameter in backbone.parameters()) == NUM_PARAMETERS[name]


def test_every_backbone_is_tested():
    assert set(NAMES) == set(BACKBONES)


def test_an_unknown_backbone_is_told_with_those_there_are():
    with pytest.raises(UsageError, match="'resnet19'") as caught:
        create_trunk("resnet19")

    assert caught.value.try_ is not None
    assert "resnet18" in caught.value.try_


@pytest.mark.parametrize("name", NAMES)
def test_levels_have_the_promised_sizes(name):
    trunk = create_trunk(name).eval()
    levels = trunk(torch.randn(2, 1, 64, 96))

    assert list(trunk.channels) == [2, 4, 8, 16, 32]
    assert {stride: tuple(level.shape) for stride, level in levels.items()} == {
        stride: (2, width, 64 // stride, 96 // stride) for stride, width in trunk.channels.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_network_stands_on_a_backbone(name):
    network = CnnNetwork(create_trunk(name))
    outputs = network(torch.randn(2, 1, 64, 64))
    descriptors, reliability = outputs.describe(torch.rand(2, 9, 2) * 64)
    (outputs.keypoint_logits.square().mean() + descriptors[..., 0].mean() + reliability.mean()).backward()

    assert outputs.keypoint_logits.shape == (2, 64, 64)
    assert descriptors.shape == (2, 9, 64)
    for parameter in network.trunk.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


def averaging(trunk: nn.Module) -> nn.Module:
    """Make means of all convolutions: what a bump causes then lies where the bump lies, if all is centred."""
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return trunk.eval()


def centres(levels: dict[int, Tensor]) -> dict[int, float]:
    """Return the centre of mass in x of what a bump causes in each level: in cells, that of the first at 0.

    Of each level's two rows, one shows the bump and one nothing.
    """
    found = {}
    for stride, level in levels.items():
        with_bump, without = level.double().sum(dim=(1, 2))
        response = with_bump - without
        found[stride] = float((response * torch.arange(len(response))).sum() / response.sum())
    return found


def bump_at(x: float) -> Tensor:
    """Return (2, 1, 32, 1024) images: one with a bump that is smooth for the coarsest level, and one of nothing."""
    columns = torch.arange(1024, dtype=torch.float64) + 0.5
    bump = torch.exp(-0.5 * ((columns - x) / 40) ** 2).float()
    return torch.stack([bump, torch.zeros_like(bump)])[:, None, None].expand(2, 1, 32, 1024)


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_position_x_lies_at_x_by_stride_less_half_in_every_level(name, axis):
    """What the heads rely on: half a cell aside would be 16 pixels of the image in the coarsest level."""
    x = 507.3
    trunk = averaging(create_trunk(name))
    turned: Callable[[Tensor], Tensor] = {"x": lambda image: image, "y": lambda image: image.mT}[axis]
    levels = {stride: turned(level) for stride, level in trunk(turned(bump_at(x))).items()}

    for stride, centre in centres(levels).items():
        assert centre == pytest.approx(x / stride - 0.5, abs=0.01), f"stride {stride}"


@torch.inference_mode()
def test_a_resnets_own_levels_lie_up_to_half_a_cell_aside():
    """Why there is something to correct: every stride of an odd kernel is centred on the even pixels."""
    x = 507.3
    trunk = averaging(create_trunk("resnet18"))

    for stride, centre in centres(trunk.backbone(trunk.preparation(bump_at(x)))).items():
        assert centre == pytest.approx((x - 0.5) / stride, abs=0.01), f"stride {stride}"


@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_a_shift_by_the_coarsest_stride_shifts_all_levels(name, axis):
    """Far from the edges, which a ResNet sees from 240 pixels away, nothing but the place changes."""
    length, edge = 672, 288
    trunk = create_trunk(name).eval()
    scene = torch.randn(1, 1, 32, length + 32)
    images = [scene[..., 32:], scene[..., :-32]]
    before, after = (trunk(image.mT if axis == 2 else image) for image in images)

    for stride in trunk.channels:
        inside = (length - 2 * edge) // stride
        expected = before[stride].narrow(axis, edge // stride, inside)
        shifted = after[stride].narrow(axis, (edge + 32) // stride, inside)
        scale = float(expected.abs().mean())
        assert scale > 0
        assert float((shifted - expected).abs().max()) < 1e-3 * scale, f"stride {stride}"


@torch.inference_mode()
def test_a_standardised_image_is_seen_as_a_grey_photo_of_average_brightness():
    """Brought back to colours by ImageNet's mean and deviation, the three channels are equal."""
    grey = torch.randn(1, 1, 32, 32)
    seen = create_trunk("resnet18").preparation(grey)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    colours = seen[0] * deviation[:, None, None] + mean[:, None, None]

    assert torch.allclose(colours[0], colours[1], atol=1e-6)
    assert torch.allclose(colours[0], colours[2], atol=1e-6)
    assert float(colours.mean()) == pytest.approx(0.449 + 0.226 * float(grey.mean()), abs=1e-3)


def trained_a_step(trunk: nn.Module) -> None:
    optimizer = torch.optim.SGD(trunk.parameters(), lr=0.1)
    trunk.train()
    levels = trunk(torch.randn(2, 1, 64, 64))
    sum(level.square().mean() for level in levels.values()).backward()
    optimizer.step()


def test_a_frozen_backbone_stays_as_it_is_and_what_stands_beside_it_learns():
    """Its statistics too: a training that moves them has changed the backbone."""
    trunk = create_trunk("resnet18")
    before = {each: tensor.clone() for each, tensor in trunk.state_dict().items()}
    trunk.freeze()
    trained_a_step(trunk)

    changed = {each for each, tensor in trunk.state_dict().items() if not torch.equal(tensor, before[each])}
    assert not [each for each in changed if each.startswith("backbone.")]
    assert {each for each in before if not each.startswith("backbone.")} == changed


def test_a_frozen_backbone_is_not_in_training_and_the_rest_is():
    trunk = create_trunk("resnet18")
    trunk.freeze()
    trunk.train()

    assert not any(module.training for module in trunk.backbone.modules())
    assert all(module.training for module in trunk.laterals.modules())


def test_a_tuned_backbone_learns():
    trunk = create_trunk("resnet18")
    before = {each: tensor.clone() for each, tensor in trunk.backbone.state_dict().items()}
    trained_a_step(trunk)

    assert not [each for each, tensor in trunk.backbone.state_dict().items() if torch.equal(tensor, before[each])]


def built(**options: object) -> nn.Module:
    """Return the network that `recon train` would train."""
    (trainable,) = recon_trainables()
    chosen = CnnTrainingOptions(**options)
    return trainable.create(chosen, RunContext(seed=3)).build(chosen)


def test_a_training_begins_with_the_backbones_weights_and_leaves_them_alone(resnet18_file):
    tensors = random_tensors("resnet18")
    path = resnet18_file(tensors)
    network = built(backbone="resnet18", backbone_weights=path, freeze_backbone=True)
    network.train()

    assert torch.equal(network.trunk.backbone.conv1.weight, tensors["conv1.weight"])
    assert not [name for name, each in network.named_parameters() if each.requires_grad and ".backbone." in name]
    assert not network.trunk.backbone.training
    assert network.trunk.laterals.training
    assert network.keypoints.training


def test_a_training_tunes_the_backbone_unless_told_otherwise(resnet18_file):
    network = built(backbone="resnet18", backbone_weights=resnet18_file(random_tensors("resnet18")))

    assert all(each.requires_grad for each in network.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"freeze_backbone": True, "backbone": "vgg16"}, "needs backbone_weights"),
        ({"freeze_backbone": True}, "say which network"),
        ({"backbone_weights": Path("resnet18.pth")}, "say which network"),
    ],
)
def test_options_of_a_backbone_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CnnTrainingOptions(**options)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_gives_the_backbone_its_tensors(name, suffix, tmp_path):
    tensors, path = random_tensors(name), tmp_path / f"{name}{suffix}"
    if suffix == ".pth":
        torch.save(tensors, path)
    else:
        save_file(tensors, path)
    trunk = create_trunk(name)
    load_backbone_weights(trunk, path)

    for each, tensor in trunk.backbone.state_dict().items():
        assert torch.equal(tensor, tensors[each]), each


def test_a_file_of_an_old_version_fits(tmp_path):
    """Published so before torch 1.6, and before batch normalisation counted its batches."""
    tensors = {name: each for name, each in random_tensors("resnet18").items() if "num_batches" not in name}
    torch.save(tensors, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    trunk = create_trunk("resnet18")
    load_backbone_weights(trunk, tmp_path / "old.pth")

    assert torch.equal(trunk.backbone.state_dict()["conv1.weight"], tensors["conv1.weight"])


def without(name: str) -> dict[str, Tensor]:
    return {each: tensor for each, tensor in random_tensors("resnet18").items() if each != name}


def with_value(name: str, value: float) -> dict[str, Tensor]:
    tensors = random_tensors("resnet18")
    tensors[name].view(-1)[3] = value
    return tensors


BAD = {
    "holds no tensors": lambda: ["a", "list"],
    "is no tensor": lambda: {"conv1.weight": 1.0},
    "tensor layer3.1.bn2.bias is missing": lambda: without("layer3.1.bn2.bias"),
    "no tensor layer5.0.conv1.weight": lambda: random_tensors("resnet18") | {"layer5.0.conv1.weight": torch.ones(3)},
    "no tensor classifier.0.weight": lambda: random_tensors("resnet18") | {"classifier.0.weight": torch.ones(3)},
    r"\(64, 1, 7, 7\) instead of \(64, 3, 7, 7\)": lambda: (
        random_tensors("resnet18") | {"conv1.weight": torch.ones(64, 1, 7, 7)}
    ),
    "layer1.0.conv1.weight has values that are not finite": lambda: with_value("layer1.0.conv1.weight", float("nan")),
    "bn1.running_var has negative variances": lambda: with_value("bn1.running_var", -1.0),
    "numbers of another kind": lambda: random_tensors("resnet18") | {"bn1.bias": torch.ones(64, dtype=torch.int32)},
}


@pytest.mark.parametrize("message", BAD)
def test_what_does_not_fit_is_refused_and_changes_nothing(message, resnet18_file):
    path = resnet18_file(BAD[message]())
    trunk = create_trunk("resnet18")
    before = {name: tensor.clone() for name, tensor in trunk.state_dict().items()}
    with pytest.raises(ReconError, match=message) as caught:
        load_backbone_weights(trunk, path)

    assert caught.value.code == Cause.BAD_WEIGHTS
    assert caught.value.file == str(path)
    assert caught.value.try_ == "give a state dict of torchvision's resnet18, as .pth or .safetensors"
    assert all(torch.equal(tensor, before[name]) for name, tensor in trunk.state_dict().items())


@pytest.mark.parametrize(
    ("wanted", "given"), [("resnet18", "resnet50"), ("resnet50", "resnet18"), ("vgg16", "resnet18")]
)
def test_the_file_of_another_backbone_is_told_as_such(wanted, given, tmp_path):
    torch.save(random_tensors(given), tmp_path / "file.pth")
    with pytest.raises(ReconError, match=f"holds no weights of {wanted}") as caught:
        load_backbone_weights(create_trunk(wanted), tmp_path / "file.pth")

    assert caught.value.try_ == f"the file fits {given}: choose that backbone, or give a file of {wanted}"


@pytest.mark.parametrize("path", ["absent.pth", "absent.safetensors", "."])
def test_a_missing_file_is_told(path, tmp_path):
    with pytest.raises(UsageError, match="do not exist") as caught:
        load_backbone_weights(create_trunk("resnet18"), tmp_path / path)

    assert caught.value.code == Cause.MISSING_FILE
    assert caught.value.file == str(tmp_path / path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"no tensors", b"\xff" * 64, b"PK\x03\x04" + bytes(60)])
def test_a_damaged_file_is_refused(content, suffix, tmp_path):
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)
    with pytest.raises(ReconError, match="damaged") as caught:
        load_backbone_weights(create_trunk("resnet18"), path)

    assert caught.value.code == Cause.BAD_WEIGHTS


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_code_in_a_file_is_not_run(save, suffix, tmp_path):
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(trap),)

    path = tmp_path / f"file{suffix}"
    save({"conv1.weight": Trap()}, path)
    with pytest.raises(ReconError) as caught:
        load_backbone_weights(create_trunk("resnet18"), path)

    assert caught.value.code == Cause.BAD_WEIGHTS
    assert not trap.exists()
