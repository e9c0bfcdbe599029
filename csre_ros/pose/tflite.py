"""Edits of TensorFlow Lite models, by the schemas that MediaPipe carries: what nobody reads is not computed.

A model is a flatbuffer: tensors, the operators between them, and buffers with the weights. Each function takes the
bytes of a model and returns those of another, or raises ValueError for bytes that are none. Weights stay as they are,
bit by bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.foreign_text import sentence

_IDENTIFIER, _METADATA_IDENTIFIER, _METADATA_NAME = b"TFL3", b"M001", b"TFLITE_METADATA"


def without_segmentation(content: bytes) -> bytes:
    """A landmark model that computes no segmentation mask: the output with one number per pixel of the input.

    The operators that only the mask needs go, and their weights. Outputs are told apart by their place, so the place of
    the mask stays, for one number. A model without a mask is returned as it is.
    """
    model, graph = _read(content)
    mask_shape = [*graph.tensors[graph.inputs[0]].shape[:3], 1]
    masks = [tensor for tensor in graph.outputs if list(graph.tensors[tensor].shape) == mask_shape]
    if not masks:
        return content
    needed = set(graph.outputs).difference(masks)
    operators = []
    for operator in reversed(graph.operators):  # in order of execution: what feeds a needed tensor is needed too
        if needed.intersection(operator.outputs):
            needed.update(operator.inputs)
            operators.append(operator)
    graph.operators = operators[::-1]
    for mask in masks:
        graph.tensors[mask].shape = [1, 1]
        _fill(model, mask, 0.0)
    return _write(model)


def with_filled_outputs(content: bytes, value: float) -> bytes:
    """A model of the same inputs and outputs that computes nothing: all its outputs are full of one number."""
    model, graph = _read(content)
    graph.operators = []
    for number in graph.outputs:
        _fill(model, number, value)
    return _write(model)


def with_image_input(content: bytes, name: str, mean: float, std: float) -> bytes:
    """A model with the metadata that MediaPipe Tasks wants: an RGB image as the input, normalised.

    Args:
        content: The model.
        name: What it is called.
        mean: Subtracted from every pixel of 0..255,
        std: then every pixel is divided by this.
    """
    import flatbuffers
    from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata

    normalization = metadata.NormalizationOptionsT()
    normalization.mean, normalization.std = [mean], [std]
    unit = metadata.ProcessUnitT()
    unit.optionsType, unit.options = metadata.ProcessUnitOptions.NormalizationOptions, normalization
    image = metadata.ImagePropertiesT()
    image.colorSpace = metadata.ColorSpaceType.RGB
    meaning = metadata.ContentT()
    meaning.contentPropertiesType, meaning.contentProperties = metadata.ContentProperties.ImageProperties, image
    tensor = metadata.TensorMetadataT()
    tensor.name, tensor.content, tensor.processUnits = "image", meaning, [unit]
    graph = metadata.SubGraphMetadataT()
    graph.inputTensorMetadata = [tensor]
    about = metadata.ModelMetadataT()
    about.name, about.subgraphMetadata = name, [graph]
    builder = flatbuffers.Builder(0)
    builder.Finish(about.Pack(builder), _METADATA_IDENTIFIER)

    model, _ = _read(content)
    schema = _schema()
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(builder.Output(), np.uint8)
    entry.name, entry.buffer = _METADATA_NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or ()), entry]
    return _write(model)


def _schema() -> Any:
    from mediapipe.tasks.metadata import schema_py_generated

    return schema_py_generated


def _read(content: bytes) -> tuple[Any, Any]:
    """A model, and its one graph.

    Raises:
        ValueError: The bytes are no model.
    """
    schema = _schema()
    if content[4:8] != _IDENTIFIER:
        raise ValueError(f"a model of {len(content)} bytes is no TensorFlow Lite model")
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
        return model, model.subgraphs[0]
    except Exception as error:  # the library fails in many ways on damaged bytes
        raise ValueError(f"a model of {len(content)} bytes is damaged: {sentence(repr(error))}") from error


def _fill(model: Any, output: int, value: float) -> None:
    """Let an output be filled with a number in every run. For constant ones MediaPipe 1.2 writes a line every time."""
    schema, graph = _schema(), model.subgraphs[0]

    def constant(content: NDArray[Any], kind: int) -> int:
        buffer, tensor = schema.BufferT(), schema.TensorT()
        buffer.data = content.reshape(-1).view(np.uint8)
        tensor.shape, tensor.type, tensor.buffer = list(content.shape), kind, len(model.buffers)
        model.buffers.append(buffer)
        graph.tensors.append(tensor)
        return len(graph.tensors) - 1

    shape = constant(np.array(graph.tensors[output].shape, np.int32), schema.TensorType.INT32)
    number = constant(np.array(value, np.float32), schema.TensorType.FLOAT32)
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FILL
    operator.opcodeIndex, operator.inputs, operator.outputs = len(model.operatorCodes), [shape, number], [output]
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.FillOptions, schema.FillOptionsT()
    graph.tensors[output].buffer = 0  # the empty one: this may have been a constant
    model.operatorCodes.append(code)
    graph.operators.append(operator)


def _write(model: Any) -> bytes:
    """The model, less the weights that no operator reads any more."""
    import flatbuffers

    graph = model.subgraphs[0]
    read = {*graph.inputs, *graph.outputs}
    for operator in graph.operators:
        read.update(operator.inputs, operator.outputs)
    kept = {graph.tensors[number].buffer for number in read if number >= 0}
    kept.update(entry.buffer for entry in model.metadata or ())
    for number, buffer in enumerate(model.buffers):
        if number not in kept:
            buffer.data = None
    builder = flatbuffers.Builder(sum(buffer.data.nbytes for buffer in model.buffers if buffer.data is not None))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())
