"""Nodes of a ``Graph`` in few words."""

from ledg_rt.graph import Input, Node, TensorType


def tensor(*shape, dtype="float32"):
    return TensorType(dtype, shape)


def data(*shape, dtype="float32"):
    return Input(TensorType(dtype, shape))


def weight(*shape, dtype="float32"):
    return Input(TensorType(dtype, shape), constant=True)


def node(op, inputs, *outputs, domain="", repeats=1, **attributes):
    return Node(op, tuple(inputs), tuple(outputs), attributes, domain, repeats)
