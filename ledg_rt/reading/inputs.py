"""The sizes of a graph's inputs: what the file says, what the user says, and which batch that makes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onnx import GraphProto, TypeProto, ValueInfoProto

from ledg_rt.errors import ModelError
from ledg_rt.reading.protos import element_type, printable, resolved, shape_of, tensor_proto_type, text

_LENGTHS = ("seq", "len", "time", "step", "frame", "token", "height", "width", "past")
"""A leading symbol named like one of these is a length, not a batch."""


@dataclass(frozen=True)
class Inputs:
    """The resolved inputs of a graph.

    ``types`` by name, in the order of the file; ``symbols`` are the values that named dimensions got.
    ``changed``: a size fixed in the file was replaced, so shapes the file claims elsewhere are void.
    ``rebatched``: the batch that replaced a fixed 1, or ``None``.
    """

    types: Mapping[str, TypeProto]
    symbols: Mapping[str, int] = field(default_factory=dict)
    changed: bool = False
    rebatched: int | None = None
    notes: tuple[str, ...] = ()


@dataclass
class _Input:
    name: str
    proto: TypeProto
    dims: list[int | None] | None
    names: list[str]
    given: bool = False


def resolve_inputs(graph: GraphProto, shapes: Mapping[str, Sequence[int]], batch: int | None) -> Inputs:
    """Give every input of ``graph`` that is not an initializer its sizes.

    ``shapes`` win. A dimension of the same name takes the same value everywhere. A dynamic leading
    dimension is the batch, and so is a fixed leading 1 where ``batch`` is given and the rank is above 1.
    Notes: ``batch_fixed`` an input keeps another batch, ``shape_ignored`` a shape names no input.

    Raises:
        ModelError: ``symbolic_dim`` where a size stays open, or a given shape does not fit.

    """
    constants = {tensor.name for tensor in graph.initializer}
    constants |= {sparse.values.name for sparse in graph.sparse_initializer}
    inputs = [_parse(info) for info in graph.input if info.name not in constants]
    symbols: dict[str, int] = {}
    notes: dict[str, None] = {}
    changed = False
    rebatched = None
    for item in inputs:
        if item.name in shapes:
            leading = item.dims[0] if item.dims else None
            changed |= _override(item, [int(size) for size in shapes[item.name]], symbols)
            if leading == 1 and item.dims and len(item.dims) > 1 and item.dims[0] != 1:
                rebatched = item.dims[0]
    if set(shapes) - {item.name for item in inputs}:
        notes["shape_ignored"] = None
    for item in inputs:
        for position, symbol in enumerate(item.names):
            if item.dims and item.dims[position] is None and _is_batch(symbol, position):
                symbols.setdefault(symbol, batch or 1)
    for item in inputs:
        if not item.dims:
            continue
        leading = item.dims[0]
        item.dims = [_bound(dim, symbol, symbols) for dim, symbol in zip(item.dims, item.names, strict=True)]
        if item.given:
            continue
        if item.dims[0] is None and _is_batch(item.names[0], 0):
            item.dims[0] = batch or 1
        elif batch not in (None, 1, leading) and leading == 1 and len(item.dims) > 1:
            item.dims[0] = rebatched = batch
            changed = True
        elif batch is not None and leading not in (None, batch) and len(item.dims) > 1:
            notes["batch_fixed"] = None
    _refuse_open(inputs)
    types = {item.name: item.proto if item.dims is None else tensor_proto_type(element_type(item.proto), item.dims) for item in inputs}  # fmt: skip
    return Inputs(types, symbols, changed, rebatched, tuple(notes))


def _parse(info: ValueInfoProto) -> _Input:
    shape = shape_of(info.type)
    if shape is None:
        return _Input(info.name, info.type, None, [])
    names = [dim.dim_param for dim in info.type.tensor_type.shape.dim]
    # Exporters write 0 and -1 for "any"; an input without elements would have nothing to predict.
    return _Input(info.name, info.type, [size or None for size in shape], names)


def _override(item: _Input, sizes: list[int], symbols: dict[str, int]) -> bool:
    if any(not 0 <= size < 1 << 63 for size in sizes):
        raise ModelError("symbolic_dim", f"the shape given for {printable(item.name)} has a negative or too large size", "sizes are whole numbers, as in 1x3x224x224")  # fmt: skip
    if item.dims is not None and len(item.dims) != len(sizes):
        raise ModelError(
            "symbolic_dim",
            f"input {printable(item.name)} has {len(item.dims)} dimensions, the given shape {len(sizes)}",
            _flag(item),
        )
    changed = False
    for old, symbol, size in zip(item.dims or (), item.names, sizes, strict=False):
        changed |= old is not None and old != size
        if old is None and symbol:
            symbols.setdefault(symbol, size)
    item.names = item.names or [""] * len(sizes)
    item.dims = list(sizes)
    item.given = True
    return changed


def _is_batch(symbol: str, position: int) -> bool:
    lower = text(symbol).lower()
    if "batch" in lower or lower in ("n", "b", "bs"):
        return True  # wherever it stands: some models put time first
    return position == 0 and not any(word in lower for word in _LENGTHS)


def _bound(dim: int | None, symbol: str, symbols: Mapping[str, int]) -> int | None:
    return symbols.get(symbol) if dim is None and symbol else dim


def _refuse_open(inputs: Sequence[_Input]) -> None:
    unsized = [
        item
        for item in inputs
        if element_type(item.proto) and (item.dims is None or not resolved(tuple(item.dims)))
    ]
    if not unsized:
        return
    first = unsized[0]
    if first.dims is None:
        what = "has no shape"
    else:
        position = first.dims.index(None)
        symbol = first.names[position]
        what = f"has an open dimension {position}" + (f" named {printable(symbol)}" if symbol else "")
    more = f", and {len(unsized) - 1} more" if len(unsized) > 1 else ""
    raise ModelError(
        "symbolic_dim", f"input {printable(first.name)} {what}{more}", " ".join(map(_flag, unsized[:8]))
    )


def _flag(item: _Input) -> str:
    """The option that sizes an input: known sizes as they are, customary ones for the others."""
    dims = item.dims if item.dims is not None else [1, 3, None, None]
    usual = 224 if len(dims) == 4 else 128
    sizes = "x".join(str(dim if dim is not None else 1 if at == 0 and len(dims) > 1 else usual) for at, dim in enumerate(dims))  # fmt: skip
    name = "".join(letter if letter.isprintable() else "?" for letter in text(item.name[:80]))
    return f"--shape {shlex.quote(f'{name}={sizes}')}"
