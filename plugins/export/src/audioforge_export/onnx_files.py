"""Writing networks as ONNX files."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch


def write_network(
    network: torch.nn.Module,
    inputs: tuple[Any, ...],
    names: tuple[Sequence[str], Sequence[str]],
    axes: tuple[Any, ...],
    path: Path,
) -> None:
    """Write a network as an ONNX file, without where and how it was traced.

    Args:
        network: In the mode to run it in.
        inputs: An example of each input, as `forward` takes them.
        names: What inputs and outputs are called.
        axes: Of each input, the name of each axis whose length is free, by its number.
        path: The file; weights of more than 2 GB go into one beside it.
    """
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            network,
            inputs,
            input_names=names[0],
            output_names=names[1],
            dynamic_shapes=axes,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()
    for value in (*model.graph.inputs, *model.graph.initializers.values()):
        value.metadata_props.clear()
    program.save(path)


def quantize(path: Path) -> None:
    """Store the large matrices of an ONNX file as int8, in place.

    Activations are quantised when it runs, by what they are; convolutions stay as they are.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    data = path.with_name(f"{path.name}.data")
    is_beside = data.exists()
    with TemporaryDirectory(dir=path.parent) as folder, _quiet():
        for file in (path, data) if is_beside else (path,):
            file.rename(Path(folder) / file.name)
        quantize_dynamic(
            Path(folder) / path.name,
            path,
            op_types_to_quantize=["MatMul", "Gemm", "Gather"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            use_external_data_format=is_beside,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what libraries say here from the terminal: it is for whoever calls them."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
