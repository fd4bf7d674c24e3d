"""Format onnx: one file for ONNX Runtime, in any language and in a browser."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rat_modules.exporting.needs import need_packages
from rat_modules.exporting.program import BATCH, exported
from rat_modules.exporting.quiet import quiet
from rat_modules.exporting.running import Run
from rat_modules.exporting.subject import Subject

SUFFIX = ".onnx"


def check() -> None:
    """Refuse where the packages are missing.

    Raises:
        RatError: with the line to type.
    """
    need_packages("format 'onnx'", ("onnx", "onnxscript", "onnxruntime"))


def write(subject: Subject, path: Path) -> None:
    """Write the generator as ONNX; inputs `noise` and `sentence`, output `images`, batch `n`; facts are its metadata.

    Raises:
        RatError: it cannot be traced, or a package is missing.
        OSError: the disk is full.
    """
    check()
    import onnx

    batch = ({0: BATCH}, {0: BATCH})
    with quiet(), torch.no_grad():
        made = torch.onnx.export(
            exported(subject),
            dynamo=True,
            input_names=["noise", "sentence"],
            output_names=["images"],
            dynamic_shapes=batch,
            external_data=False,
            verbose=False,
        )
    assert made is not None
    model = made.model_proto
    for node in model.graph.node:  # the exporter's notes: stack traces of this machine, half a megabyte of them
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
    if subject.facts["precision"] == "float16":
        _narrow(model.graph)
    del model.graph.value_info[:]
    del model.metadata_props[:]
    model.graph.name, model.producer_name = "generator", "rat_modules"
    onnx.helper.set_model_props(model, subject.facts)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def _narrow(graph: Any) -> None:
    """Put matrices that came from float16 back: the exporter computes constants beforehand, their widening too."""
    import onnx

    widened = []
    for weight in graph.initializer:
        wide = onnx.numpy_helper.to_array(weight)
        if wide.ndim < 2 or wide.dtype != np.float32:
            continue
        half = wide.astype(np.float16)
        if np.array_equal(half, wide):
            name, narrow = weight.name, f"{weight.name}_float16"
            weight.CopyFrom(onnx.numpy_helper.from_array(half, narrow))
            widened.append(onnx.helper.make_node("Cast", [narrow], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*widened, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def opened(path: Path) -> Run:
    """The file as a function of noise and sentence, run by ONNX Runtime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()  # as many as torch takes, or latencies say nothing
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(noise: Tensor, sentence: Tensor) -> Tensor:
        (images,) = session.run(["images"], {"noise": noise.numpy(), "sentence": sentence.numpy()})
        return torch.from_numpy(images)

    return run


def facts(path: Path) -> dict[str, str]:
    """What a file says of itself."""
    import onnx

    return {entry.key: entry.value for entry in onnx.load(path, load_external_data=False).metadata_props}
