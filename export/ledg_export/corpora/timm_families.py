"""Architecture families of timm's models, by the names that all sources share.

A family is what must not be split between training and test, so it is drawn wide: every network of residual
blocks is a ``resnet``, every plain vision transformer a ``vit``, whatever its training was called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_ORIGIN = re.compile(r"(tf|gluon|legacy|swsl|ssl|ig|jx|dm|adv|ens|test|nf|ese|eca|gc)_")
"""Where weights or a variant came from; it says nothing about the architecture that follows."""

_WHOLE: tuple[tuple[str, str], ...] = (
    ("dla", "dla"), ("inception_next", "inception_next"), ("inception", "inception"), ("tresnet", "tresnet"), ("resnest", "resnest"),
    (r"\w*res(net|next|2net|2next)", "resnet"), ("senet", "resnet"), (r"(cs3|csp)?\w*darknet", "darknet"),
    (r"cs3\w*edgenet", "darknet"), (r"\w*bot(net|next)", "botnet"), (r"\w*halo\w*", "halonet"), ("mobilenetv1", "mobilenet_v1"),
    ("mobilenetv2", "mobilenet_v2"), ("mobilenetv3", "mobilenet_v3"), ("mobilenetv4", "mobilenet_v4"),
    ("mobilenetv5", "mobilenet_v5"), ("mobilenet_edgetpu", "mobilenet_edgetpu"), ("efficientnetv2", "efficientnetv2"),
    ("efficientnet_lite", "efficientnet_lite"), ("efficientnet", "efficientnet"), ("(sem|sp)nasnet", "mnasnet"),
    ("fbnetv3", "fbnet_v3"), ("fbnetc", "fbnet"), ("p?nasnet", "nasnet"), ("tiny_vit", "tiny_vit"), ("repghost", "repghostnet"),
)  # fmt: skip
"""Beginnings of names (regular expressions) -> family; the first that fits wins over the stem of the name."""

_STEMS: Mapping[str, str] = {
    "deit": "vit", "beit": "vit", "eva": "vit", "flexivit": "vit", "naflexvit": "vit", "samvit": "vit", "aim": "vit",
    "sam": "vit", "coatnext": "maxvit", "coatnet": "maxvit", "maxxvit": "maxvit", "poolformer": "metaformer",
    "caformer": "metaformer", "convformer": "metaformer", "regnetx": "regnet", "regnety": "regnet", "regnetz": "regnet",
    "regnetv": "regnet", "densenetblur": "densenet", "rexnetr": "rexnet", "hieradet": "hiera", "gmixer": "mixer",
}  # fmt: skip
"""Stem of a name -> family, where they differ."""

_STEM = re.compile(r"([a-z]+?)(v\d+|\d\w*)?(?=_|$)")


def family_of_timm(name: str) -> str:
    """The family of a timm model name, e.g. ``tf_mobilenetv3_large_100`` -> ``mobilenet_v3``.

    Raises:
        ValueError: a name that does not begin with a word.

    """
    bare = name
    while origin := _ORIGIN.match(bare):
        bare = bare[origin.end() :]
    for beginning, family in _WHOLE:
        if re.match(beginning, bare):
            return family
    stem = _STEM.match(bare)
    if stem is None:
        raise ValueError(f"{name!r} is not a timm model name")
    return _STEMS.get(stem[1], stem[1])
