"""Trains a small detector that says where on a part there is which defect.

It looks at a part in a grid of 8x8 cells. Each cell gives a score for each kind of defect that may
have its centre there, and a box: where in the cell the centre is (y, x), and its height and width
as shares of LARGEST. All of them are in 0..1. Run it to write a model file:

    python detector.py detector.keras
"""

import sys

import numpy as np
from parts import DEFECTS, draw

GRID = 8
LARGEST = 3 / 8  # of the image
MOST = 6  # detections in an image
EPOCHS = 16


def data(count, seed):
    """Images, float32 (N, 64, 64, 3) in 0..1, each with its (m, 5) rows of up to two defects."""
    random = np.random.default_rng(seed)
    defects = [random.permutation(DEFECTS)[: random.integers(3)] for _ in range(count)]
    images, rows = zip(*(draw(random, names) for names in defects), strict=True)
    return np.stack(images).astype(np.float32) / 255, rows


def encode(rows):
    """What the network should say: scores (N, 8, 8, 3) and boxes (N, 8, 8, 4)."""
    scores = np.zeros((len(rows), GRID, GRID, len(DEFECTS)), np.float32)
    boxes = np.zeros((len(rows), GRID, GRID, 4), np.float32)
    for image, defects in enumerate(rows):
        for defect in defects:
            low, high = defect[:2], defect[2:4]
            centre = (low + high) / 2 * GRID
            y, x = cell = centre.astype(int)
            scores[image, y, x, int(defect[4])] = 1
            boxes[image, y, x] = *(centre - cell), *((high - low) / LARGEST)
    return scores, boxes


def decode(inputs, outputs):
    """The best detections, (N, 6, 6): rows (ymin, xmin, ymax, xmax, class, score) in 0..1."""
    scores, boxes = outputs["scores"], outputs["boxes"]
    around = np.pad(scores, ((0, 0), (1, 1), (1, 1), (0, 0)))
    highest = np.lib.stride_tricks.sliding_window_view(around, (3, 3), axis=(1, 2)).max((-2, -1))
    scores = np.where(scores < highest, 0, scores)  # a cell beside it sees the same one better

    cells = np.moveaxis(np.mgrid[:GRID, :GRID], 0, -1)
    centres, half_sizes = (cells + boxes[..., :2]) / GRID, boxes[..., 2:] * LARGEST / 2
    corners = np.concatenate([centres - half_sizes, centres + half_sizes], axis=-1)

    flat = scores.reshape(len(scores), -1)
    best = np.argsort(-flat, axis=1, kind="stable")[:, :MOST]
    cell, kind = np.divmod(best, len(DEFECTS))
    box = np.take_along_axis(corners.reshape(-1, GRID * GRID, 4), cell[..., np.newaxis], axis=1)
    score = np.take_along_axis(flat, best, axis=1)
    detections = np.concatenate([box, np.stack([kind, score], axis=-1)], axis=-1)
    return np.where(score[..., np.newaxis] > 0.05, detections, np.nan)


def train(path):
    """Train and save the model."""
    import keras
    from blocks import convolution, layers, optimizer

    keras.utils.set_random_seed(0)
    inputs = keras.Input((64, 64, 3))
    x = convolution(inputs, 16)
    x = convolution(x, 32)
    x = convolution(x, 48)
    x = convolution(x, 48, strides=1)
    x = convolution(x, 48, strides=1)
    outputs = {
        "scores": layers.Conv2D(len(DEFECTS), 1, activation="sigmoid", name="scores")(x),
        "boxes": layers.Conv2D(4, 1, activation="sigmoid", name="boxes")(x),
    }
    model = keras.Model(inputs, outputs)
    images, rows = data(2000, seed=5)
    scores, boxes = encode(rows)
    model.compile(
        optimizer(EPOCHS * len(images) // 32),
        {"scores": "binary_crossentropy", "boxes": "mean_absolute_error"},
        loss_weights={"scores": 1, "boxes": 10},
    )
    # Scores count in each cell, a box only where there is a defect.
    weights = {"scores": np.ones_like(scores[..., 0]), "boxes": scores.max(axis=-1)}
    targets = {"scores": scores, "boxes": boxes}
    model.fit(images, targets, sample_weight=weights, epochs=EPOCHS, verbose=2)
    model.save(path)


if __name__ == "__main__":
    train(sys.argv[1])
