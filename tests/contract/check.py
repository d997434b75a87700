#!/usr/bin/env python3
"""Which test holds which rule of the contracts.

    tests/contract/check.py [ROOT]
    tests/contract/check.py --self-test

Reads the tables tests/contract/*.tsv and looks for their ids in the tests. Prints id -> tests. Exit
code 1 where a rule of P0 or P1 has neither test nor reason, where a test names an id that no table
has, and where a reason is given although there is a test. Only python3's minimal standard library
is used.
"""

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

HEADER = ["id", "priority", "rule", "reason"]
PRIORITIES = ("P0", "P1", "P2", "NA")
MUST_BE_TESTED = ("P0", "P1")
# Tables that are still being filled: a rule that lacks its test there is printed and fails nothing.
# Empty means that every table is complete.
UNFINISHED = ()
NO_TEST = "has neither test nor reason"
SUFFIXES = (".cpp", ".py", ".sh")
# What is no test of ours although it stands under tests/.
SKIPPED = ("build", "contract", "corpus", "golden", "layering", "package", "support")

ID = re.compile(r"(?<![A-Za-z0-9])([A-Z])([1-9][0-9]{0,2})(?![A-Za-z0-9])")
CPP_TEST = re.compile(r"^\s*TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\s*\)")
INSTANTIATION = re.compile(r"^\s*INSTANTIATE_TEST_SUITE_P\(\s*(\w*)(?:,\s*(\w+))?")
PY_TEST = re.compile(r"^\s*(?:async\s+)?def (test\w*|check_\w+|case_\w+)|^\s*class (\w*Test\w*)")
COMMENT = re.compile(r"^\s*(?://|#(?!!|\s*include))(.*)$")
# "A10_Gone" as the name of a row of a TEST_P
ROW_NAME = re.compile(r'"((?:[A-Z][1-9][0-9]{0,2}_)+\w+)"')


class Row(NamedTuple):
    priority: str
    rule: str
    reason: str
    where: str


class Use(NamedTuple):
    id: str
    test: str
    where: str


def read_table(name, text, rows):
    """Adds the rows of one table; yields what is wrong with it."""
    lines = text.splitlines()
    if not lines or lines[0].split("\t") != HEADER:
        yield f"{name}:1: the first line is not: {' TAB '.join(HEADER)}"
        return
    for number, line in enumerate(lines[1:], 2):
        where = f"{name}:{number}"
        fields = line.split("\t")
        if len(fields) == 3:
            fields.append("")
        if len(fields) != 4 or not fields[2].strip():
            yield f"{where}: a row is id, priority, rule and, where there is one, a reason"
        elif not ID.fullmatch(fields[0]):
            yield f"{where}: {fields[0]} is no id"
        elif fields[1] not in PRIORITIES:
            yield f"{where}: {fields[1]} is none of {', '.join(PRIORITIES)}"
        elif fields[0] in rows:
            yield f"{where}: {fields[0]} stands in {rows[fields[0]].where} already"
        else:
            rows[fields[0]] = Row(fields[1], fields[2], fields[3].strip(), where)


def ids_of(text):
    """Ids as whole words; "_" ends one, so that test names count."""
    return [letter + number for letter, number in ID.findall(text.replace("_", " "))]


def test_at(line):
    """The name of the test that begins in this line, or None."""
    if found := CPP_TEST.match(line):
        return f"{found[1]}.{found[2]}"
    if found := INSTANTIATION.match(line):
        return f"{found[2]}/{found[1]}" if found[2] else found[1]
    if found := PY_TEST.match(line):
        return found[1] or found[2]
    return None


def uses_of(path, text):
    """The ids in a test's name, in the comment right above it, and in names of a TEST_P's rows.

    A test program in shell has no names: there each comment counts.
    """
    comment = []
    wrapped = ""
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{path}:{number}"
        if wrapped:  # INSTANTIATE_TEST_SUITE_P( or TEST( whose names stand in the next line
            line, wrapped = wrapped + line.strip(), ""
        elif re.match(r"\s*(?:TEST(?:_[FP])?|INSTANTIATE_TEST_SUITE_P)\((?:\s*\w+,)?\s*$", line):
            wrapped = line.rstrip()
            continue
        if found := COMMENT.match(line):
            comment += ids_of(found[1])
            if path.endswith(".sh"):
                yield from (Use(id, Path(path).name, where) for id in ids_of(found[1]))
            continue
        if name := test_at(line):
            yield from (Use(id, name, where) for id in dict.fromkeys(comment + ids_of(name)))
        else:
            for row in ROW_NAME.findall(line):
                leading = re.match(r"(?:[A-Z][1-9][0-9]{0,2}_)+", row)[0]
                yield from (Use(id, row, where) for id in ids_of(leading))
        if line.strip() and not line.lstrip().startswith("@"):
            comment = []


def read_tests(root):
    for folder, folders, names in os.walk(root / "tests"):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in SKIPPED)
        for name in sorted(names):
            if name.endswith(SUFFIXES):
                path = Path(folder, name)
                yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def compare(rows, uses):
    """What is wrong between the tables and the tests. Families that no table has are another's."""
    families = {id[0] for id in rows}
    tested = {use.id for use in uses}
    for use in uses:
        if use.id[0] in families and use.id not in rows:
            yield f"{use.where}: {use.test}: no table has {use.id}"
    for id, row in rows.items():
        if id in tested and row.reason:
            yield f"{row.where}: {id} has tests: strike its reason"
        if id not in tested and not row.reason and row.priority in MUST_BE_TESTED:
            yield f"{row.where}: {id} {NO_TEST}: {row.rule}"


def is_open(fault):
    """Whether it says that a rule of a table that is not finished has no test."""
    return NO_TEST in fault and Path(fault.split(":")[0]).name in UNFINISHED


def self_test():
    rows = {}
    head = "\t".join(HEADER) + "\n"
    wrong = list(read_table("t", head + "A1\tP0\tone\nA2\tP1\ttwo\tnot built\nA3\tP2\tthree\n", rows))
    assert not wrong and list(rows) == ["A1", "A2", "A3"], wrong
    assert list(read_table("t", head + "A1\tP0\tagain\nA4\tP7\tno\nq\tP0\tno\nA5\tP0\n", {**rows}))
    assert len(list(read_table("t", head + "A1\tP0\tagain\nA4\tP7\tno\nq\tP0\tno\nA5\tP0\n",
                               {**rows}))) == 4
    text = ("// A1: why\nTEST(X, A2_Does) {\n  // A3 is in a body\n}\nTEST_F(X,\n       A9_Wraps) {\n"
            'Case{"A7_Gone", 1},\nTEST(X, XA8_NotAWord) {\n// A4\n\nint a;\nTEST(X, Y) {\n')
    assert [use.id for use in uses_of("x.cpp", text)] == ["A1", "A2", "A9", "A7"], [
        *uses_of("x.cpp", text)]
    assert [use.id for use in uses_of("x.py", "# A5\n@slow\ndef test_A6_b():\n")] == ["A5", "A6"]

    def faults(*ids):
        return [fault.split(": ", 1)[1] for fault in compare(rows, [Use(i, "T", "w") for i in ids])]
    assert faults("A1", "S4") == []
    assert faults() == ["A1 has neither test nor reason: one"]
    assert faults("A1", "A2") == ["A2 has tests: strike its reason"]
    assert faults("A1", "A99") == ["T: no table has A99"]
    assert is_open("tests/contract/service.tsv:3: E1 " + NO_TEST) == bool(UNFINISHED)
    assert not is_open("tests/contract/watch.tsv:3: A1 " + NO_TEST)
    assert not is_open("tests/contract/service.tsv:3: E1 has tests: strike its reason")
    print("contract self-test: good")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    rows, faults = {}, []
    tables = sorted((root / "tests/contract").glob("*.tsv"))
    for table in tables:
        faults += read_table(table.relative_to(root).as_posix(), table.read_text("utf-8"), rows)
    if not rows:
        faults.append(f"{root}: there are no tables here")
    uses = [use for path, text in read_tests(root) for use in uses_of(path, text)]
    for id, row in rows.items():
        tests = list(dict.fromkeys(use.test for use in uses if use.id == id))
        print(f"{id} {row.priority}: {', '.join(tests) or row.reason or '-'}")
    faults += compare(rows, uses)
    open_rules = [fault for fault in faults if is_open(fault)]
    faults = [fault for fault in faults if not is_open(fault)]
    for fault in open_rules + faults:
        print(fault)
    rest = f", {len(open_rules)} rules of {', '.join(UNFINISHED)} without test" if open_rules else ""
    print((f"contract: {len(faults)} faults" if faults else "contract: good") + rest)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
