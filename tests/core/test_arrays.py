"""A shape that does not fit is told with both sides."""

from __future__ import annotations

import numpy as np
import pytest

from recon.core.arrays import check_shape


def test_any_length_fits_none():
    check_shape("xy", np.zeros((0, 2)), (None, 2))
    check_shape("xy", np.zeros((9, 2)), (None, 2))


@pytest.mark.parametrize("shape", [(2,), (3, 3), (1, 3, 2)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"xy: expected shape \(any, 2\), got") as caught:
        check_shape("xy", np.zeros(shape), (None, 2))

    assert str(shape) in str(caught.value)
