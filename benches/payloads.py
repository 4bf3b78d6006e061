"""Benchmark payloads, made from what every machine has: seeded noise and the real ELF files of this machine.

| name | what                                                                        | bytes   |
|------|-----------------------------------------------------------------------------|---------|
| p1   | 38 MB program, 500 MB of shared libraries, 1.93 GB quantised model, config  | 2.47 GB |
| p1s  | the same with a model of 30 MB and 240 MB of libraries                      | 308 MB  |
| p2   | 5,000 small text and source files in 350 directories                        | <= 98 MB |
| p3   | one program of 10 MB                                                        | 10 MB   |

The model has the entropy of a Q4_K_M file: zstd -3 takes about 1.4 % off it. Everything else is real code and text, so ratios
between tools carry over; absolute sizes depend on the machine.
"""

import os
import random
import shutil
import subprocess
from pathlib import Path

MB = 1000 * 1000
TIME = 1700000000

# A byte table in which 14 % of the values stand in for others: 7.9 bits of entropy a byte, like packed 4-bit weights.
SKEW = bytes(value if value % 7 else value // 2 for value in range(256))


def elf_files():
    """Real ELF files of this machine, large ones first, each content once."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True).stdout.strip()
    seen = set()
    for top in [f"{sysroot}/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/bin"]:
        found = []
        for folder, dirs, names in os.walk(top):
            dirs.sort()
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.islink(path) and os.path.isfile(path) and os.path.getsize(path) >= 300_000:
                    found.append((-os.path.getsize(path), path))
        for size, path in sorted(found):
            with open(path, "rb") as file:
                head = file.read(4096)
            if head[:4] == b"\x7fELF" and (size, head) not in seen:
                seen.add((size, head))
                yield path


def cut(pool, dest, size, mode=0o755):
    """A small program, so that the file is whole ELF, then larger ELF files one after the other, cut to a size."""
    dest.parent.mkdir(parents=True, exist_ok=True)
    head = Path(shutil.which("true")).read_bytes()
    left = size - len(head)
    with open(dest, "wb") as out:
        out.write(head)
        while left:
            try:
                path = next(pool)
            except StopIteration:
                raise SystemExit("this machine has too few ELF files for the payload; install more of them") from None
            with open(path, "rb") as file:
                while left and (block := file.read(min(left, MB))):
                    out.write(block)
                    left -= len(block)
    dest.chmod(mode)


def model(dest, size, seed=1):
    """Noise with a compressible head, as a GGUF has."""
    dest.parent.mkdir(parents=True, exist_ok=True)
    noise = random.Random(seed)
    head = b"".join(b"token_%06d\0" % n for n in range(min(400_000, size // 64)))
    with open(dest, "wb") as out:
        out.write(b"GGUF" + head)
        left = size - out.tell()
        while left:
            block = noise.randbytes(min(left, 4 * MB)).translate(SKEW)
            out.write(block)
            left -= len(block)


def bundle(pool, root, program, libraries, weights):
    """A program, its runtime and its model."""
    cut(pool, root / "usr/bin/novahub", program)
    for n, size in enumerate(libraries):
        cut(pool, root / f"usr/lib/novahub/lib{n:02d}.so", size, 0o644)
    model(root / "usr/share/novahub/models/qwen.gguf", weights)
    config = root / "etc/novahub/novahub.toml"
    config.parent.mkdir(parents=True)
    config.write_text('listen = "127.0.0.1:11435"\n')


def small_files(root, count=5000, total=98 * MB):
    """Real text of this machine: sources, headers, documentation."""
    tops = ["/usr/include", "/usr/share/doc", "/usr/share/perl", "/usr/lib/python3", os.path.expanduser("~/.cargo/registry/src")]
    taken = size = 0
    for top in tops:
        for folder, dirs, names in os.walk(top):
            dirs.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.path.islink(path) or not os.path.isfile(path) or not 200 < os.path.getsize(path) < 200_000:
                    continue
                if size + os.path.getsize(path) > total:
                    continue
                dest = root / f"usr/share/novahub/data/d{taken % 50:02d}/s{taken % 7}/{taken:04d}-{name.replace(' ', '_')}"
                dest.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, dest)
                dest.chmod(0o644)
                taken, size = taken + 1, size + os.path.getsize(path)
                if taken == count:
                    return


def make(out, names):
    """Makes the payloads that are not there yet below `out`."""
    for name in names:
        root = out / name
        if root.exists():
            continue
        part = out / f"{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        pool = elf_files()
        if name == "p1":
            bundle(pool, part, 38 * MB, [50 * MB] * 10, 1_929_861_312)
        elif name == "p1s":
            bundle(pool, part, 38 * MB, [60 * MB] * 4, 30 * MB)
        elif name == "p2":
            small_files(part)
        elif name == "p3":
            cut(pool, part / "usr/bin/tool", 10 * MB)
        else:
            raise SystemExit(f"no such payload: {name}")
        for folder, _, files in os.walk(part, topdown=False):
            for path in [os.path.join(folder, file) for file in files] + [folder]:
                os.utime(path, (TIME, TIME))
        part.rename(root)
