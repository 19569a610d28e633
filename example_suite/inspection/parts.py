"""Draws the parts of an inspection line: flanges with six bolt holes, with and without defects.

The images are synthetic. They show how a suite is written; how well a model does on a real line
they cannot tell. Run it to write a folder of images, with a sub-folder per class in ``train`` and
``test``:

    python parts.py images
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIZE = 64  # pixels, and the unit of all lengths here
ENLARGED = 4  # drawn larger and shrunk, which makes edges smooth
DEFECTS = ("missing_hole", "scratch", "stain")
METAL, HOLE, SCRATCH, RUST = (170, 172, 178), (55, 55, 60), (235, 235, 240), (130, 95, 70)


def draw(random, defects=(), aligned=False):
    """A part as uint8 (64, 64, 3), and a row (ymin, xmin, ymax, xmax, class) in 0..1 per defect.

    ``random`` is a numpy Generator, the class an index of DEFECTS. An aligned part lies in a
    fixture, always at the same place; others lie as they fell.
    """
    centre = np.full(2, SIZE / 2) if aligned else random.uniform(28, 36, 2)
    turn = 0 if aligned else random.uniform(0, 60)
    holes, between = ring(centre, turn), ring(centre, turn + 30)
    spots = random.permutation(6)
    places = {
        "missing_hole": holes[spots[0]],
        "scratch": between[spots[1]],
        "stain": between[spots[2]],
    }

    image = Image.fromarray(random.normal(70, 8, (SIZE, SIZE, 3)).astype(np.uint8))
    image = image.resize((SIZE * ENLARGED, SIZE * ENLARGED))
    pen = ImageDraw.Draw(image)
    ellipse(pen, centre, (26, 26), METAL)
    rows = []
    for defect in defects:
        place, reach = places[defect], BLEMISHES[defect](pen, places[defect], random)
        box = np.concatenate([place - reach, place + reach]) / SIZE
        rows.append([*box.clip(0, 1), DEFECTS.index(defect)])
    ellipse(pen, centre, (8, 8), HOLE)
    for hole in holes[spots[1:] if "missing_hole" in defects else spots]:
        ellipse(pen, hole, (3.5, 3.5), HOLE)
    return photograph(image, random), np.array(rows, np.float32).reshape(-1, 5)


def ring(centre, turn):
    """Six places (y, x) around the centre, turned by so many degrees."""
    angles = np.radians(turn + 60 * np.arange(6))
    return centre + 17 * np.stack([np.sin(angles), np.cos(angles)], axis=1)


def ellipse(pen, place, radii, colour):
    """A filled ellipse."""
    (top, left), (bottom, right) = np.subtract(place, radii), np.add(place, radii)
    pen.ellipse([ENLARGED * side for side in (left, top, right, bottom)], colour)


def leave_hole_out(pen, place, random):
    """Nothing to draw: how far the hole would reach in y and x."""
    return np.full(2, 4)


def scratch(pen, place, random):
    """A bright line; returns how far it reaches in y and x."""
    angle = random.uniform(0, np.pi)
    reach = random.uniform(5, 9) * np.array([np.sin(angle), np.cos(angle)])
    ends = [*(place - reach)[::-1], *(place + reach)[::-1]]
    pen.line([ENLARGED * end for end in ends], SCRATCH, width=ENLARGED * 2)
    return np.maximum(abs(reach) + 1, 3)


def stain(pen, place, random):
    """A spot of rust; returns how far it reaches in y and x."""
    radii = random.uniform(3, 6, 2)
    ellipse(pen, place, radii, RUST)
    return radii


BLEMISHES = {"missing_hole": leave_hole_out, "scratch": scratch, "stain": stain}


def photograph(image, random):
    """Shrinks the drawing, with uneven light and the noise of a camera."""
    pixels = np.asarray(image.reduce(ENLARGED), np.float32)
    y, x = np.mgrid[-0.5 : 0.5 : SIZE * 1j, -0.5 : 0.5 : SIZE * 1j]
    across, down = random.uniform(-0.15, 0.15, 2)
    light = random.uniform(0.85, 1.1) + across * x + down * y
    pixels = pixels * light[..., np.newaxis] + random.normal(0, 4, pixels.shape)
    return pixels.clip(0, 255).astype(np.uint8)


def write(folder, seed, per_class):
    """PNG files, the same number for each class."""
    random = np.random.default_rng(seed)
    for name in ("good", *DEFECTS):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            image, _ = draw(random, () if name == "good" else (name,))
            Image.fromarray(image).save(folder / name / f"{number:03}.png")


if __name__ == "__main__":
    write(Path(sys.argv[1], "train"), seed=1, per_class=400)
    write(Path(sys.argv[1], "test"), seed=2, per_class=100)
