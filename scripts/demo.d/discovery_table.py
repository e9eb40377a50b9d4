"""Prints what a discovery report says of the machine, as a table. Usage: discovery_table.py REPORT.json"""

import json
import sys


def tree(node):
    """The node of lshw's output and all below it."""
    yield node
    for child in node.get("children", []):
        yield from tree(child)


def size(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return "%.4g %s" % (count, unit)
        count /= 1024
    return "%.4g TiB" % count


def documents(report):
    """The catalogs that are JSON, by source."""
    for task in report["tasks"]:
        try:
            yield task.get("source"), json.loads(task.get("stdout", ""))
        except ValueError:
            continue


def facts(catalogs):
    lshw = catalogs.get("lshw", {})
    nodes = list(tree(lshw[0] if isinstance(lshw, list) else lshw))
    name = " ".join(filter(None, (nodes[0].get("vendor"), nodes[0].get("product"))))
    yield "system", name or nodes[0].get("description", "unknown")
    if nodes[0].get("serial"):
        yield "serial", nodes[0]["serial"]
    processors = [node for node in nodes if node.get("class") == "processor" and not node.get("disabled")]
    for product in sorted({node.get("product", "unknown") for node in processors}):
        yield "processor", "%s (%d)" % (product, sum(node.get("product", "unknown") == product for node in processors))
    memory = [node for node in nodes if node.get("class") == "memory" and "size" in node]
    if memory:
        yield "memory", size(max(node["size"] for node in memory))
    for disk in catalogs.get("lsblk", {}).get("blockdevices", []):
        if disk["type"] == "disk" and int(disk["size"]) > 0:
            kind = "rotating" if disk["rota"] else "solid state"
            yield "disk", " ".join(filter(None, (disk["kname"], size(int(disk["size"])), kind, disk["model"])))
    for nic in catalogs.get("ip", []):
        if nic.get("link_type") == "ether":
            addresses = [address["local"] for address in nic.get("addr_info", [])]
            yield "NIC", " ".join([nic["ifname"], nic["address"], nic.get("operstate", "").lower(), *addresses])


with open(sys.argv[1], encoding="utf-8") as file:
    found = dict(documents(json.load(file)))
rows = list(facts(found))
width = max(len(label) for label, _ in rows)
for label, text in rows:
    print("  %s  %s" % (label.ljust(width), text))
