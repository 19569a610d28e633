"""Classes that a model numbers in another order than the labels."""

from __future__ import annotations

import numpy as np

from pytest_edgeai.measure.answers import Array

PER_CLASS = 10
"""With fewer samples for each class, some order of the classes fits whatever the model answers."""
MOST_NAMED = 3

Order = dict[int, int]
"""The model's number for each label that has another."""


def in_order(classes: Array, answered: Array) -> Order:
    """The order of the classes that fits best, where there are samples enough to tell.

    Args:
        classes, answered: the true class of each sample, and the model's; int, shape (N,).
    """
    from scipy.optimize import linear_sum_assignment

    if len(classes) < max(PER_CLASS * len(np.unique(classes)), 1):
        return {}
    count = int(max(classes.max(), answered.max())) + 1
    table = np.bincount(classes * count + answered, minlength=count**2).reshape(count, count)
    pairs = zip(*linear_sum_assignment(-table), strict=True)
    return {int(a): int(b) for a, b in pairs if a != b and table[a, b]}


def renumbered(labels: Array, order: Order) -> Array:
    """Labels with the model's numbers for their classes."""
    made = labels.copy()
    for label, number in order.items():
        made[labels == label] = number
    return made


def order_text(order: Order) -> str:
    """To follow "with"."""
    named = [f"{number} for label {label}" for label, number in order.items()]
    more = ", ..." if len(named) > MOST_NAMED else ""
    return f"the classes in another order ({', '.join(named[:MOST_NAMED])}{more})"
