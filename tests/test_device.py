"""A component runs where it can; what was asked for by name and is missing is wrong usage."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from recon.core.errors import Cause, UsageError
from recon.device import check_device_name, device_for


@pytest.fixture
def install_torch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that stands in a torch with so many GPUs, or none at all."""

    def install(num_cuda: int | None, has_mps: bool = False) -> None:
        fake = num_cuda is not None and SimpleNamespace(
            cuda=SimpleNamespace(is_available=lambda: num_cuda > 0, device_count=lambda: num_cuda),
            backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: has_mps)),
        )
        monkeypatch.setitem(sys.modules, "torch", fake or None)

    return install


@pytest.mark.parametrize("wanted", ["auto", "cpu", "cuda", "cuda:3", "mps"])
def test_a_component_for_the_cpu_runs_there_and_torch_is_not_imported(wanted, install_torch) -> None:
    install_torch(None)  # importing it would fail

    assert device_for(("cpu",), wanted) == "cpu"


@pytest.mark.parametrize(
    ("num_cuda", "has_mps", "expected"),
    [(2, False, "cuda:0"), (0, True, "mps"), (0, False, "cpu"), (None, False, "cpu")],
)
def test_auto_takes_what_is_there(num_cuda, has_mps, expected, install_torch) -> None:
    install_torch(num_cuda, has_mps)

    assert device_for(("cpu", "cuda", "mps"), "auto") == expected


@pytest.mark.parametrize(("wanted", "expected"), [("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("cpu", "cpu")])
def test_a_device_by_name_is_that_device(wanted, expected, install_torch) -> None:
    install_torch(2)

    assert device_for(("cpu", "cuda"), wanted) == expected


@pytest.mark.parametrize(("num_cuda", "wanted"), [(0, "cuda"), (1, "cuda:1"), (None, "cuda"), (2, "mps")])
def test_a_device_that_is_not_there_is_wrong_usage(num_cuda, wanted, install_torch) -> None:
    install_torch(num_cuda)

    with pytest.raises(UsageError) as caught:
        device_for(("cpu", "cuda", "mps"), wanted)

    assert caught.value.code is Cause.NO_DEVICE


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "", "CPU"])
def test_a_name_that_is_no_device_is_wrong_usage(name) -> None:
    with pytest.raises(UsageError):
        check_device_name(name)
