"""NumPy arrays as tensors and back."""

from __future__ import annotations

import numpy as np
import pytest

from gruverify import FORMATS, Format

torch = pytest.importorskip("torch")

from gruverify.backends._tensors import numpy, tensor, torch_dtype  # needs torch


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_there_and_back_every_bit_is_kept(format: Format) -> None:
    array = format.cast([[1 / 3, -0.0, format.max], [format.min_subnormal, np.inf, np.nan]])

    back = numpy(tensor(array))

    assert back.dtype == format.dtype
    assert back.tobytes() == array.tobytes()


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_the_tensor_has_torchs_name_of_the_format_and_the_arrays_memory(format: Format) -> None:
    array = format.cast([1.0, 2.0])

    made = tensor(array)
    made[0] = 3

    assert made.dtype == torch_dtype(format)
    assert array[0] == 3


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_the_array_is_its_own(format: Format) -> None:
    value = torch.ones(2, 2, dtype=torch_dtype(format), requires_grad=True)

    array = numpy(value.T)
    array[0, 0] = 5

    assert value[0, 0] == 1


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_an_array_that_torch_cannot_have_is_copied(format: Format) -> None:
    array = format.cast([[1.0, 2.0], [3.0, 4.0]])
    locked = array.copy()
    locked.flags.writeable = False

    for awkward in (array[::-1, ::-1], locked, array.T):
        assert np.array_equal(numpy(tensor(awkward)), awkward)
