"""Writes what a rack boots from: the configurations, the boot programs, and links to kernel and initramfs for TFTP."""

import glob
import hashlib
import os
import shutil
import subprocess
import tempfile

import dnsmasq
import nginx
from problem import Problem

HERE = os.path.dirname(os.path.abspath(__file__))
LOADERS = ["undionly.kpxe", "snponly.efi", "ipxe.efi", "shimx64.efi", "grubx64.efi"]


def fetched():
    """The directory with Debian's boot programs in `loaders`, and nginx."""
    found = subprocess.run([os.path.join(HERE, "fetch")], stdout=subprocess.PIPE, text=True)
    if found.returncode != 0:
        raise Problem("Debian's boot programs are missing, see above")
    return found.stdout.strip()


def replace(path, text):
    """The file is the old one or the new one at every moment."""
    descriptor, new = tempfile.mkstemp(prefix=".", dir=os.path.dirname(path))
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.chmod(new, 0o644)
    os.replace(new, path)


def write(settings):
    """Everything, also over what is there."""
    for name in ("", "tftp", "tftp/grub", "loaders", "state"):
        os.makedirs(settings.path(name), exist_ok=True)
    source = os.path.join(fetched(), "loaders")
    for name in LOADERS:
        for place in ("tftp", "loaders"):
            new = settings.path(place, "." + name)
            shutil.copyfile(os.path.join(source, name), new)
            os.replace(new, settings.path(place, name))
    replace(settings.path("dnsmasq.conf"), dnsmasq.configuration(settings))
    replace(settings.path("nginx.conf"), nginx.configuration(settings))
    settings.save()
    refresh(settings)


def refresh(settings):
    """What follows the boot directory, which gets new files with every build: links for TFTP, and digests."""
    boot = settings.boot_directory
    wanted = {os.path.basename(path): path
              for pattern in ("vmlinuz-*", "initrd.img-*") for path in glob.glob(os.path.join(glob.escape(boot), pattern))
              if not path.endswith(".sha256")}
    for path in glob.glob(os.path.join(glob.escape(settings.path("tftp")), "*")):
        if os.path.islink(path) and os.readlink(path) != wanted.get(os.path.basename(path)):
            os.unlink(path)
    for name, path in wanted.items():
        link = settings.path("tftp", name)
        if not os.path.lexists(link):
            os.symlink(path, link)
    for pattern in ("vmlinuz-*", "initrd.img-*", "base.*.img", "*.cpio", "*.cpio.*"):
        for path in glob.glob(os.path.join(glob.escape(boot), pattern)):
            if not path.endswith((".sha256", ".json")):
                write_digest(path)


def write_digest(path):
    """FILE.sha256 as sha256sum writes it, unless it is there and no older than the file."""
    digest = path + ".sha256"
    if os.path.exists(digest) and os.path.getmtime(digest) >= os.path.getmtime(path):
        return
    with open(path, "rb") as file:
        text = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        replace(digest, "%s  %s\n" % (text, os.path.basename(path)))
    except OSError as error:
        raise Problem("cannot write %s: %s; run this as a user who may write there" % (digest, error.strerror)) from None
