"""How a command stands in the address of a page."""

from django.urls import register_converter
from django.urls.converters import StringConverter

from plans.schemas.declaration import COMMAND_IN_ADDRESS


class CommandConverter(StringConverter):
    """``<command:name>`` in a path."""

    regex = COMMAND_IN_ADDRESS


register_converter(CommandConverter, "command")
