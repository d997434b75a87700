#!/usr/bin/env python3
"""Who may include whom, and which outside headers may appear where.

    tests/layering/check_includes.py [ROOT]

Reads every #include of the tree and every CMakeLists.txt, and compares them with the tables below.
Each offence is printed as file:line: what is wrong; exit code 1 if there is one. Only python3's
minimal standard library is used.
"""

import os
import re
import sys
from pathlib import Path, PurePosixPath
from typing import NamedTuple

# Folder -> the folders that it may include besides itself, in the order of the data flow: a folder
# may only name folders above it. The longest folder that contains a file is the file's.
LAYERS = {
    "base": (),
    "base/async": ("base",),
    "base/document": ("base",),
    "config": ("base", "base/document"),
    "watcher/model": ("base", "base/document"),
    "watcher": ("base", "base/async", "base/document", "watcher/model"),
    "balancer": ("base", "watcher/model"),
    "proxy/transparent": ("base",),
    "proxy/proxy_protocol": ("base", "balancer"),
    "proxy/tcp": ("base", "base/async", "balancer", "proxy/transparent", "proxy/proxy_protocol"),
    "proxy/udp": ("base", "base/async", "balancer", "proxy/proxy_protocol"),
    "proxy/bpf": ("base", "balancer"),
    "proxy/steer": ("base", "base/async", "base/document", "watcher/model", "balancer", "proxy/bpf"),
    "proxy/http": ("base", "base/async"),
    "proxy/health": ("base", "base/async", "watcher/model", "balancer", "proxy/http"),
    "proxy/admin": ("base", "base/async", "base/document", "watcher/model", "balancer",
                    "proxy/http"),
    "proxy/app": ("base", "base/async", "base/document", "config", "watcher/model", "watcher",
                  "balancer", "proxy/transparent", "proxy/proxy_protocol", "proxy/tcp", "proxy/udp", "proxy/bpf", "proxy/steer",
                  "proxy/http", "proxy/health",
                  "proxy/admin"),
    "proxy": ("base", "config", "proxy/app"),
    "bench/load": ("base", "base/async"),
    "bench/micro": ("base", "base/async", "base/document", "watcher/model", "watcher", "balancer",
                    "proxy/bpf"),
    "tests/support": ("base", "base/async", "watcher/model", "proxy/admin"),
    # What looks at the wherry binary from outside knows its admin surface and no more.
    "tests/integration": ("base", "base/async", "proxy/admin", "tests/support"),
    "tests/soak": ("base", "base/async", "proxy/admin", "tests/support"),
    "tests/node": ("base",),
    "tests/fuzz": ("base", "base/document", "config", "watcher/model", "watcher", "balancer",
                   "proxy/proxy_protocol"),
    # One test executable each.
    "tests/base": ("base", "base/async", "base/document", "tests/support"),
    "tests/config": ("base", "base/document", "config", "tests/support"),
    "tests/watcher": ("base", "base/async", "base/document", "watcher/model", "watcher",
                      "tests/support"),
    "tests/balancer": ("base", "watcher/model", "balancer", "tests/support"),
    "tests/balancer/model": ("base", "base/document", "watcher/model", "balancer", "proxy/health",
                             "tests/support", "tests/balancer"),
    "tests/proxy/proxy_protocol": ("base", "balancer", "proxy/proxy_protocol", "tests/support"),
    "tests/proxy/tcp": ("base", "base/async", "balancer", "proxy/transparent", "proxy/proxy_protocol", "proxy/tcp", "tests/support",
                        "tests/balancer"),
    "tests/proxy/udp": ("base", "base/async", "balancer", "proxy/proxy_protocol", "proxy/udp", "tests/support",
                        "tests/balancer"),
    "tests/proxy/bpf": ("base", "balancer", "proxy/bpf", "tests/support"),
    "tests/proxy/steer": ("base", "base/async", "watcher/model", "balancer", "proxy/transparent", "proxy/bpf",
                          "proxy/steer", "tests/support", "tests/balancer"),
    "tests/proxy/http": ("base", "base/async", "proxy/http", "tests/support"),
    "tests/proxy/health": ("base", "base/async", "watcher/model", "balancer", "proxy/http",
                           "proxy/health", "tests/support", "tests/balancer"),
    "tests/proxy/admin": ("base", "base/async", "base/document", "watcher/model", "balancer",
                          "proxy/http", "proxy/admin", "tests/support", "tests/balancer"),
    "tests/proxy/app": ("base", "base/async", "base/document", "config", "watcher/model", "watcher",
                        "balancer", "proxy/transparent", "proxy/tcp", "proxy/udp", "proxy/steer",
                        "proxy/http", "proxy/health", "proxy/admin", "proxy/app",
                        "tests/support", "tests/balancer"),
}

# CMake target -> its folder.
TARGETS = {
    "base": "base",
    "async": "base/async",
    "document": "base/document",
    "config": "config",
    "model": "watcher/model",
    "watcher": "watcher",
    "balancer": "balancer",
    "transparent": "proxy/transparent",
    "proxy_protocol": "proxy/proxy_protocol",
    "tcp": "proxy/tcp",
    "udp": "proxy/udp",
    "bpf": "proxy/bpf",
    "steer": "proxy/steer",
    "http": "proxy/http",
    "health": "proxy/health",
    "admin": "proxy/admin",
    "app": "proxy/app",
    "test_support": "tests/support",
    "process_support": "tests/support",
    "tls_support": "tests/support",
    "balancer_model": "tests/balancer/model",
}

ANYWHERE = tuple(LAYERS)
TESTS = tuple(f for f in LAYERS if f.startswith("tests/"))
ASIO = ("base/async", "watcher", "proxy/tcp", "proxy/udp", "proxy/steer", "proxy/http", "proxy/health", "proxy/admin", "proxy/app",
        "bench/load", *TESTS)
JSON = ("base/document", "config", "watcher/model", "watcher", "proxy/steer", "proxy/admin", "proxy/app", *TESTS)
SOCKETS = ("base", "proxy/transparent", "proxy/tcp", "proxy/udp", "proxy/bpf", "proxy/steer", "proxy/admin", "proxy/app", "bench/load",
           "bench/micro", *TESTS)
FILES = ("base", "base/async", "config", "watcher", "proxy/bpf", "proxy/steer", "proxy/admin", "proxy/app",
         *TESTS)


class Outside(NamedTuple):
    """Headers from elsewhere: which, in which folders, and whether in headers of ours too."""

    pattern: str
    folders: tuple
    only_in_cpp: bool = False


# The first line that matches a header counts. One that no line matches is an offence: a new
# dependency is a decision, and this is the place to write it down.
OUTSIDE = [Outside(*line) for line in (
    (r"boost/(system/.*|throw_exception\.hpp)", ANYWHERE),
    (r"boost/(container|intrusive)/.*", ("watcher/model", "balancer", "proxy/tcp", "proxy/udp")),
    (r"boost/asio/impl/src\.hpp", ("base/async",), True),
    (r"boost/asio/(detached|experimental/.*)\.hpp", ("bench/load",), True),
    (r"boost/asio\.hpp", ()),  # the whole of Asio costs seconds per file
    (r"boost/asio/.*", ASIO),
    (r"boost/beast/.*", ("watcher", "proxy/http", "proxy/admin", "tests/integration"), True),
    (r"boost/url/.*", ("watcher", "proxy/admin"), True),
    (r"openssl/.*", ("watcher", "tests/support", "tests/watcher"), True),
    (r"zlib\.h", ("watcher", "tests/watcher"), True),
    # What a header needs to say Value, Array or Object; parsers and printers stay in .cpp files.
    (r"boost/json/(array|fwd|object|string|value)\.hpp", JSON),
    (r"boost/json/.*", JSON, True),
    (r"yaml\.h", ("base/document",), True),
    (r"CLI/.*", ("config",), True),
    (r"prometheus/.*", ("proxy/admin",), True),
    (r"bpf/.*|(return|steer)\.skel\.h", ("proxy/bpf", "bench/micro", "tests/proxy/bpf"), True),  # libbpf, and what bpftool makes
    (r"(spdlog|fmt)/.*", ("base",), True),
    (r"(gtest|gmock)/.*", TESTS),
    (r"benchmark/.*", ("bench/micro",), True),
    (r"(sys/(epoll|socket|un)|net/.*|netinet/.*|arpa/.*|linux/.*|ifaddrs|netdb)(\.h)?", SOCKETS),
    (r"(dirent|fcntl|poll|pthread|sched|signal|spawn|unistd|sys/[a-z]+)\.h", FILES),
    (r"malloc\.h", TESTS),
    (r"[a-z_]+", ANYWHERE),  # the standard library
)]

# In headers of ours against the rule above, and why.
HEAVY_IN_HEADER = {
    ("base/document/json_events.h", "boost/json/basic_parser.hpp"): "private to base/document",
    ("base/document/json_events.h", "boost/json/error.hpp"): "likewise",
    ("base/document/yaml_events.h", "yaml.h"): "private to base/document: a wrapper of libyaml",
    ("tests/watcher/api/fake_collection.h", "boost/json/serialize.hpp"): "what fakes are made of",
    ("tests/watcher/api/gzip_of.h", "zlib.h"): "likewise",
    ("tests/base/document/reading.h", "boost/json/parse.hpp"): "what all its tests compare with",
    ("tests/base/document/reading.h", "boost/json/serialize.hpp"): "likewise",
}

# CMake target of an outside package -> the headers that it stands for.
PACKAGES = {
    "Boost::headers": r"boost/(?!json/).*",
    "Boost::json": r"boost/json/.*",
    "Boost::url": r"boost/url/.*",
    "OpenSSL::SSL": r"openssl/.*",
    "ZLIB::ZLIB": r"zlib\.h",
    "CLI11::CLI11": r"CLI/.*",
    "PkgConfig::LIBYAML": r"yaml\.h",
    "PkgConfig::LIBBPF": r"bpf/.*",
    "prometheus-cpp::core": r"prometheus/.*",
    "spdlog::spdlog": r"(spdlog|fmt)/.*",
    "benchmark::benchmark_main": r"benchmark/.*",
    "GTest::gtest": r"gtest/.*",
    "GTest::gmock": r"gmock/.*",
    "GTest::gtest_main": r"gtest/.*",
    "Threads::Threads": r"pthread\.h",
}

LIBRARY_KEYWORDS = ("SOURCES", "HEADERS", "DEPENDS", "PRIVATE_DEPENDS", "LABEL")
INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


class Include(NamedTuple):
    file: str
    line: int
    header: str
    ours: bool


class Link(NamedTuple):
    file: str
    line: int
    folder: str
    target: str
    public: bool


def folder_of(path):
    """The folder of LAYERS that a file belongs to, or None."""
    for parent in PurePosixPath(path).parents:
        if str(parent) in LAYERS:
            return str(parent)
    return None


def read_tree(root):
    """Relative path -> text of each source file and CMakeLists.txt."""
    texts = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in
                            ("build", "corpus", "golden"))
        for name in sorted(names):
            if name.endswith((".h", ".cpp", ".hpp", ".cc")) or name == "CMakeLists.txt":
                path = Path(folder, name)
                texts[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
    return texts


def includes_of(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield Include(path, number, found[1] or found[2], found[1] is not None)


def check_ours(include, texts):
    where = f"{include.file}:{include.line}"
    if include.header not in texts:
        yield f'{where}: there is no "{include.header}" (paths are written from the root)'
        return
    here, there = folder_of(include.file), folder_of(include.header)
    if there is not None and there != here and there not in LAYERS[here]:
        yield f"{where}: {here} may not include {there}"


def check_outside(include, used_exceptions):
    where = f"{include.file}:{include.line}"
    for rule in OUTSIDE:
        if not re.fullmatch(rule.pattern, include.header):
            continue
        here = folder_of(include.file)
        if here not in rule.folders:
            yield f"{where}: {here} may not include <{include.header}>"
        elif rule.only_in_cpp and include.file.endswith(".h"):
            if (include.file, include.header) in HEAVY_IN_HEADER:
                used_exceptions.add((include.file, include.header))
            else:
                yield f"{where}: <{include.header}> is for .cpp files only: hide it behind a type"
        return
    yield f"{where}: <{include.header}> stands in no line of OUTSIDE in check_includes.py"


def commands_of(text):
    """(line, name, words) of each command in a CMakeLists.txt."""
    text = re.sub(r"#[^\n]*", "", text)
    for found in re.finditer(r"\b([a-z_]+)\s*\(([^()]*)\)", text):
        yield text.count("\n", 0, found.start()) + 1, found[1], found[2].split()


def by_keyword(words, keywords):
    """[first, A, b, c, D, e] -> {"A": [b, c], "D": [e]}; what stands before is under ""."""
    groups, at = {"": []}, ""
    for word in words:
        if word in keywords:
            at = word
        groups.setdefault(at, [])
        if word != at:
            groups[at].append(word)
    return groups


def links_of(path, text):
    for line, command, words in commands_of(text):
        # tests/CMakeLists.txt makes the libraries of tests/support
        here = folder_of(path) or folder_of(str(PurePosixPath(path).parent / "support/x"))
        if here is None:
            continue
        if command in ("wherry_library", "wherry_test", "wherry_fuzz"):
            groups = by_keyword(words, LIBRARY_KEYWORDS)
            public, private = groups.get("DEPENDS", []), groups.get("PRIVATE_DEPENDS", [])
        elif command == "target_link_libraries":
            groups = by_keyword(words, ("PUBLIC", "PRIVATE", "INTERFACE"))
            public, private = groups.get("PUBLIC", []), groups.get("PRIVATE", [])
        else:
            continue
        for target in public + private:
            if "::" in target:
                yield Link(path, line, here, target, target in public)


def check_link(link):
    where = f"{link.file}:{link.line}"
    name = link.target.removeprefix("wherry::")
    if name != link.target:
        there = TARGETS.get(name)
        if there is None:
            yield f"{where}: {link.target} stands not in TARGETS of check_includes.py"
        elif there != link.folder and there not in LAYERS[link.folder]:
            yield f"{where}: {link.folder} may not link {link.target}"
    elif link.target not in PACKAGES:
        yield f"{where}: {link.target} stands not in PACKAGES of check_includes.py"


def reach(folder, links, publicly):
    """The targets that a library of `folder` links, itself or through what it links."""
    reached, left = set(), [folder]
    while left:
        here = left.pop()
        for link in links:
            if link.folder == here and (link.public or (here == folder and not publicly)):
                if link.target not in reached:
                    reached.add(link.target)
                    left.append(TARGETS.get(link.target.removeprefix("wherry::"), ""))
    return reached


def provides(target, include):
    name = target.removeprefix("wherry::")
    if include.ours:
        return TARGETS.get(name) == folder_of(include.header)
    return target in PACKAGES and re.fullmatch(PACKAGES[target], include.header)


def check_linked(includes, links, public):
    """What a library includes it links, and publicly what its public headers include."""
    known = [t for t in PACKAGES if t != "Threads::Threads"]
    for include in includes:
        here = folder_of(include.file)
        if here not in TARGETS.values() or here.startswith("tests/"):
            continue
        if include.ours and folder_of(include.header) == here:
            continue
        if not include.ours and not any(provides(t, include) for t in known):
            continue
        publicly = include.file in public
        if not any(provides(target, include) for target in reach(here, links, publicly)):
            how = "publicly " if publicly else ""
            yield (f"{include.file}:{include.line}: {here}/CMakeLists.txt does not {how}link "
                   f"what has {include.header}")


def public_headers(texts):
    """The headers that their targets' HEADERS name."""
    public = set()
    for path, text in texts.items():
        if path.endswith("CMakeLists.txt"):
            for _, command, words in commands_of(text):
                if command == "wherry_library":
                    for header in by_keyword(words, LIBRARY_KEYWORDS).get("HEADERS", []):
                        public.add(str(PurePosixPath(path).parent / header))
    return public


def check_private(include, texts, public):
    """A header that is not among its target's HEADERS is for its own folder and its tests."""
    here, there = folder_of(include.file), folder_of(include.header)
    if there in TARGETS.values() and not there.startswith("tests/") and include.header in texts:
        if include.header not in public and here not in (there, folder_of("tests/" + include.header)):
            yield (f"{include.file}:{include.line}: {include.header} is private to {there} "
                   "(its CMakeLists.txt does not name it)")


def check_built(texts):
    """A .cpp file that no CMakeLists.txt above it names is not built, a test in it never runs."""
    for path in texts:
        if not path.endswith(".cpp"):
            continue
        for parent in PurePosixPath(path).parents:
            lists = texts.get(str(parent / "CMakeLists.txt"), "")
            name = str(PurePosixPath(path).relative_to(parent))
            words = re.sub(r"#[^\n]*", "", lists).replace("(", " ").replace(")", " ").split()
            # ${name}_fuzz.cpp in a function or a loop stands for any name
            if any(re.fullmatch(re.sub(r"\\\$\\{\w+\\}", "[^/]+", re.escape(word)), name)
                   for word in words if word.endswith(".cpp")):
                break
        else:
            yield f"{path}:1: no CMakeLists.txt names this file: it is not built"


def check(root):
    texts = read_tree(root)
    includes, links, used_exceptions = [], [], set()
    public = public_headers(texts)
    for path, text in texts.items():
        if path.endswith("CMakeLists.txt"):
            links += links_of(path, text)
        elif folder_of(path) is None:
            yield f"{path}:1: this folder stands not in LAYERS of check_includes.py"
        else:
            includes += includes_of(path, text)
    if not includes:
        yield f"{root}: there is no source here"
    for include in includes:
        if include.ours:
            yield from check_ours(include, texts)
            yield from check_private(include, texts, public)
        else:
            yield from check_outside(include, used_exceptions)
    for link in links:
        yield from check_link(link)
    yield from check_linked(includes, links, public)
    yield from check_built(texts)
    for file, header in sorted(set(HEAVY_IN_HEADER) - used_exceptions):
        yield f"{file}:1: needs no exception for <{header}> any more: strike it from HEAVY_IN_HEADER"


def check_order():
    seen = set()
    for folder, uses in LAYERS.items():
        for used in uses:
            if used not in LAYERS:
                yield f"LAYERS: {folder} names {used}, which is none of the folders"
            elif used not in seen:
                yield f"LAYERS: {folder} names {used}, which does not stand above it"
        seen.add(folder)


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    faults = [*check_order(), *check(root)]
    for fault in faults:
        print(fault)
    print(f"includes and links: {len(faults)} offences" if faults else "includes and links: good")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
