#!/usr/bin/env python3
"""Checks that the tests of the CUDA kernels bite: with any one barrier left out, or any one bound wrong, a
test must fail.

  mutate_kernels.py list                    every mutant
  mutate_kernels.py instrument OUT          a copy of src/cuda in OUT whose kernels carry all changed bounds
  mutate_kernels.py check --bin DIR ...     runs the tests in DIR against each mutant

Barriers are sync_block(), sync_warp() and cp_async_wait_group(): the emulator leaves out the one whose place
in the source a flag names, so programs of any build will do (check --barriers). Bounds are the comparisons
(<, <=, >, >=) in kernels, but for loops with a fixed count: the bound of a loop becomes wider by one, any
other one is taken away. All of them are compiled into one instrumented copy, in which a flag chooses one;
build it with AddressSanitizer, which sees a read beyond the end.

A first run of each program records which mutants each test reaches, and where a changed bound made a
difference at all. Then a mutant is run against its own tests, cheapest first, until one fails. What survives
is an error, unless tests/emulator/equivalent_mutants.txt says why no test can notice it.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
EQUIVALENT = "tests/emulator/equivalent_mutants.txt"
BARRIER = re.compile(r"\b(?:sync_block|sync_warp|cp_async_wait_group<[^;]*>)\(\)(?=;)")
COMPARISON = re.compile(r" (<=|>=|<|>) ")
WIDER = {"<=": "- 1 <=", ">": ">=", ">=": "+ 1 >="}  # a <= b: a - 1 <= b
# What a compiler knows: loops over it have a fixed count.
CONSTANT = re.compile(r"(?:[\s\d*/+()-]|\b(?:[A-Z]\w*::)?k[A-Z]\w*|\b(?:N|Ahead|Depth|Rows|Columns|kItems)\b)+$")


@dataclasses.dataclass
class Mutant:
    name: str  # what --mutant= takes
    file: str  # from src/ on
    line: int
    what: str  # its text, unique in the file
    begin: int = 0  # bounds: where the condition stands, and what takes its place
    end: int = 0
    changed: str = ""

    @property
    def place(self):
        return f"{self.file}:{self.line}"


def kernel_files():
    cuda = ROOT / "src/cuda"
    return sorted([*cuda.rglob("*.cuh"), *cuda.glob("device/*.h")])


def without_comments(text):
    """The same length, so that places stay."""
    return re.sub(r"//[^\n]*|^#[^\n]*", lambda found: " " * len(found[0]), text, flags=re.M)


def operand_begin(text, at):
    """Where the operand that ends before `at` begins."""
    depth = 0
    while at > 0:
        c, before = text[at - 1], text[at - 2]
        if c in ")]}":
            depth += 1
        elif c in "([{":
            if depth == 0:
                return at
            depth -= 1
        elif depth == 0:
            if c in ";,?" or text[at - 2 : at] in ("&&", "||") or (c == ":" and before != ":" and text[at] != ":"):
                return at
            if c == "=" and before not in "=!<>" and text[at] != "=":
                return at
            if text[at - 7 : at] == "return ":
                return at
        at -= 1
    return at


def operand_end(text, at):
    depth = 0
    while at < len(text):
        c = text[at]
        if c in "([{":
            depth += 1
        elif c in ")]}":
            if depth == 0:
                return at
            depth -= 1
        elif depth == 0 and (c in ";,?" or text[at : at + 2] in ("&&", "||") or text[at : at + 3] == " : "):
            return at
        at += 1
    return at


def bounds_of(file, text):
    for found in COMPARISON.finditer(text):
        statement = text[max(text.rfind(c, 0, found.start()) for c in ";{}") + 1 : found.start()]
        if re.search(r"\b(?:constexpr|static_assert|alignas|template)\b", statement):
            continue
        begin = operand_begin(text, found.start())
        end = operand_end(text, found.end())
        begin += len(text[begin:]) - len(text[begin:].lstrip())
        left, operator, right = text[begin : found.start()], found[1], text[found.end() : end].rstrip()
        # "for (a; condition; c)": the statement before the condition is "for (a"; "while (" opens its own.
        before = text[:begin]
        head = before[max(before.rfind("\n", 0, before.rfind(";")), before.rfind("}")) + 1 :]
        in_for = re.search(r"\bfor \([^;{}]*;[^;]*$", head) is not None
        in_while = re.search(r"\bwhile \([^;{}]*$", head) is not None
        if in_for and CONSTANT.match(right) and re.search(r"= [01k]\w*( - 1)?;[^;]*$|= kWarpThreads / 2;", head):
            continue
        if in_for or in_while:
            # Keys have < alone.
            changed = f"!({right} < {left})" if operator == "<" else f"{left} {WIDER[operator]} {right}"
        elif re.match(r"\s*&&", text[end:]) or re.search(r"&&\s*$", before):
            changed = "true"
        elif right == "0":  # an index that says whether there is one
            changed = "true" if operator[0] == ">" else "false"
        else:
            changed = "true" if operator[0] == "<" else "false"
        yield Mutant(
            "",
            file,
            text.count("\n", 0, found.start()) + 1,
            " ".join(f"{left} {operator} {right}".split()),
            begin,
            begin + len(text[begin:end].rstrip()),
            changed,
        )


def find_mutants():
    mutants, bounds = [], 0
    for path in kernel_files():
        file = str(path.relative_to(ROOT / "src"))
        text = without_comments(path.read_text())
        found = []
        if file != "cuda/device/kernel.h":  # which says what barriers are
            for barrier in BARRIER.finditer(text):
                line = text.count("\n", 0, barrier.start()) + 1
                found.append(Mutant(f"{file}:{line}", file, line, barrier[0]))
        for mutant in bounds_of(file, text):
            mutant.name = str(bounds)
            bounds += 1
            found.append(mutant)
        seen = collections.Counter()
        for mutant in sorted(found, key=lambda mutant: mutant.line):
            seen[mutant.what] += 1
            if seen[mutant.what] > 1:
                mutant.what += f" #{seen[mutant.what]}"
            mutants.append(mutant)
    return mutants


def instrumented(text, mutants):
    for mutant in sorted(mutants, key=lambda mutant: mutant.begin, reverse=True):
        kept = text[mutant.begin : mutant.end]
        # Line breaks stay what they are, so that lines of barriers do.
        changed = " ".join(mutant.changed.split())
        text = f"{text[: mutant.begin]}::gavotte::emulator::bound({mutant.name}, {kept}, {changed}){text[mutant.end :]}"
    head, rest = text.split("\n", 1)  # the first line of a file is a comment
    return f'#include "mutation.h" {head}\n{rest}' if mutants else text


def instrument(out):
    """Files that stay the same are not touched, so that a second build is short."""
    by_file = collections.defaultdict(list)
    for mutant in find_mutants():
        if mutant.changed:
            by_file[mutant.file].append(mutant)
    for source in sorted((ROOT / "src/cuda").rglob("*.*")):
        name = str(source.relative_to(ROOT / "src"))
        target = out / name
        content = instrumented(source.read_text(), by_file[name])
        if not target.is_file() or target.read_text() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)


@dataclasses.dataclass
class Test:
    program: pathlib.Path
    name: str
    seconds: float
    reaches: set


def environment():
    # A fake stack for each fiber would take many times as long as the test.
    return os.environ | {"ASAN_OPTIONS": "detect_stack_use_after_return=0:detect_leaks=0:abort_on_error=0"}


def record(program, folder, test_filter):
    file = pathlib.Path(folder) / program.name
    run = subprocess.run(
        [program, f"--record-mutants={file}", "--gtest_brief=1", f"--gtest_filter={test_filter}"],
        capture_output=True,
        text=True,
        env=environment(),
    )
    if run.returncode != 0:
        sys.exit(f"{program.name} fails without any mutant:\n{run.stdout[-3000:]}{run.stderr[-3000:]}")
    tests = []
    for line in file.read_text().splitlines():
        name, milliseconds, *reaches = line.split()
        tests.append(Test(program, name, float(milliseconds) / 1000, set(reaches)))
    return tests


def find_killer(mutant, tests, most_seconds, explained):
    """The run that fails with this mutant, in words, or None; and whether any test reaches it. A run without an
    end fails; an explained mutant may only repeat work that the kernel spares, and ends the search."""
    orders = (
        [[], ["--block-order=7"]]
        if mutant.changed
        else [[f"--thread-order={order}"] for order in ("descending", 1, 2, 3, "ascending")]
    )
    reaching = sorted((test for test in tests if mutant.name in test.reaches), key=lambda test: test.seconds)
    begin = time.monotonic()
    for test in reaching:
        if time.monotonic() - begin + test.seconds > most_seconds:
            return None, f"no test of the first {most_seconds:g} s fails"
        limit = 5 + 20 * test.seconds
        for order in orders:
            command = [test.program, f"--mutant={mutant.name}", f"--gtest_filter={test.name}", *order]
            try:
                failed = (
                    subprocess.run(
                        command,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        env=environment(),
                        timeout=min(limit, most_seconds) if explained else limit,
                    ).returncode
                    != 0
                )
            except subprocess.TimeoutExpired:
                if explained:
                    return None, "it takes too long"
                failed = True
            if failed:
                return " ".join([test.program.name, test.name, *order]), ""
    if not reaching:
        return None, "no test reaches it" if not mutant.changed else "no test where it makes a difference"
    return None, f"none of {len(reaching)} tests fails"


def read_equivalent():
    reasons = {}
    for line in (ROOT / EQUIVALENT).read_text().splitlines():
        if line and not line.startswith("#"):
            file, what, reason = (part.strip() for part in line.split("|", 2) if part)
            reasons[file, what] = reason
    return reasons


def check(arguments):
    begin = time.monotonic()
    programs = [arguments.bin / name for name in arguments.programs] or sorted(arguments.bin.glob("*_test"))
    mutants = [
        mutant
        for mutant in find_mutants()
        if not (arguments.barriers and mutant.changed) and arguments.only in mutant.place
    ]
    reasons = read_equivalent()
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool, tempfile.TemporaryDirectory() as folder:
        recorded = pool.map(lambda program: record(program, folder, arguments.filter), programs)
        tests = [test for of_program in recorded for test in of_program]
        print(f"{len(mutants)} mutants, {len(tests)} tests recorded in {time.monotonic() - begin:.0f} s", flush=True)
        results = pool.map(
            lambda mutant: find_killer(mutant, tests, arguments.most_seconds, (mutant.file, mutant.what) in reasons),
            mutants,
        )
        counts, wrong = collections.Counter(), []
        for number, (mutant, (killer, why)) in enumerate(zip(mutants, results, strict=True), 1):
            reason = reasons.get((mutant.file, mutant.what))
            verdict = "killed" if killer else "explained" if reason else "SURVIVED"
            if killer and reason:
                wrong.append(f"{mutant.place}: {mutant.what}: listed in {EQUIVALENT}, but killed by {killer}")
            if verdict == "SURVIVED":
                wrong.append(f"{mutant.place}: {mutant.what}: {why}")
            counts[verdict] += 1
            print(
                f"[{number}/{len(mutants)}] {verdict:9} {mutant.place}: {mutant.what}: {killer or reason or why}",
                flush=True,
            )
    known = {(mutant.file, mutant.what) for mutant in find_mutants()}
    wrong += [f"{EQUIVALENT}: no such mutant: {file}: {what}" for file, what in reasons if (file, what) not in known]
    print(
        ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())),
        f"in {time.monotonic() - begin:.0f} s",
    )
    if wrong:
        sys.exit("\n".join(wrong))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    commands.add_parser("instrument").add_argument("out", type=pathlib.Path)
    checking = commands.add_parser("check")
    checking.add_argument("--bin", type=pathlib.Path, required=True, help="where the test programs lie")
    checking.add_argument("--barriers", action="store_true", help="barriers only")
    checking.add_argument("--only", default="", help="mutants whose FILE:LINE contains this")
    checking.add_argument("--filter", default="*", help="tests, as GoogleTest's filter")
    checking.add_argument("--jobs", type=int, default=os.cpu_count())
    checking.add_argument("--most-seconds", type=float, default=60, help="for one mutant")
    checking.add_argument("programs", nargs="*", help="all in the folder if none")
    arguments = parser.parse_args()
    if arguments.command == "list":
        for mutant in find_mutants():
            print(
                f"{mutant.place}: {mutant.what}"
                + (f"  ->  {' '.join(mutant.changed.split())}" if mutant.changed else "")
            )
    elif arguments.command == "instrument":
        instrument(arguments.out)
    else:
        check(arguments)


if __name__ == "__main__":
    main()
