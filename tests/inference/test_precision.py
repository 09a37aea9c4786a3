"""In which precision, and by which library, models compute."""

import threading

import numpy as np
import pytest
import torch

from audioforge.inference import matrix_products
from audioforge.inference.clips import ClipLoader, chunks_of
from audioforge.inference.preparation import Preparation
from audioforge.inference.processes import Processes, precision_for
from audioforge.inference.skip_log import SkipLog
from audioforge.model import Reuse
from audioforge.sample import AudioSample


@pytest.fixture(autouse=True)
def _afresh():
    matrix_products.library.cache_clear()
    yield
    matrix_products.library.cache_clear()


@pytest.mark.parametrize(
    ("cpu", "exact", "library"),
    [
        ("GenuineIntel", True, "PyTorch's own choice"),
        ("AuthenticAMD", True, "oneDNN"),
        ("AuthenticAMD", False, "PyTorch's own choice"),
        (None, True, "PyTorch's own choice"),
    ],
)
def test_onednn_is_asked_where_mkl_is_slow_and_only_if_it_is_exact(
    monkeypatch, cpu, exact, library
):
    monkeypatch.setattr(matrix_products, "_vendor", lambda: cpu)
    monkeypatch.setattr(matrix_products, "_onednn_is_exact", lambda: exact)
    assert matrix_products.library() == library
    before = torch.get_float32_matmul_precision()
    with Processes("cpu", "float32").autocast():
        inside = torch.get_float32_matmul_precision()
    assert (inside == "medium") == (library == "oneDNN")
    assert torch.get_float32_matmul_precision() == before


@pytest.mark.parametrize("library", ["oneDNN", "PyTorch's own choice"])
def test_no_thread_sets_the_library_while_the_model_computes(monkeypatch, library):
    """One that is done beside the model would set it back under the model's own products."""
    monkeypatch.setattr(matrix_products, "_vendor", lambda: "AuthenticAMD")
    monkeypatch.setattr(matrix_products, "_onednn_is_exact", lambda: library == "oneDNN")
    threads = set()

    class Model:
        sampling_rate, max_seconds, min_seconds = 8000, 10.0, 0.0

        def reuse(self):
            return Reuse({}, in_threads=True)

        def reusable(self, clip):
            threads.add(threading.current_thread())
            return {"sound": torch.from_numpy(clip.waveform)}

        def assemble(self, samples, rows):
            return len(rows)

    clips = [AudioSample(str(n), np.full(8000, 0.1 * n, np.float32), 8000) for n in range(12)]
    preparation = Preparation(Model(), Processes("cpu", "float32"))
    loader = ClipLoader(Model(), SkipLog(), preparation=preparation)
    for batch in loader.batches(chunks_of(clips, 2)):
        assert preparation.batch(batch.clips, batch.ahead) == 2
    alone = threads == {threading.main_thread()}
    assert alone == (library == "oneDNN")


def test_what_was_set_is_restored_after_an_error(monkeypatch):
    monkeypatch.setattr(matrix_products, "_vendor", lambda: "AuthenticAMD")
    monkeypatch.setattr(matrix_products, "_onednn_is_exact", lambda: True)
    before = torch.get_float32_matmul_precision()
    with pytest.raises(ZeroDivisionError), matrix_products.by_the_faster_library():
        raise ZeroDivisionError
    assert torch.get_float32_matmul_precision() == before


def test_products_in_bfloat16_are_not_taken_for_float32(monkeypatch):
    linear = torch.nn.functional.linear

    def _rounded(x, weight):
        return linear(x.bfloat16(), weight.bfloat16()).float()

    monkeypatch.setattr(torch.nn.functional, "linear", _rounded)
    assert not matrix_products._onednn_is_exact()


def test_the_vendor_is_read_from_the_cpu(monkeypatch, tmp_path):
    monkeypatch.setattr(matrix_products.platform, "machine", lambda: "x86_64")
    file = tmp_path / "cpuinfo"
    monkeypatch.setattr(matrix_products, "CPU_INFO", file)
    assert matrix_products._vendor() is None
    file.write_text("processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\n")
    assert matrix_products._vendor() == "AuthenticAMD"


@pytest.mark.parametrize(
    ("device", "has_cuda", "precision"),
    [
        ("auto", True, "bfloat16"),
        ("cuda", True, "bfloat16"),
        ("cpu", True, "float32"),
        ("auto", False, "float32"),
        ("mps", False, "float32"),
    ],
)
def test_auto_is_bfloat16_on_cuda_alone(monkeypatch, device, has_cuda, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert precision_for("auto", device) == precision
    assert precision_for("float32", device) == "float32"
