"""Training LeDG-Former with ``transformers.Trainer`` under a time limit.

The learning rate follows the share of ``minutes`` that has passed, over all runs that resumed one
another, so that a run always ends annealed; a checkpoint every few minutes carries the clock.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from ledg_export.batches import BucketSampler, Collator, LatencyData
from ledg_export.bundle import write_bundle
from ledg_export.config import LedgConfig
from ledg_export.corpus import load_training
from ledg_export.kinship import fit_kin
from ledg_export.model import LedgFormer
from ledg_export.packing import EncodedGraphs, StoredGraphs, Vocabulary
from ledg_export.rates import fit_rates
from ledg_export.refine import refine
from ledg_rt.embedding import Embedder
from ledg_rt.errors import LedgError

CLOCK = "clock.json"
HEAD = "head"
"""Folder of a run for the checkpoints of its second phase."""
WHOLE = "whole"
"""Folder there for what comes of it in the end."""
OF_ITS_DATA = "known.weight"
"""Weights of a platform encoder that belong to the platforms of a training set."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run but its data; ``head_*`` are for its second phase."""

    minutes: float
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup: float = 0.04
    visits: int = 3000
    budget: int = 1_500
    head_minutes: float = 0.0
    head_visits: int = 20_000
    head_budget: int = 8_000
    head_rate: float = 2e-3
    head_decay: float = 0.2
    head_order: float = 20.0
    save_minutes: float = 5.0
    seed: int = 0
    compiled: bool = False
    model: dict[str, Any] = field(default_factory=dict)

    def for_the_head(self) -> Recipe:
        """The second phase: the head and the platform encoder on stored states."""
        return replace(
            self, minutes=self.head_minutes, visits=self.head_visits, budget=self.head_budget,
            learning_rate=self.head_rate, weight_decay=self.head_decay, compiled=False,
        )  # fmt: skip


class Clock(TrainerCallback):
    """Stops after ``minutes`` of training in all, saves in between, remembers over resumes.

    With several processes the clock of the first counts for all: they stop and anneal in step.
    """

    def __init__(self, recipe: Recipe, already: float = 0.0) -> None:
        self.recipe, self.already = recipe, already
        self.started = time.monotonic()
        self.passed = self.saved_at = already

    @property
    def share(self) -> float:
        """Share of the time that had passed at the end of the last step, 0 to 1."""
        return min(1.0, self.passed / (60 * self.recipe.minutes))

    def rate(self, _step: int) -> float:
        """Learning rate as a share of the peak: linear warm-up, then a half cosine to zero."""
        if self.share < self.recipe.warmup:
            return max(0.02, self.share / self.recipe.warmup)
        return 0.5 * (1 + math.cos(math.pi * (self.share - self.recipe.warmup) / (1 - self.recipe.warmup)))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop, or save, when it is time."""
        now = torch.tensor([self.already + time.monotonic() - self.started], dtype=torch.float64)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.broadcast(now, 0)
        self.passed = float(now)
        if self.share >= 1:
            control.should_training_stop = control.should_save = True
        elif self.passed - self.saved_at > 60 * self.recipe.save_minutes:
            control.should_save, self.saved_at = True, self.passed

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Put the clock beside the checkpoint."""
        if state.is_world_process_zero:
            folder = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
            (folder / CLOCK).write_text(json.dumps({"seconds": self.passed}))


class LatencyTrainer(Trainer):
    """``Trainer`` with size buckets and a clock for a schedule."""

    def __init__(self, *args: Any, sampler: BucketSampler, clock: Clock, **kwargs: Any) -> None:
        super().__init__(*args, callbacks=[clock], **kwargs)
        self.sampler, self.clock = sampler, clock

    def get_train_dataloader(self) -> Any:
        """Batches of the bucket sampler, shared out where there are several processes."""
        dataset: Any = self.train_dataset
        loader = torch.utils.data.DataLoader(
            dataset, batch_sampler=self.sampler, collate_fn=self.data_collator
        )
        return self.accelerator.prepare(loader)

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> Any:
        """The clock's schedule; steps do not matter."""
        chosen: Any = optimizer or self.optimizer
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(chosen, self.clock.rate)
        return self.lr_scheduler


@contextmanager
def compiled(model: LedgFormer) -> Iterator[None]:
    """Run the two costly parts through ``torch.compile``: two thirds of the time a step after two minutes, with a C++ compiler."""
    parts = (model.encoder, *(member.head for member in model.members))
    for part in parts:
        part.compile(dynamic=True)
    try:
        yield
    finally:
        for part in parts:
            part._compiled_call_impl = None


def new_model(data: LatencyData, config: LedgConfig) -> LedgFormer:
    """A fresh model whose input normalisation is that of the graphs of ``data``."""
    model = LedgFormer(config)
    names = sorted({visit.graph_id for visit in data.visits})
    rows = np.concatenate([data.graphs[name].numeric for name in names[:: max(1, len(names) // 2000)]])
    model.encoder.mean.copy_(torch.from_numpy(rows.mean(0)))
    model.encoder.std.copy_(torch.from_numpy(np.maximum(rows.std(0), 0.1)))
    return model


def trained(run: Path) -> LedgFormer:
    """The model of a run: of both phases where the second has ended, else of the last checkpoint of the first.

    Raises:
        LedgError: the run has no checkpoint.
    """
    whole = run / HEAD / WHOLE
    last = str(whole) if whole.is_dir() else _last(run)[0]
    if last is None:
        raise LedgError("no_run", f"{run}: no checkpoint", "name the folder of a run that was trained")
    model: LedgFormer = LedgFormer.from_pretrained(last)
    return model.eval()


def warm_start(model: LedgFormer, run: Path) -> None:
    """Copy the weights of the last checkpoint of ``run``, and its memories of the platforms that both know.

    Raises:
        LedgError: the run has no checkpoint.
    """
    old = trained(run)
    weights = {name: tensor for name, tensor in old.state_dict().items() if not name.endswith(OF_ITS_DATA)}
    model.load_state_dict(weights, strict=False)
    position = {key: 1 + at for at, key in enumerate(old.config.known)}
    for member, before in zip(model.members, old.members, strict=False):
        memories = before.platform_encoder.known.weight.detach()
        with torch.no_grad():
            for at, key in enumerate(model.config.known):
                if key in position:
                    member.platform_encoder.known.weight[1 + at] = memories[position[key]]


def train(
    data: LatencyData, embedder: Embedder, folder: Path, recipe: Recipe, start: Path | None = None
) -> tuple[LedgFormer, Vocabulary]:
    """Train (or go on with) the run in ``folder`` until ``recipe.minutes`` have passed in all.

    A fresh run begins with the weights of the finished run ``start`` where one is given.
    """
    torch.manual_seed(recipe.seed)
    vocabulary = embed_all(data.sentences(), embedder)
    folder.mkdir(parents=True, exist_ok=True)
    last, _ = _last(folder)
    # A step of one member is shorter; the others join it on the states that it leaves.
    alone = recipe.model | {"members": 1}
    config = LedgConfig.from_pretrained(last, **alone) if last else LedgConfig(known=data.keys(), **alone)
    collator = Collator(data, vocabulary, config, training=True, seed=recipe.seed)
    model = new_model(data, config)
    if start is not None and last is None:
        warm_start(model, start)
    if ended := _ended(folder, recipe):
        model.load_state_dict(LedgFormer.from_pretrained(ended).state_dict())
    else:
        _fit(model, collator, folder, recipe)
    if recipe.head_minutes:
        model = _in_company(model, data, recipe)
        _second_phase(model, data, vocabulary, folder / HEAD, recipe.for_the_head())
    return model.eval(), vocabulary


def _in_company(model: LedgFormer, data: LatencyData, recipe: Recipe) -> LedgFormer:
    """``model`` with as many members as ``recipe`` wants, all but the first one fresh."""
    members = recipe.model.get("members", LedgConfig().members)
    whole = new_model(data, LedgConfig.from_dict(model.config.to_dict() | {"members": members}))
    whole.load_state_dict(model.state_dict(), strict=False)
    return whole


def _second_phase(
    model: LedgFormer, data: LatencyData, vocabulary: Vocabulary, folder: Path, recipe: Recipe
) -> None:
    """Train (or go on with) the members on the states that the encoder gives; then what comes in closed form: memories, kin, rates."""
    ended = _ended(folder, recipe)
    if ended and (folder / WHOLE).is_dir():
        whole = LedgFormer.from_pretrained(folder / WHOLE)
        model.load_state_dict(whole.state_dict())
        model.kin = whole.kin or fit_kin(model.eval(), vocabulary, data, np.random.default_rng(recipe.seed))
        model.rates = whole.rates
        return
    model.eval().encoder.requires_grad_(False)
    # One run that had this price while the encoder trained was far off on small networks (benchmarks/LOG.md).
    model.config.order_weight = recipe.head_order
    rng = np.random.default_rng(recipe.seed)
    stored = StoredGraphs(model, EncodedGraphs(data.graphs, vocabulary), data.visits, rng)
    if ended:
        model.load_state_dict(LedgFormer.from_pretrained(ended).state_dict())
    else:
        collator = Collator(data, vocabulary, model.config, training=True, seed=recipe.seed, graphs=stored)
        _fit(model, collator, folder, recipe)
    refine(model, vocabulary, data, stored, rng)
    model.kin = fit_kin(model, vocabulary, data, rng)
    model.rates = fit_rates(model, vocabulary, data, stored, rng)
    if first_process():
        model.save_pretrained(folder / WHOLE)


def _ended(folder: Path, recipe: Recipe) -> str | None:
    """The last checkpoint of a run whose minutes have passed."""
    last, seconds = _last(folder)
    return last if seconds >= 60 * recipe.minutes else None


def _last(folder: Path) -> tuple[str | None, float]:
    """The last checkpoint of a run and the seconds that it had trained."""
    last = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    return last, json.loads((Path(last) / CLOCK).read_text())["seconds"] if last else 0.0


def _fit(model: LedgFormer, collator: Collator, folder: Path, recipe: Recipe) -> None:
    """Train (or go on with) what of ``model`` is not frozen, until ``recipe.minutes`` have passed in all."""
    last, already = _last(folder)
    clock = Clock(recipe, already)
    arguments = TrainingArguments(
        output_dir=str(folder), learning_rate=recipe.learning_rate, weight_decay=recipe.weight_decay,
        adam_beta2=0.98, max_grad_norm=1.0, num_train_epochs=10_000, save_strategy="no", save_total_limit=2,
        logging_steps=100, seed=recipe.seed, report_to=[], disable_tqdm=True, use_cpu=True,
        remove_unused_columns=False, ddp_find_unused_parameters=False, label_names=["labels"], ignore_data_skip=True,
    )  # fmt: skip
    trainer = LatencyTrainer(
        model=model, args=arguments, train_dataset=collator.data, data_collator=collator,
        sampler=BucketSampler(collator.data, recipe.visits, recipe.budget, recipe.seed), clock=clock,
    )  # fmt: skip
    with compiled(model) if recipe.compiled else nullcontext():
        trainer.train(resume_from_checkpoint=last)


def first_process() -> bool:
    """Of several that train together the first one writes."""
    return int(os.environ.get("RANK", "0")) == 0


def train_bundle(
    cache: Path,
    run: Path,
    bundle: Path,
    recipe: Recipe,
    *,
    name: str,
    intervals: Mapping[str, Any],
    start: Path | None = None,
) -> None:
    """Train on every sample of the corpus in ``cache`` and write the bundle; see ``ledg-export train``.

    Raises:
        LedgError: ``recipe`` has no second phase, which finds what a bundle needs of the platforms.
    """
    if not recipe.head_minutes > 0:
        raise LedgError("usage", "a bundle needs both phases of training", "give --head-minutes")
    corpus = load_training(cache)
    data = LatencyData(corpus.samples, corpus.graphs)
    model, vocabulary = train(data, Embedder.of_bundle(bundle), run, recipe, start)
    sources = Counter(sample.source for sample in corpus.samples)
    training = {
        "samples": dict(sorted(sources.items())),
        "graphs": len(corpus.graphs),
        "minutes": recipe.minutes,
        "head_minutes": recipe.head_minutes,
        "seed": recipe.seed,
    }
    if not first_process():
        return
    write_bundle(bundle, name, model, vocabulary, data, intervals, training)


def embed_all(sentences: Sequence[str], embedder: Embedder) -> Vocabulary:
    """The quantized embeddings of ``sentences``: training sees what the runtime will see."""
    return Vocabulary(dict(zip(sentences, embedder.embed(sentences), strict=True)))
