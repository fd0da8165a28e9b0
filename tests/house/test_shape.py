"""The shape of the code: sizes, imports, docstrings. Each rule names every file that breaks it."""

import ast

from tests.house.tree import Function, of_packages, sources

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 60


def length(function: Function) -> int:
    """How many lines a function takes, decorators not counted."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_files_are_short() -> None:
    """No file has more than 300 lines."""
    lines = {source.name: len(source.text.splitlines()) for source in sources()}
    assert lines
    assert {name: count for name, count in lines.items() if count > FILE_LINES_MAX} == {}


def test_functions_are_short() -> None:
    """No function has 60 lines or more."""
    lines = {
        f"{source.name}:{function.name}": length(function)
        for source in sources()
        for function in source.functions()
    }
    assert lines
    assert {name: count for name, count in lines.items() if count >= FUNCTION_LINES_MAX} == {}


def test_imports_stand_at_the_top() -> None:
    """No function imports anything."""
    assert [
        f"{source.name}:{node.lineno}"
        for source in sources()
        for function in source.functions()
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ] == []


def test_imports_are_absolute() -> None:
    """No module imports relative to itself."""
    assert [
        f"{source.name}:{node.lineno}"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ] == []


def test_modules_say_what_they_are() -> None:
    """Every module that holds something begins with a docstring."""
    assert [
        source.name
        for source in sources()
        if source.text.strip() and ast.get_docstring(source.tree) is None
    ] == []


def test_tests_say_what_is_expected() -> None:
    """Every test has a docstring of the behaviour that it expects."""
    tests = [
        (f"{source.name}:{function.name}", ast.get_docstring(function))
        for source in sources()
        if source.package == "tests" and source.path.name.startswith("test_")
        for function in source.functions()
        if function.name.startswith("test_")
    ]
    assert tests
    assert [name for name, docstring in tests if not docstring] == []


def test_exceptions_are_caught_by_name() -> None:
    """Only a job runner and the error mask, marked as such, catch every exception."""
    assert [
        f"{source.name}:{node.lineno}"
        for source in of_packages()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and "noqa: BLE001" not in source.text.splitlines()[node.lineno - 1]
        and not isinstance(node.body[-1], ast.Raise)
    ] == []
