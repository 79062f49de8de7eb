import pytest

from pretrain.registry import Registry, UnknownName


def test_names__are_what_was_registered_in_order() -> None:
    registry: Registry[int] = Registry("number")
    registry.register("two")(2)
    registry.register("one")(1)
    assert registry.names() == ["one", "two"]
    assert registry["two"] == 2


def test_getitem__a_slip_is_guessed_and_the_choices_listed() -> None:
    registry: Registry[int] = Registry("number")
    registry.register("trajectory")(1)
    with pytest.raises(UnknownName, match=r"no number is called 'trajectry'\. Did you mean trajectory\? There are: trajectory"):
        registry["trajectry"]


def test_register__the_same_name_twice_is_an_error() -> None:
    registry: Registry[int] = Registry("number")
    registry.register("one")(1)
    with pytest.raises(ValueError, match="two numbers are called 'one'"):
        registry.register("one")(1)
