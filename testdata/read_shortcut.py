"""Prints the name and the URL of a shortcut file as JSON."""

import configparser
import json
import plistlib
import re
import sys

path = sys.argv[1]
if path.endswith(".webloc"):
    with open(path, "rb") as file:
        entry = {"URL": plistlib.load(file)["URL"]}
else:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    with open(path, encoding="utf-8", newline="") as file:
        parser.read_file(file)
    (section,) = parser.sections()
    entry = dict(parser[section])
    if path.endswith(".desktop"):
        # Escapes of the Desktop Entry specification, of which configparser
        # knows nothing.
        escapes = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
        entry = {key: re.sub(r"\\(.)", lambda m: escapes[m[1]], value) for key, value in entry.items()}

json.dump(entry, sys.stdout)
