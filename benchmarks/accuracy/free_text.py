"""Free text against the catalogue id that it means, on the phrasings of ``phrasings.toml``.

    python -m benchmarks.accuracy.free_text

Predicts the networks of ``examples/`` on every phrasing and on its id. The difference of a phrasing is the median
over networks of |log ratio|, in percent; a device's is the median over its phrasings. Prints both and writes
``benchmarks/results/free_text.json``. The bar for the median over all phrasings is 10 %.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ledg_rt.bundles import Bundle, open_bundle
from ledg_rt.encoding import encode_graph, encode_platform
from ledg_rt.network import Network
from ledg_rt.platforms import Platform, resolve
from ledg_rt.reading import read_graph

PATH = Path(__file__).with_name("phrasings.toml")
RESULTS = Path(__file__).parents[1] / "results" / "free_text.json"
EXAMPLES = Path(__file__).parents[2] / "examples"
BAR = 10.0

Predict = Callable[[Platform], NDArray[np.float64]]
"""A platform to log milliseconds of each network."""


@dataclass(frozen=True)
class Phrasing:
    """A description, the id that it means, and whether it has a name of the catalogue."""

    platform: str
    text: str
    named: bool


@dataclass(frozen=True)
class Difference:
    """``percent``: median over networks of |log ratio| between a phrasing and its id; ``device``: as understood."""

    platform: str
    text: str
    named: bool
    device: str | None
    percent: float


def phrasings(path: Path = PATH) -> list[Phrasing]:
    """All phrasings of the file, in its order."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        Phrasing(entry["platform"], text, kind == "named")
        for entry in table["device"]
        for kind in ("named", "unnamed")
        for text in entry[kind]
    ]


def differences(found: Sequence[Phrasing], predict: Predict) -> list[Difference]:
    """Compare the predictions of each phrasing with those of its id."""
    by_id = {platform: predict(resolve(platform)) for platform in {phrasing.platform for phrasing in found}}
    results = []
    for phrasing in found:
        platform = resolve(phrasing.text)
        off = float(np.median(np.abs(predict(platform) - by_id[phrasing.platform])))
        results.append(
            Difference(phrasing.platform, phrasing.text, phrasing.named, platform.device, 100 * off)
        )
    return results


def runtime_predictor(bundle: Bundle, models: Sequence[Path]) -> Predict:
    """Predictions of the runtime that ships for ``models``."""
    network = Network(bundle)
    encodings = [encode_graph(read_graph(path), bundle.template) for path in models]
    states = [network.states(encoding) for encoding in encodings]

    def predict(platform: Platform) -> NDArray[np.float64]:
        words = encode_platform(network.meant(platform), bundle.template)
        return np.array(
            [
                network.estimate(state, encoding, words).log_ms
                for state, encoding in zip(states, encodings, strict=True)
            ]
        )

    return predict


def table(results: Sequence[Difference]) -> str:
    """Markdown: each device, then all."""
    lines = ["| platform | named % | unnamed % | all % | device not recognised |", "|---|---|---|---|---|"]
    for platform in [*dict.fromkeys(result.platform for result in results), None]:
        here = [result for result in results if platform in (None, result.platform)]
        medians = [
            np.median([result.percent for result in here if result.named in kinds])
            for kinds in ((True,), (False,), (True, False))
        ]
        others = sum(result.device != result.platform.split("/")[0] for result in here)
        lines.append(
            f"| {platform or '**all**'} | {' | '.join(f'{value:.1f}' for value in medians)} | {others} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, compare, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, help="instead of the shipped one")
    options = parser.parse_args()
    bundle = open_bundle(options.bundle)
    predict = runtime_predictor(bundle, sorted(EXAMPLES.glob("*.onnx")))
    results = differences(phrasings(), predict)
    print(table(results))
    middle, tail = (float(np.percentile([result.percent for result in results], at)) for at in (50, 90))
    print(f"\nmedian difference {middle:.1f} %, bar {BAR:g} %; one in ten is more than {tail:.1f} % away")
    page = {
        "bundle": bundle.name,
        "median_percent": middle,
        "p90_percent": tail,
        "bar_percent": BAR,
        "phrasings": [asdict(result) for result in results],
    }
    RESULTS.write_text(json.dumps(page, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
