"""dnsmasq's configuration: who gets which address, and which boot program."""

import ipaddress

# Architectures of DHCP's option 93: RFC 4578 and IANA's list of processor architecture types.
BIOS, EFI, EFI_OTHER, EFI_HTTP = 0, 7, 9, 16


def _tagged(machines, tag):
    """Lines that set the tag for the machines."""
    if machines == ["all"]:
        return ["tag-if=set:%s" % tag]
    return ["dhcp-mac=set:%s,%s" % (tag, mac) for mac in machines]


def configuration(settings):
    """The text of dnsmasq.conf."""
    lines = [
        "# Written by scripts/rack from rack.json: change that with scripts/rack write.",
        "# DHCP and TFTP only, no DNS.",
        "port=0",
        "interface=%s" % settings.interface,
        "bind-interfaces",
        "user=%s" % settings.user,
        "pid-file=",
        "dhcp-leasefile=%s" % settings.path("state", "leases"),
        "log-facility=-",
        "log-dhcp",
        "enable-tftp",
        "tftp-root=%s" % settings.path("tftp"),
        "",
        "# iPXE, from a ROM or from here, says so in option 77 and 175.",
        "dhcp-userclass=set:ipxe,iPXE",
        "dhcp-match=set:ipxe,175",
        "# What firmware says in option 93 (RFC 4578).",
        "dhcp-match=set:bios,option:client-arch,%d" % BIOS,
        "dhcp-match=set:efi,option:client-arch,%d" % EFI,
        "dhcp-match=set:efi,option:client-arch,%d" % EFI_OTHER,
        "dhcp-match=set:http,option:client-arch,%d" % EFI_HTTP,
    ]
    lines += _tagged(settings.secure_boot, "secure") + _tagged(settings.own_drivers, "drivers")
    lines += _server(settings) if settings.mode == "server" else _proxy(settings)
    return "\n".join(lines) + "\n"


def _server(settings):
    mask = settings.network.netmask
    return [
        "",
        "dhcp-authoritative",
        "dhcp-range=%s,%s,%s,%s" % (settings.first, settings.last, mask, settings.lease),
        # Without a value dnsmasq would name itself.
        "dhcp-option=option:router%s" % (settings.router and "," + settings.router),
        "dhcp-option=option:dns-server%s" % (settings.name_server and "," + settings.name_server),
        "",
        "dhcp-boot=tag:ipxe,%s" % settings.profiles,
        "# iPXE takes the offer of the highest priority when another server answers, too.",
        "dhcp-option=tag:ipxe,encap:175,1,1b",
        "dhcp-boot=tag:!ipxe,tag:bios,undionly.kpxe,,%s" % settings.address,
        "dhcp-boot=tag:!ipxe,tag:efi,tag:!secure,tag:!drivers,snponly.efi,,%s" % settings.address,
        "dhcp-boot=tag:!ipxe,tag:efi,tag:!secure,tag:drivers,ipxe.efi,,%s" % settings.address,
        "dhcp-boot=tag:!ipxe,tag:efi,tag:secure,shimx64.efi,,%s" % settings.address,
        "# Firmware that boots by HTTP takes only offers that say HTTPClient (UEFI specification, section 24.7).",
        "dhcp-option-force=tag:!ipxe,tag:http,60,HTTPClient",
        "dhcp-boot=tag:!ipxe,tag:http,tag:!secure,tag:!drivers,%s/loaders/snponly.efi" % settings.images,
        "dhcp-boot=tag:!ipxe,tag:http,tag:!secure,tag:drivers,%s/loaders/ipxe.efi" % settings.images,
    ]


def _proxy(settings):
    lines = ["", "# The addresses come from another server.",
             "dhcp-range=%s,proxy" % ipaddress.ip_network(settings.network).network_address,
             "dhcp-boot=tag:ipxe,%s" % settings.profiles]
    for name, conditions, file in (("x86PC", "", "undionly.kpxe"),
                                   ("BC_EFI", "tag:!secure,tag:!drivers,", "snponly.efi"),
                                   ("X86-64_EFI", "tag:!secure,tag:!drivers,", "snponly.efi"),
                                   ("BC_EFI", "tag:!secure,tag:drivers,", "ipxe.efi"),
                                   ("X86-64_EFI", "tag:!secure,tag:drivers,", "ipxe.efi"),
                                   ("BC_EFI", "tag:secure,", "shimx64.efi"),
                                   ("X86-64_EFI", "tag:secure,", "shimx64.efi")):
        lines.append("pxe-service=tag:!ipxe,%s%s,monorail,%s,%s" % (conditions, name, file, settings.address))
    return lines
