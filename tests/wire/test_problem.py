"""From an error to its body, and back."""

import pytest

from perdure.core import errors
from perdure.wire.problem import Problem, raise_for


def test_an_error_comes_back_as_its_class():
    error = errors.NotFound(kind="run", name="run_1")
    with pytest.raises(errors.NotFound, match="run_1"):
        raise_for(error.status, Problem.of(error))


def test_an_unknown_code_gives_the_general_class_of_its_status():
    with pytest.raises(errors.PerdureError) as caught:
        raise_for(404, Problem(error="gone", code="SOMETHING_NEW"))
    assert type(caught.value) is errors.NotFound


def test_a_fault_of_the_server_is_no_error_of_the_client():
    with pytest.raises(errors.PerdureError, match="reference 1") as caught:
        raise_for(500, Problem(error="Something went wrong; reference 1"))
    assert type(caught.value) is errors.PerdureError
