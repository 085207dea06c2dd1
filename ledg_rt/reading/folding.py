"""The arithmetic of shapes: operators on small constants, evaluated with numpy.

Exporters compute shapes inside the graph (Shape -> Gather -> Mul -> Concat -> Reshape). With the inputs'
sizes known these chains are constants, and every runtime folds them. Semantics: ONNX operator reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ledg_rt.reading.protos import NUMPY_TYPES, Array

MAX_ELEMENTS = 4096
"""Larger constants keep their type, but their values are not followed."""

Attributes = Mapping[str, Any]
Arguments = Sequence[Any]
"""Arrays; ``None`` for an omitted optional input."""


def evaluate(op: str, attributes: Attributes, arguments: Arguments) -> list[Array] | None:
    """Outputs of a standard operator on known values; ``None`` where it is not one of ours or does not fit."""
    rule = _RULES.get(op)
    if rule is None:
        return None
    try:
        with np.errstate(all="ignore"):
            found = rule(attributes, arguments)
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, ZeroDivisionError, AttributeError):
        return None  # the file is at fault; its shapes stay open and are flagged
    outputs = found if isinstance(found, list) else [found]
    arrays = [np.asarray(output) for output in outputs]
    return arrays if all(array.size <= MAX_ELEMENTS for array in arrays) else None


def _axes(attributes: Attributes, arguments: Arguments, position: int = 1) -> tuple[int, ...] | None:
    given = arguments[position] if len(arguments) > position else None
    if given is not None:
        return tuple(int(axis) for axis in given.reshape(-1))
    axes = attributes.get("axes")
    return tuple(int(axis) for axis in axes) if isinstance(axes, tuple) else None


def _divide(left: Any, right: Any) -> Array:
    if left.dtype.kind == "f":
        return left / right
    quotient = np.abs(left) // np.abs(right)  # ONNX rounds towards zero, numpy down
    return (quotient * np.sign(left) * np.sign(right)).astype(left.dtype)


def _modulo(attributes: Attributes, arguments: Arguments) -> Array:
    rule = np.fmod if attributes.get("fmod") else np.mod
    return rule(arguments[0], arguments[1])


def _gather(attributes: Attributes, arguments: Arguments) -> Array:
    return np.take(arguments[0], arguments[1].astype(np.int64), axis=attributes.get("axis", 0))


def _slice(attributes: Attributes, arguments: Arguments) -> Array:
    data = arguments[0]
    if "starts" in attributes:
        starts, ends = attributes["starts"], attributes["ends"]
        axes, steps = attributes.get("axes"), None
    else:
        starts, ends, axes, steps = (
            tuple(int(size) for size in argument) if argument is not None else None
            for argument in (*arguments[1:], None, None)[:4]
        )
    index = [slice(None)] * data.ndim
    for axis, start, end, step in zip(
        axes or range(len(starts)), starts, ends, steps or (1,) * len(starts), strict=True
    ):
        size = data.shape[axis]
        # "To the start" of a backward slice is an end below -size, which Python spells None.
        stop = None if step < 0 and end < -size else end
        index[axis] = slice(start, stop, step)
    return data[tuple(index)]


def _unsqueeze(attributes: Attributes, arguments: Arguments) -> Array:
    return np.expand_dims(arguments[0], _axes(attributes, arguments) or ())


def _squeeze(attributes: Attributes, arguments: Arguments) -> Array:
    return np.squeeze(arguments[0], axis=_axes(attributes, arguments))


def _cast(attributes: Attributes, arguments: Arguments) -> Array:
    return arguments[0].astype(NUMPY_TYPES[attributes["to"]])


def _reshape(attributes: Attributes, arguments: Arguments) -> Array:
    data = arguments[0]
    target = [int(size) for size in (attributes["shape"] if "shape" in attributes else arguments[1])]
    if not attributes.get("allowzero"):
        target = [data.shape[at] if size == 0 else size for at, size in enumerate(target)]
    return data.reshape(target)


def _expand(attributes: Attributes, arguments: Arguments) -> Array:
    shape = np.broadcast_shapes(arguments[0].shape, tuple(int(size) for size in arguments[1]))
    return np.broadcast_to(arguments[0], shape) if _fits(shape) else _too_large()


def _fill(attributes: Attributes, arguments: Arguments) -> Array:
    shape = tuple(int(size) for size in arguments[0])
    value = arguments[1] if len(arguments) > 1 else np.zeros(1, np.float32)
    return np.full(shape, value.reshape(-1)[0]) if _fits(shape) else _too_large()


def _range(attributes: Attributes, arguments: Arguments) -> Array:
    start, limit, delta = (argument.reshape(-1)[0] for argument in arguments)
    count = max(0, int(np.ceil((float(limit) - float(start)) / float(delta))))
    return (start + np.arange(count) * delta).astype(arguments[0].dtype) if _fits((count,)) else _too_large()


def _tile(attributes: Attributes, arguments: Arguments) -> Array:
    repeats = [int(size) for size in arguments[1]]
    shape = [size * times for size, times in zip(arguments[0].shape, repeats, strict=True)]
    return np.tile(arguments[0], repeats) if _fits(shape) else _too_large()


def _fits(shape: Sequence[int]) -> bool:
    elements = 1
    for size in shape:
        elements *= size
    return elements <= MAX_ELEMENTS


def _too_large() -> Array:
    raise ValueError("larger than the values that are followed")


def _split(attributes: Attributes, arguments: Arguments) -> list[Array]:
    axis = attributes.get("axis", 0)
    sizes = arguments[1] if len(arguments) > 1 else attributes.get("split")
    if sizes is None:
        raise ValueError("an even split is left to shape inference")
    return list(np.split(arguments[0], np.cumsum([int(size) for size in sizes])[:-1], axis=axis))


def _concat(attributes: Attributes, arguments: Arguments) -> Array:
    return np.concatenate(arguments, axis=attributes.get("axis", 1))


def _transpose(attributes: Attributes, arguments: Arguments) -> Array:
    return np.transpose(arguments[0], attributes.get("perm"))


def _clip(attributes: Attributes, arguments: Arguments) -> Array:
    low, high = (*arguments[1:], None, None)[:2]
    low = attributes.get("min") if low is None else low
    high = attributes.get("max") if high is None else high
    return np.clip(arguments[0], low, high).astype(arguments[0].dtype)


def _reduction(rule: Callable[..., Any]) -> Callable[[Attributes, Arguments], Array]:
    def reduce(attributes: Attributes, arguments: Arguments) -> Array:
        axes = _axes(attributes, arguments)
        if not axes and attributes.get("noop_with_empty_axes"):
            return arguments[0]
        reduced = rule(arguments[0], axis=axes or None, keepdims=bool(attributes.get("keepdims", 1)))
        return np.asarray(reduced).astype(arguments[0].dtype)

    return reduce


def _elementwise(rule: Callable[..., Any]) -> Callable[[Attributes, Arguments], Array]:
    def apply(attributes: Attributes, arguments: Arguments) -> Array:
        return rule(*arguments)

    return apply


def _folded(rule: Callable[[Array, Array], Array]) -> Callable[[Attributes, Arguments], Array]:
    def apply(attributes: Attributes, arguments: Arguments) -> Array:
        result = arguments[0]
        for argument in arguments[1:]:
            result = rule(result, argument)
        return result

    return apply


def _typed_power(base: Array, exponent: Array) -> Array:
    return np.power(base, exponent).astype(base.dtype)


_ELEMENTWISE: Mapping[str, Callable[..., Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": _divide, "Pow": _typed_power,
    "Neg": np.negative, "Abs": np.abs, "Floor": np.floor, "Ceil": np.ceil, "Sqrt": np.sqrt, "Sign": np.sign,
    "Equal": np.equal, "Greater": np.greater, "Less": np.less, "GreaterOrEqual": np.greater_equal,
    "LessOrEqual": np.less_equal, "And": np.logical_and, "Or": np.logical_or, "Not": np.logical_not,
    "Where": np.where, "Round": np.rint, "Identity": np.asarray,
}  # fmt: skip

_REDUCTIONS: Mapping[str, Callable[..., Any]] = {
    "ReduceProd": np.prod, "ReduceSum": np.sum, "ReduceMax": np.max, "ReduceMin": np.min,
    "ReduceMean": np.mean,
}  # fmt: skip

_RULES: Mapping[str, Callable[[Attributes, Arguments], Array | list[Array]]] = {
    "Gather": _gather, "Slice": _slice, "Unsqueeze": _unsqueeze, "Squeeze": _squeeze, "Cast": _cast,
    "Reshape": _reshape, "Expand": _expand, "ConstantOfShape": _fill, "Range": _range, "Tile": _tile,
    "Split": _split, "Concat": _concat, "Transpose": _transpose, "Clip": _clip, "Mod": _modulo,
    "Max": _folded(np.maximum), "Min": _folded(np.minimum),
    **{name: _elementwise(rule) for name, rule in _ELEMENTWISE.items()},
    **{name: _reduction(rule) for name, rule in _REDUCTIONS.items()},
}  # fmt: skip
