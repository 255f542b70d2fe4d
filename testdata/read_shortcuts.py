"""Prints the names, URLs and form fields of shortcut files as a JSON array."""

import configparser
import html.parser
import json
import plistlib
import re
import sys

# Escapes of the Desktop Entry specification, which configparser does not know.
ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


class Page(html.parser.HTMLParser):
    """Page collects the title of a page and its form."""

    def __init__(self, text):
        super().__init__()
        self.tag = ""
        self.entry = {"Name": "", "URL": None, "Fields": {}}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tag, attrs = tag, dict(attrs)
        if tag == "form":
            self.entry["URL"] = attrs["action"]
        elif tag == "input":
            self.entry["Fields"].setdefault(attrs["name"], []).append(attrs["value"])

    def handle_endtag(self, tag):
        self.tag = ""

    def handle_data(self, data):
        if self.tag == "title":
            self.entry["Name"] += data


def read(path):
    if path.endswith(".html"):
        with open(path, encoding="utf-8", newline="") as file:
            return Page(file.read()).entry
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
