# SPDX-License-Identifier: ISC
"""Debian packages that ./bootstrap unpacked below build/debian, not installed.

Importing this puts their programs into PATH and their modules into Python's.
What is not unpacked is looked for where Debian installs it.
"""

import glob
import os
import shutil
import sys

FOLDER = os.path.abspath(
    os.path.join(os.path.dirname(__file__), "../../build/debian"))
ROOT = os.path.join(FOLDER, "root")
PROGRAMS = os.path.join(FOLDER, "bin")
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def program(name):
    """The path of a program, also for users without sbin in their PATH; or None."""
    return shutil.which(name, path=f"{PROGRAMS}:{SYSTEM_PATH}:/usr/local/sbin")


def place(path):
    """Where a file or folder is that a package has at this path."""
    inside = ROOT + path
    return inside if os.path.exists(inside) else path


def library_folders():
    """Where libraries are that are unpacked, as packages have them."""
    return sorted({os.path.dirname(library).removeprefix(ROOT)
                   for top in ("lib", "usr/lib")
                   for depth in ("*", "*/*")
                   for library in glob.glob(f"{ROOT}/{top}/{depth}.so*")})


def libraries():
    """What a program that is not started by way of program() must have in its
    environment, to find libraries that are unpacked: for **."""
    folders = [ROOT + folder for folder in library_folders()]
    return {"LD_LIBRARY_PATH": ":".join(folders)} if folders else {}


if os.path.isdir(PROGRAMS):
    os.environ["PATH"] = f"{PROGRAMS}:{os.environ.get('PATH', SYSTEM_PATH)}"
    sys.path.append(f"{ROOT}/usr/lib/python3/dist-packages")
