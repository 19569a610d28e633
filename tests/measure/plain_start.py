"""A model's start by hand: ``python plain_start.py INPUT.npy [MODEL] [RUNS]``.

Prints the milliseconds to load and allocate the model and to run it once; without a model, nothing
is loaded. It uses nothing of the project.
"""

import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

given = np.load(sys.argv[1])
if len(sys.argv) > 2:
    time.sleep(0.1)  # on a busy machine, who has just computed has to wait for others
    begin = time.perf_counter()
    interpreter = Interpreter(model_path=sys.argv[2], num_threads=1)
    interpreter.allocate_tensors()
    index = interpreter.get_input_details()[0]["index"]
    interpreter.set_tensor(index, given)
    interpreter.invoke()
    print((time.perf_counter() - begin) * 1000)
    for _ in range(int(sys.argv[3]) - 1):
        interpreter.set_tensor(index, given)
        interpreter.invoke()
