"""What a node is to run: graphs by their names, files with graphs, and task sets."""

import json
import os
import re
import shutil

from timeline import NetbootError


def option(text):
    """label.name=value, as `monorail-mock check` takes it: (label, name, value). A value that is no JSON is a text."""
    match = re.fullmatch(r"([^=]+)\.([^.=]+)=(.*)", text, re.DOTALL)
    if not match:
        raise ValueError("%r is not label.name=value" % text)
    try:
        value = json.loads(match.group(3))
    except ValueError:
        value = match.group(3)
    return match.group(1), match.group(2), value


def options(triples):
    """The options of a request, by label."""
    found = {}
    for label, name, value in triples:
        found.setdefault(label, {})[name] = value
    return found


def _definitions(path):
    """The definitions in a file; an empty list for a task set, which may be JSON only when its variables are filled in."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise NetbootError("cannot read %s: %s" % (path, error)) from None
    try:
        document = json.loads(text)
    except ValueError as error:
        if '"injectableName"' in text:
            raise NetbootError("%s is no JSON: %s" % (path, error)) from None
        return []
    elements = document if isinstance(document, list) else [document]
    return [each for each in elements if isinstance(each, dict) and "injectableName" in each]


def add_file(path, directory):
    """Copies a file of definitions, or of a task set, to a server's workflows directory under a name that is free there;
    the name, without its ending."""
    base = name = re.sub(r"\.json$", "", os.path.basename(path)).lstrip(".") or "workflow"
    number = 1
    while os.path.exists(os.path.join(directory, name + ".json")):
        number += 1
        name = "%s-%d" % (base, number)
    shutil.copyfile(path, os.path.join(directory, name + ".json"))
    return name


def add_workflow(given, directory):
    """Makes what --workflow names known to the server that will read the directory; the name to start it by.

    given: the name of a graph, or of a task set that is in the directory; or a file FILE.json with one graph and perhaps
    tasks, or with a task set.
    """
    if not given.endswith(".json"):
        return given
    if not os.path.isfile(given):
        raise NetbootError("there is no file %s" % given)
    definitions = _definitions(given)
    if not definitions:
        return add_file(given, directory)
    graphs = [each["injectableName"] for each in definitions if "tasks" in each]
    if len(graphs) != 1:
        raise NetbootError("%s has %s: name the file with --definitions, and the graph with --workflow" % (
            given, "the graphs " + ", ".join(graphs) if graphs else "no graph"))
    add_file(given, directory)
    return graphs[0]
