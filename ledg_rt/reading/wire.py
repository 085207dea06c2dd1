"""A model without its weights: a walk over the protobuf wire format that leaves out what is large.

Parsing a model with its weights costs their size in time and several times in memory. Here payloads of
more than 1 kB are stepped over; what is left is a small valid ModelProto for the ordinary parser. Names of
messages and field numbers are those of onnx.proto; the encoding is protobuf's
(https://protobuf.dev/programming-guides/encoding).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from enum import Enum

from ledg_rt.reading import limits

SMALL = 1024
"""Payloads up to this many bytes are kept: shape inference needs the values of small constants."""

LARGE_STRING = 1 << 16
"""String attributes beyond it are dropped (engines compiled for one device, embedded files)."""

Buffer = bytes | mmap.mmap


class DamageError(Exception):
    """The bytes are not a protobuf message: where, and whether they simply end too early."""

    def __init__(self, offset: int, cut: bool) -> None:
        super().__init__(f"damaged at byte {offset}")
        self.offset = offset
        self.cut = cut


class _Kind(Enum):
    MODEL = 1
    GRAPH = 2
    FUNCTION = 3
    NODE = 4
    ATTRIBUTE = 5
    TENSOR = 6
    SPARSE = 7
    DROPPED = 8
    STRING = 9


_FIELDS: Mapping[_Kind, Mapping[int, _Kind]] = {
    # doc_string, metadata_props, training_info, configuration
    _Kind.MODEL: {7: _Kind.GRAPH, 25: _Kind.FUNCTION, **dict.fromkeys((6, 14, 20, 26), _Kind.DROPPED)},
    _Kind.GRAPH: {1: _Kind.NODE, 5: _Kind.TENSOR, 15: _Kind.SPARSE, **dict.fromkeys((10, 16), _Kind.DROPPED)},
    _Kind.FUNCTION: {7: _Kind.NODE, 11: _Kind.ATTRIBUTE, **dict.fromkeys((8, 14), _Kind.DROPPED)},
    _Kind.NODE: {5: _Kind.ATTRIBUTE, **dict.fromkeys((6, 9, 10), _Kind.DROPPED)},
    _Kind.ATTRIBUTE: {
        4: _Kind.STRING, 5: _Kind.TENSOR, 6: _Kind.GRAPH, 10: _Kind.TENSOR, 11: _Kind.GRAPH, 13: _Kind.DROPPED,
        22: _Kind.SPARSE, 23: _Kind.SPARSE,
    },
    _Kind.SPARSE: {1: _Kind.TENSOR, 2: _Kind.TENSOR},
}  # fmt: skip

_MODEL_WIRES = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_PAYLOADS = frozenset((4, 5, 6, 7, 9, 10, 11))
_TENSOR_DROPPED = frozenset((12, 13, 16))
_NODES = {_Kind.GRAPH: 1, _Kind.FUNCTION: 7}


def strip_weights(data: Buffer) -> bytes:
    """The same ModelProto without payloads over ``SMALL``, doc strings and references to external data.

    Raises:
        DamageError: not a protobuf message, or not that of a model.
        ModelError: ``limit_exceeded``.

    """
    return _Walk(data).model()


class _Walk:
    def __init__(self, data: Buffer) -> None:
        self.data = data
        self.kept = 0
        self.fields = 0
        self.nodes = 0

    def model(self) -> bytes:
        foreign = False
        graph = False
        for number, wire, start, _, _ in self.walk(0, len(self.data), top=True):
            expected = _MODEL_WIRES.get(number)
            foreign |= expected != wire
            graph |= number == 7 and wire == 2
            if foreign and start == 0:
                raise DamageError(0, cut=False)
        if foreign and not graph:
            raise DamageError(0, cut=False)
        return self.message(_Kind.MODEL, 0, len(self.data), 0)

    def message(self, kind: _Kind, at: int, end: int, depth: int) -> bytes:
        """Re-emit one message. Recursion is bounded by ``MAX_DEPTH``: four calls a nested graph."""
        if kind is _Kind.GRAPH:
            depth += 1
            if depth > limits.MAX_DEPTH:
                raise limits.limit_exceeded(f"graphs are nested more than {limits.MAX_DEPTH} deep")
        rules = _FIELDS[kind]
        nodes = _NODES.get(kind)
        pieces: list[bytes] = []
        run = at
        for number, wire, start, body, stop in self.walk(at, end):
            if number == nodes and wire == 2:
                self.nodes += 1
                if self.nodes > limits.MAX_NODES:
                    raise limits.limit_exceeded(f"the model has more than {limits.MAX_NODES:,} nodes")
            inner = rules.get(number) if wire == 2 else None
            if inner is None or (inner is not _Kind.DROPPED and self.is_plain(inner, body, stop)):
                continue
            if run < start:
                pieces.append(self.keep(run, start))
            run = stop
            if inner is _Kind.DROPPED or inner is _Kind.STRING:
                continue
            content = (
                self.tensor(body, stop) if inner is _Kind.TENSOR else self.message(inner, body, stop, depth)
            )
            pieces += (_varint(number << 3 | 2), _varint(len(content)), content)
        if run < end:
            pieces.append(self.keep(run, end))
        return b"".join(pieces)

    def is_plain(self, kind: _Kind, body: int, stop: int) -> bool:
        """Whether a field can be copied as it is: too small to hold a payload, and no external data."""
        if kind is _Kind.STRING:
            return stop - body <= LARGE_STRING
        return stop - body <= SMALL and self.data.find(b"location", body, stop) < 0

    def tensor(self, at: int, end: int) -> bytes:
        others: list[bytes] = []
        payloads: list[tuple[int, int]] = []
        size = 0
        for number, _, start, _, stop in self.walk(at, end):
            if number in _PAYLOADS:
                size += stop - start
                if size <= 2 * SMALL:
                    payloads.append((start, stop))
            elif number not in _TENSOR_DROPPED:
                others.append(self.keep(start, stop))
        if size <= SMALL + 8:  # the payload's own tag and length
            others += [self.keep(start, stop) for start, stop in payloads]
        return b"".join(others)

    def keep(self, start: int, stop: int) -> bytes:
        self.kept += stop - start
        if self.kept > limits.MAX_KEPT_BYTES:
            raise limits.limit_exceeded(
                f"the model is larger than {limits.MAX_KEPT_BYTES >> 20} MB without its weights"
            )
        return bytes(self.data[start:stop])

    def walk(self, at: int, end: int, top: bool = False) -> Iterator[tuple[int, int, int, int, int]]:
        """Fields of a message as (number, wire type, start, start of the content, end)."""
        data = self.data
        while at < end:
            self.fields += 1
            if self.fields > limits.MAX_FIELDS:
                raise limits.limit_exceeded(f"the model has more than {limits.MAX_FIELDS:,} fields")
            start = at
            tag, at = self.varint(at, end, top)
            wire, number = tag & 7, tag >> 3
            body = at
            if number == 0:
                raise DamageError(start, cut=False)
            if wire == 2:
                length, body = self.varint(at, end, top)
                at = body + length
            elif wire == 0:
                _, at = self.varint(at, end, top)
            elif wire == 5:
                at += 4
            elif wire == 1:
                at += 8
            else:  # groups are not part of onnx.proto
                raise DamageError(start, cut=False)
            if at > end:
                known = start > 0 or _MODEL_WIRES.get(number) == wire
                raise DamageError(start, cut=top and known and end == len(data))
            yield number, wire, start, body, at

    def varint(self, at: int, end: int, top: bool) -> tuple[int, int]:
        data = self.data
        start = at
        value = shift = 0
        while at < end:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, at
            shift += 7
            if shift > 63:
                raise DamageError(start, cut=False)
        raise DamageError(start, cut=top and start > 0)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
