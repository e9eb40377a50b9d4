"""What a server knows, as tables for people: a workflow that has ended, and a node by its stored catalogs."""

import datetime
import json

# A catalog whose JSON has at most so many characters is shown whole.
SHORT = 120


def rows_text(rows):
    """Lines with the columns aligned; the last column is as wide as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return ["  " + "  ".join([cell.ljust(width) for cell, width in zip(row, widths)] + [row[-1]]).rstrip() for row in rows]


def _time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def _seconds(task):
    if not task.get("taskStartTime") or not task.get("taskEndTime"):
        return ""
    return "%.1f s" % (_time(task["taskEndTime"]) - _time(task["taskStartTime"])).total_seconds()


def print_workflow(workflow):
    """workflow: as GET /api/current/workflows/<id> shows it."""
    print("  %s: %s" % (workflow["injectableName"], workflow["status"]))
    rows = [("TASK", "STATE", "TIME", "ERROR")]
    for task in workflow["tasks"]:
        error = (task.get("error") or "").strip().splitlines()
        rows.append((task["label"], task["state"], _seconds(task), error[0][:100] if error else ""))
    print("\n".join(rows_text(rows)))


def _tree(node):
    """The node of lshw's output and all below it."""
    yield node
    for child in node.get("children", []):
        yield from _tree(child)


def _size(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return "%.4g %s" % (count, unit)
        count /= 1024
    return "%.4g TiB" % count


def _document(catalogs, source):
    """The catalog; what could not be parsed is there as text, of which lshw's is JSON all the same."""
    data = catalogs.get(source, {})
    if isinstance(data, dict) and set(data) == {"data"} and isinstance(data["data"], str):
        try:
            return json.loads(data["data"])
        except ValueError:
            return {}
    return data


def _hardware(catalogs):
    """What lshw tells, as a list of its nodes; the first is the machine."""
    lshw = _document(catalogs, "lshw")
    return list(_tree(lshw[0] if isinstance(lshw, list) else lshw or {}))


def _disks(catalogs, nodes):
    devices = _document(catalogs, "lsblk").get("blockdevices", [])
    if devices:
        for disk in devices:
            if disk["type"] == "disk" and int(disk["size"]) > 0:
                kind = "rotating" if disk["rota"] else "solid state"
                yield [disk["kname"], _size(int(disk["size"])), kind, disk["model"]]
        return
    for disk in nodes:
        if disk.get("class") == "disk" and disk.get("size"):
            name = disk.get("logicalname", "")
            yield [name if isinstance(name, str) else name[0], _size(disk["size"]), disk.get("product"), disk.get("serial")]


def _nics(catalogs, nodes):
    nics = _document(catalogs, "ip")
    if isinstance(nics, list):
        # What ip printed, which could not be parsed.
        for nic in nics:
            if nic.get("link_type") == "ether":
                yield [nic["ifname"], nic["address"], *(address["local"] for address in nic.get("addr_info", []))]
        return
    if nics:
        for name, nic in nics.items():
            if "link/ether" in nic:
                yield [name, nic["link/ether"], nic.get("inet"), nic.get("inet6")]
        return
    for nic in nodes:
        if nic.get("class") == "network" and nic.get("serial"):
            name = nic.get("logicalname", "")
            yield [name if isinstance(name, str) else name[0], nic["serial"], nic.get("configuration", {}).get("ip")]


def facts(catalogs):
    """(label, text) of what the catalogs tell of the node."""
    nodes = _hardware(catalogs)
    machine = nodes[0]
    if not machine:
        return
    name = " ".join(filter(None, (machine.get("vendor"), machine.get("product"))))
    yield "system", name or machine.get("description", "unknown")
    if machine.get("serial"):
        yield "serial", machine["serial"]
    processors = [node for node in nodes if node.get("class") == "processor" and not node.get("disabled")]
    for product in sorted({node.get("product", "unknown") for node in processors}):
        yield "processor", "%s (%d)" % (product, sum(node.get("product", "unknown") == product for node in processors))
    memory = [node["size"] for node in nodes if node.get("class") == "memory" and "size" in node]
    if memory:
        yield "memory", _size(max(memory))
    for disk in _disks(catalogs, nodes):
        yield "disk", " ".join(filter(None, disk))
    for nic in _nics(catalogs, nodes):
        yield "NIC", " ".join(filter(None, nic))
    bmc = catalogs.get("bmc", {})
    if bmc.get("IP Address"):
        yield "BMC", " ".join(filter(None, (bmc["IP Address"], bmc.get("MAC Address"))))


def print_node(catalogs):
    """catalogs: the newest of each source, as Server.catalogs() gives them."""
    rows = list(facts(catalogs))
    if rows:
        print("\n".join(rows_text(rows)))
    print("  catalogs: " + (", ".join(sorted(catalogs)) or "none"))
    for source, data in sorted(catalogs.items()):
        text = json.dumps(data, ensure_ascii=False)
        if len(text) <= SHORT:
            print("    %s %s" % (source, text))
