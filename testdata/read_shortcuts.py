"""Prints the names and URLs of shortcut files as a JSON array."""

import configparser
import json
import plistlib
import re
import sys

# Escapes of the Desktop Entry specification, which configparser does not know.
ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


def read(path):
    if path.endswith(".webloc"):
        with open(path, "rb") as file:
            return {"URL": plistlib.load(file)["URL"]}
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    with open(path, encoding="utf-8", newline="") as file:
        parser.read_file(file)
    (section,) = parser.sections()
    entry = dict(parser[section])
    if path.endswith(".desktop"):
        return {key: re.sub(r"\\(.)", lambda m: ESCAPES[m[1]], value) for key, value in entry.items()}
    return entry


json.dump([read(path) for path in sys.argv[1:]], sys.stdout)
