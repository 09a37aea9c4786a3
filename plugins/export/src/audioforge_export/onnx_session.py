"""Opening ONNX files with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

ERRORS_ONLY = 3


def open_session(path: Path) -> Any:
    """Return an `onnxruntime.InferenceSession` on the CPU, with as many threads as torch has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = ERRORS_ONLY
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
