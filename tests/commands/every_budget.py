"""A suite with every kind of budget and verdict, as text."""

SUITE = """
import numpy as np
import pytest
from pytest_edgeai import (
    Metric, edge_model, fully_quantized, max_accuracy_drop, max_latency_ms, max_memory_mb,
    max_output_error, max_regression, max_size_mb, max_startup_ms, max_sustained_latency_ms,
    min_accuracy, min_agreement, min_delegated, min_throughput, no_custom_ops,
)

def brier(labels, scores):
    return float(np.square(scores - np.eye(10)[labels]).sum(axis=1).mean())

def raises(labels, scores):
    raise ArithmeticError("not today")

def leaves(labels, scores):
    pytest.skip("not on Mondays")

calls = []

def gives_up(labels, scores):
    calls.append(1)
    if len(calls) > 40:
        raise ArithmeticError("enough")
    return 0.5

BRIER = Metric(brier, higher_is_better=False)

@max_latency_ms(mean=1000, median=500, p90=1000, p95=1000, p99=2000, max=9000)
@max_latency_ms(p95=0.00001)
@max_latency_ms(p95=1000, threads=2, confidence=0.99)
@max_latency_ms(p99=1000, threads=1)
@max_latency_ms(p95=1, device="pi")
@min_throughput(0.1)
@min_throughput(1e9)
@max_sustained_latency_ms(p95=1000, seconds=1)
@max_sustained_latency_ms(p95=0.00001, seconds=1)
@max_sustained_latency_ms(p95=1000, seconds=1.5, threads=2)
@max_memory_mb(500)
@max_memory_mb(0.0001, confidence=0.999)
@max_startup_ms(10_000)
@max_startup_ms(10_000, confidence=0.999)
@max_startup_ms(0.001, threads=2)
@max_size_mb(1)
@max_size_mb(0.001)
@fully_quantized()
@no_custom_ops()
@min_delegated(0.01)
@min_delegated(1.0)
def test_cost(int8_interpreter): pass

@min_accuracy(0.5)
@min_accuracy(0.9999)
@min_accuracy(0.9, confidence=0.95)
@min_accuracy(0.5, metric="top_3_accuracy", confidence=0.99)
@min_accuracy(0.5, metric="f1_macro", confidence=0.95)
@min_accuracy(0.999, metric="f1_macro")
@min_accuracy(0.5, metric="roc_auc")
@min_accuracy(0.4, metric=BRIER, confidence=0.9)
@min_accuracy(0.5, metric=raises)
@min_accuracy(0.5, metric=leaves)
@min_accuracy(0.5, metric=gives_up, confidence=0.95)
@min_accuracy(0.5, metric="mean_iou")
@max_accuracy_drop(0.0)
@max_accuracy_drop(0.02, confidence=0.95)
@max_accuracy_drop(0.5, baseline="source")
@max_accuracy_drop(0.1, metric="f1_macro", confidence=0.95)
@max_accuracy_drop(0.1, metric="balanced_accuracy", confidence=0.9, baseline="source")
@max_accuracy_drop(0.0, metric=BRIER)
@max_accuracy_drop(0.5, metric=BRIER, confidence=0.99)
@min_agreement(0.5)
@min_agreement(1.0, baseline="source")
@min_agreement(0.5, baseline="host")
@max_output_error(1.0)
@max_output_error(1e-9, norm="mean", baseline="source")
@max_output_error(1e-9, norm="rms", baseline="dynamic")
def test_answers(int8_interpreter, converted_interpreter): pass

@max_regression(1.0)
@max_regression(0.0, of="median")
@max_regression(0.1, of="size")
@max_regression(0.0, of="accuracy")
def test_no_worse(dynamic_interpreter): pass

@max_regression(0.1, of="size")
def test_without_baseline(float16_interpreter): pass

@edge_model(converted="float.tflite", int8="damaged.tflite")
@max_accuracy_drop(0.01)
@max_accuracy_drop(0.01, confidence=0.95)
@min_agreement(0.99)
@max_output_error(0.01)
@min_accuracy(0.9)
@max_regression(0.1, of="size")
def test_damaged(int8_interpreter): pass

@max_size_mb(1)
@max_latency_ms(p95=1000)
def test_body_fails(int8_interpreter):
    raise AssertionError("the body said no")

@max_size_mb(1)
def test_leaves(int8_interpreter):
    pytest.skip("not here")

def test_without_budgets(int8_interpreter): pass
"""
KEEP = """
import shutil
def test_keep(converted_interpreter, int8_interpreter):
    shutil.copy(converted_interpreter.model.path, "float.tflite")
    shutil.copy(int8_interpreter.model.path, "healthy.tflite")
"""
