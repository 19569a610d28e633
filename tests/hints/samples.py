"""Samples of what the models of this folder are made for, with the right labels."""

from __future__ import annotations

from typing import Any

import numpy as np

COLOURS = np.array([[0.9, 0.2, 0.1], [0.1, 0.3, 0.9], [0.2, 0.8, 0.2], [0.8, 0.7, 0.1]])
BOXES = 3
F = np.float32


def as_colours(n: int = 120) -> tuple[Any, Any]:
    """Pictures of 8 x 8 noisy pixels from 0 to 1, and the index of their colour."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, n)
    pictures = COLOURS[labels][:, None, None] + random.normal(0, 0.1, (n, 8, 8, 3))
    return np.clip(pictures, 0, 1).astype(F), labels


def machines(n: int = 120, of: int = 2) -> tuple[Any, Any]:
    """Four features of very different scales; the label is whether one of them is large."""
    random = np.random.default_rng(0)
    low, high = [0, 0, 0.991, -1], [103_530, 50, 0.993, 1]
    inputs = random.uniform(low, high, (n, 4)).astype(F)
    return inputs, (inputs[:, of] > inputs[:, of].mean()).astype(int)


def objects(n: int = 40) -> tuple[Any, Any]:
    """What a detector finds in pictures, (n, BOXES, 6), and the boxes that are there, of class 0
    to 4: (n, BOXES, 5), as fractions."""
    random = np.random.default_rng(0)
    begins, sizes = random.uniform(0, 0.6, (n, BOXES, 2)), random.uniform(0.1, 0.4, (n, BOXES, 2))
    classes = random.integers(0, 5, (n, BOXES, 1))
    there = np.concatenate([begins, begins + sizes, classes], axis=-1)
    scores = random.uniform(0.5, 1, (n, BOXES, 1))
    return np.concatenate([there, scores], axis=-1)[..., None].astype(F), there


def masks(n: int = 30) -> tuple[Any, Any]:
    """Pictures of 4 x 4 pixels from 0 to 1, and the third of this range that each is in."""
    pictures = np.random.default_rng(0).random((n, 4, 4, 1)).astype(F)
    return pictures, np.minimum(pictures[..., 0] * 3, 2).astype(int)


def pairs(n: int = 120) -> tuple[Any, Any]:
    """Two inputs by name; the label is the place of the largest value of the left one."""
    random = np.random.default_rng(0)
    left, right = random.random((2, n, 4)).astype(F)
    return {"left": left, "right": right}, left.argmax(axis=1)


def vectors(n: int = 20) -> tuple[Any, Any]:
    """Eight numbers each, and labels that say nothing."""
    return np.random.default_rng(0).random((n, 8)).astype(F), np.arange(n) % 4
