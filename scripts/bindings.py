#!/usr/bin/env python3
"""Writes from include/twinpool.h what the bindings know of the C interface; with --verify compares only.

    scripts/bindings.py                        writes the two files below
    scripts/bindings.py --verify [LIBRARY]     fails on any difference between the header, the two files,
                                               abi/twinpool.symbols, the library's exports and the compiler's layouts

bindings/python/twinpool/_abi.py             constants, structures, prototypes (ctypes)
bindings/java/.../Natives.java               constants, offsets in structures, native methods (JNA direct mapping)
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / "bindings/python/twinpool/_abi.py"
JAVA = ROOT / "bindings/java/src/main/java/org/twinpool/Natives.java"

# C type: (ctypes, Java, size). Pointers are dealt with in `pointer`.
SCALARS = {
    "int32_t": ("c_int32", "int", 4),
    "uint32_t": ("c_uint32", "int", 4),
    "int64_t": ("c_int64", "long", 8),
    "uint64_t": ("c_uint64", "long", 8),
    "uint8_t": ("c_uint8", "byte", 1),
    "uint16_t": ("c_uint16", "short", 2),
    "size_t": ("c_size_t", "long", 8),
    "double": ("c_double", "double", 8),
    "twin_status": ("c_int32", "int", 4),
}


class Header:
    """The header's constants, structures, callbacks and functions, in its order."""

    def __init__(self, text):
        text = re.sub(r"#if defined\(TWIN_TEST_HOOKS\).*?#endif", "", text, flags=re.S)
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
        self.constants = [(n, int(v)) for n, v in re.findall(r"#define (TWIN_\w+) (-?\d+)\s", text)]
        self.structs = {}
        for body, name in re.findall(r"typedef struct \{(.*?)\} (\w+);", text, flags=re.S):
            self.structs[name] = [self.declaration(f) for f in body.split(";") if f.strip()]
        self.callbacks = {}
        for result, name, args in re.findall(r"typedef (\w+) \(\*(\w+)\)\((.*?)\);", text, flags=re.S):
            self.callbacks[name] = (result, self.arguments(args))
        self.opaque = set(re.findall(r"typedef struct (\w+) \1;", text))
        self.functions = {}
        for whole in re.findall(r"TWIN_API\s+([^;]*?\));", text, flags=re.S):
            found = re.fullmatch(r"(.*?)(twin_\w+)\((.*)\)", " ".join(whole.split()))
            result, name, args = found.groups()
            self.functions[name] = (self.plain(result), self.arguments(args))

    @classmethod
    def arguments(cls, text):
        text = " ".join(text.split())
        return [] if text == "void" else [cls.declaration(a) for a in text.split(",")]

    @classmethod
    def declaration(cls, text):
        """(type, name, length of the array or None)"""
        text = " ".join(text.split())
        found = re.fullmatch(r"(.*?)(\w+)(?:\[(\d+)\])?", text)
        kind, name, length = found.groups()
        return cls.plain(kind), name, int(length) if length else None

    @staticmethod
    def plain(kind):
        return re.sub(r"\bconst\b|\s", "", kind)

    def layout(self, struct):
        """[(field, type, offset, array length)] and the size, by the rules of the x86-64 System V ABI."""
        offset, widest, fields = 0, 1, []
        for kind, name, length in self.structs[struct]:
            size = 8 if kind.endswith("*") else SCALARS[kind][2]
            offset = -(-offset // size) * size
            fields.append((name, kind, offset, length))
            offset += size * (length or 1)
            widest = max(widest, size)
        return fields, -(-offset // widest) * widest


def camel(name):
    return "".join(part.capitalize() for part in name.split("_"))


def ctypes_type(header, kind):
    if kind == "void":
        return "None"
    if not kind.endswith("*"):
        return camel(kind) if kind in header.callbacks else SCALARS[kind][0]
    inner = kind[:-1]
    # A bytes object and a buffer of characters fit c_char_p. What comes back has a length of its own and may hold
    # NULs: an address.
    if inner in ("char", "uint8_t"):
        return "c_char_p"
    if inner in ("void", "char*") or inner in header.opaque:
        return "c_void_p" if inner != "char*" else "POINTER(c_void_p)"
    if inner in header.structs:
        return f"POINTER({camel(inner)})"
    return f"POINTER({ctypes_type(header, inner)})"


def python_text(header):
    out = [
        '"""The C interface as ctypes sees it. Written by scripts/bindings.py from include/twinpool.h."""',
        "",
        "from ctypes import (",
        "    CFUNCTYPE,",
        "    POINTER,",
        "    Structure,",
    ]
    body = [""]
    body += [f"{n} = {v}" for n, v in header.constants]
    for name in header.structs:
        body += ["", "", f"class {camel(name)}(Structure):", "    _fields_ = ["]
        for field, kind, _, length in header.layout(name)[0]:
            # Addresses: reading them through pointer objects would make one for each block.
            text = "c_void_p" if kind.endswith("*") else ctypes_type(header, kind)
            body.append(f'        ("{field}", {text}{f" * {length}" if length else ""}),')
        body.append("    ]")
    body += ["", ""]
    for name, (result, args) in header.callbacks.items():
        types = [ctypes_type(header, result)]
        # Texts come with a length: an address, from which so many bytes are read.
        types += ["c_void_p" if k == "char*" else ctypes_type(header, k) for k, _, _ in args]
        body.append(f"{camel(name)} = CFUNCTYPE({', '.join(types)})")
    body += ["", "# name: (result, arguments)", "PROTOTYPES = {"]
    for name, (result, args) in header.functions.items():
        types = [ctypes_type(header, kind) for kind, _, _ in args]
        types = f"({types[0]},)" if len(types) == 1 else f"({', '.join(types)})"
        body.append(f'    "{name}": ({ctypes_type(header, result)}, {types}),')
    body += ["}", ""]
    used = sorted(set(re.findall(r"\bc_\w+", "\n".join(body))))
    return "\n".join(out + [f"    {name}," for name in used] + [")"] + body)


def java_type(header, kind):
    if kind == "void":
        return "void"
    if kind in header.callbacks:
        return "long"
    if not kind.endswith("*"):
        return SCALARS[kind][1]
    # Texts and buffers are arrays; all else is an address.
    return "byte[]" if kind in ("char*", "uint8_t*", "void*") else "long"


def java_text(header):
    out = [
        "// Written by scripts/bindings.py from include/twinpool.h.",
        "package org.twinpool;",
        "",
        "/**",
        " * The C interface: constants, the places of fields in structures, native methods. Handles, outputs, structures",
        " * and functions are addresses (long); texts and buffers are arrays.",
        " */",
        "final class Natives {",
        "    private Natives() {}",
        "",
    ]
    out += [f"    static final int {n} = {v};" for n, v in header.constants]
    for name in header.structs:
        fields, size = header.layout(name)
        out += ["", f"    static final class {camel(name)} {{", f"        static final int LENGTH = {size};"]
        out += [f"        static final int {f.upper()} = {offset};" for f, _, offset, _ in fields]
        # Where a host wants all of a structure by name.
        if name == "twin_metrics":
            known = [f'"{f} {java_type(header, kind)} {offset}"' for f, kind, offset, _ in fields]
            out += ["        static final String[] FIELDS = {", *(f"            {k}," for k in known), "        };"]
        out += ["", f"        private {camel(name)}() {{}}", "    }"]
    out.append("")
    for name, (result, args) in header.functions.items():
        # `user` is handed back as it is; a borrowed text or buffer that is returned is an address.
        returned = "long" if result.endswith("*") else java_type(header, result)
        parts = [("long" if a == "user" else java_type(header, k)) + " " + a for k, a, _ in args]
        line = f"    static native {returned} {name}({', '.join(parts)});"
        if len(line) > 120:
            line = f"    static native {returned} {name}(\n            {', '.join(parts)});"
        out.append(line)
    out += ["}", ""]
    return "\n".join(out)


def layouts_of_the_compiler(header):
    """Compiles the layouts that were computed here as assertions."""
    lines = ["#include <stddef.h>", "#include <twinpool.h>"]
    for name in header.structs:
        fields, size = header.layout(name)
        lines.append(f'_Static_assert(sizeof({name}) == {size}, "{name}");')
        lines += [f'_Static_assert(offsetof({name}, {f}) == {o}, "{name}.{f}");' for f, _, o, _ in fields]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "layouts.c"
        source.write_text("\n".join(lines) + "\n")
        run = ["cc", "-std=c11", "-fsyntax-only", f"-I{ROOT / 'include'}", str(source)]
        done = subprocess.run(run, capture_output=True, text=True)
        return [] if done.returncode == 0 else [f"layouts: {done.stderr.strip()}"]


def layouts_of_ctypes(header):
    sys.path.insert(0, str(ROOT / "bindings/python"))
    import ctypes

    from twinpool import _abi

    faults = []
    for name in header.structs:
        fields, size = header.layout(name)
        kind = getattr(_abi, camel(name))
        if ctypes.sizeof(kind) != size:
            faults.append(f"{name}: ctypes gives {ctypes.sizeof(kind)} bytes, the header {size}")
        for field, _, offset, _ in fields:
            if getattr(kind, field).offset != offset:
                faults.append(f"{name}.{field}: ctypes has it at {getattr(kind, field).offset}, the header at {offset}")
    return faults


def differences(what, left, right):
    return [f"{what}: {name} is missing" for name in sorted(left - right)] + [
        f"{what}: {name} is too much" for name in sorted(right - left)
    ]


def versions():
    """Library, package and jar have one version."""
    wanted = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), flags=re.M).group(1)
    found = {
        "pyproject.toml": re.search(r'^version = "(.*)"', (ROOT / "bindings/python/pyproject.toml").read_text(), flags=re.M),
        "pom.xml": re.search(r"<version>(.*)</version>", (ROOT / "bindings/java/pom.xml").read_text()),
    }
    return [f"{f}: version {v.group(1)}, Cargo.toml has {wanted}" for f, v in found.items() if v.group(1) != wanted]


def verify(header, library):
    functions = set(header.functions)
    faults = differences("abi/twinpool.symbols", functions, set((ROOT / "abi/twinpool.symbols").read_text().split()))
    nm = subprocess.run(["nm", "-D", "--defined-only", str(library)], capture_output=True, text=True)
    exported = {line.split()[2] for line in nm.stdout.splitlines() if len(line.split()) == 3}
    exported = {name for name in exported if name.startswith("twin_") and not name.startswith("twin_test_")}
    faults += differences(str(library), functions, exported)
    for path, wanted in ((PYTHON, python_text(header)), (JAVA, java_text(header))):
        there = path.read_text() if path.exists() else ""
        if there != wanted:
            left, right = wanted.splitlines(), there.splitlines()
            faults += [f"{path.name}: the header wants {line.strip()!r}" for line in left if line not in right]
            faults += [f"{path.name}: the header knows no {line.strip()!r}" for line in right if line not in left]
            faults += [f"{path.name} is not what scripts/bindings.py writes"]
    return faults + versions() + layouts_of_the_compiler(header) + layouts_of_ctypes(header)


def main(arguments):
    header = Header((ROOT / "include/twinpool.h").read_text())
    if arguments[:1] == ["--verify"]:
        faults = verify(header, Path(arguments[1]) if arguments[1:] else ROOT / "target/debug/libtwinpool.so")
        print("\n".join(faults) if faults else
              f"the header, the library and both bindings agree: {len(header.functions)} functions, "
              f"{len(header.constants)} constants, {len(header.structs)} structures")
        return 1 if faults else 0
    for path, text in ((PYTHON, python_text(header)), (JAVA, java_text(header))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
