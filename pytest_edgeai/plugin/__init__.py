"""The plugin as pytest sees it: its hooks and fixtures, nothing heavy."""

from pytest_edgeai.plugin.fixtures import (
    calibration_data,
    converted_interpreter,
    dynamic_interpreter,
    edge_converter,
    edge_decoder,
    edge_device,
    edge_model,
    edge_preprocessing,
    evaluation_data,
    float16_interpreter,
    int8_interpreter,
    int16x8_interpreter,
    interpreter,
)
from pytest_edgeai.plugin.hooks import (
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_generate_tests,
    pytest_report_collectionfinish,
    pytest_runtest_call,
    pytest_runtest_makereport,
    pytest_runtest_setup,
    pytest_unconfigure,
)
from pytest_edgeai.plugin.options import pytest_addoption

__all__ = [
    "calibration_data",
    "converted_interpreter",
    "dynamic_interpreter",
    "edge_converter",
    "edge_decoder",
    "edge_device",
    "edge_model",
    "edge_preprocessing",
    "evaluation_data",
    "float16_interpreter",
    "int8_interpreter",
    "int16x8_interpreter",
    "interpreter",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_report_collectionfinish",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_unconfigure",
]
