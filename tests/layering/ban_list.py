#!/usr/bin/env python3
"""What may not be written, and where it may all the same.

    tests/layering/ban_list.py [ROOT]       look through the tree
    tests/layering/ban_list.py --self-test  try each ban on a bad and on a good line

Each offence is printed as file:line: what was found, why it is banned, what to write instead; exit
code 1 if there is one. Text in comments and between quotes does not count unless a ban says so.
An exception is a line in that ban's `allowed`, with its reason; one that nothing needs any more is
an offence too. Only python3's minimal standard library is used.
"""

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

CODE = r".*\.(h|cpp)"
HEADERS = r".*\.h"
PRODUCTION = r"(base|config|watcher|balancer|proxy)/.*\.(h|cpp)"
DATA_PATH = r"proxy/(tcp|udp)/.*\.(h|cpp)"
TESTS = r"tests/.*\.(h|cpp)"


class Ban(NamedTuple):
    name: str
    pattern: str  # of what may not be in a line
    reason: str
    instead: str
    bad: tuple  # lines that must be found
    good: tuple  # lines that must not be found
    where: str = CODE  # files that the ban is for
    raw: bool = False  # look into comments and quoted text too
    allowed: dict = {}  # file or folder/ -> why it may


BANS = (
    # --- what comes from outside enters through a constructor ---
    Ban("clock",
        r"\b(steady|system|high_resolution)_clock::now\b|\b(clock_gettime|gettimeofday)\s*\("
        r"|\btime\s*\(\s*(nullptr|NULL|0)?\s*\)",
        "time that tests can't move", "take a Clock& (base/clock.h)",
        bad=("auto t = std::chrono::steady_clock::now();", "::clock_gettime(CLOCK_MONOTONIC, &t);",
             "std::time(nullptr)"),
        good=("clock_.now()", "std::chrono::steady_clock::time_point t;", "connect_time(x)"),
        allowed={"base/clock.cpp": "the real clock",
                 "tests/support/sockets.cpp": "patience with the kernel, which knows no test clock"}),
    Ban("timer",
        r"\b(steady|system|high_resolution|waitable|deadline)_timer\b|\btimerfd_create\b",
        "waiting that tests can't move", "take a Timers& (base/async/timers.h)",
        bad=("asio::steady_timer timer(loop);", "#include <boost/asio/steady_timer.hpp>"),
        good=("timers_.schedule(5s, [this] { retry(); });",),
        allowed={"base/async/asio_timers.cpp": "the real timers",
                 "proxy/http/http_server.cpp":
                     "the pause after a failed accept(), awaited by a coroutine beside Beast's own "
                     "timeouts; Timers has callbacks only",
                 "bench/load/backend.cpp": "stands in for a pod; nobody's test moves its time",
                 "tests/node/peer.cpp": "keeps the pace of a load against a real kernel"}),
    Ban("sleep",
        r"\bthis_thread\s*::\s*sleep|\b(usleep|nanosleep|sleep_until)\b|(?<![\w.>])sleep\s*\(",
        "a thread that sleeps serves nobody, a test that sleeps is slow or fails by chance",
        "wait for what must happen: Timers, ManualTimers::advance(), test::eventually()",
        bad=("std::this_thread::sleep_for(1ms);", "::usleep(10);", "sleep(1);"),
        good=("co_await timers_.sleep_for(5s);", "async_sleep_for(5s, handler);"),
        allowed={"tests/support/sockets.cpp": "eventually() looks every millisecond",
                 "tests/soak/connections.cpp": "keeps the pace at which pods are replaced"}),
    Ban("randomness",
        r"<random>|\bmt19937|\bdefault_random_engine\b|_distribution<|\brandom_shuffle\b"
        r"|(?<![\w.>])s?rand(om)?\s*\(|\b[dlm]rand48\b|\bgetrandom\b",
        "a choice that nobody can repeat", "take the randomness through the constructor",
        bad=("#include <random>", "std::mt19937_64 engine;", "std::rand() % n", "rand()"),
        good=("random_.next_below(n)", "is_random(x)", "operand(1)"),
        where=PRODUCTION,
        allowed={"base/random.cpp": "the real chance"}),
    Ban("seed",
        r"\brandom_device\b|\bs?rand\s*\(",
        "a test run that can't be repeated", "a fixed seed, or one that is printed",
        bad=("std::mt19937 engine{std::random_device{}()};",),
        good=("std::mt19937 engine{seed};",),
        allowed={"base/random.cpp": "the real chance",
                 "tests/soak/sessions.cpp": "prints its seed first"}),
    Ban("environment",
        r"\b(secure_)?getenv\b|\b(set|un|put)env\s*\(",
        "a setting that no table of settings knows", "a field of config::Options",
        bad=('std::getenv("HOME")', 'setenv("TZ", "UTC", 1);'),
        good=("options.environment",),
        allowed={"tests/balancer/table_text_test.cpp": "UPDATE_GOLDEN=1 rewrites the golden file",
                 "tests/support/net_namespace.cpp": "WHERRY_CI=1 makes a failure of a skip"}),
    Ban("production knows the tests",
        r"\bfriend class \w*Test\b|\bFRIEND_TEST\b|^\s*#\s*if.*TEST(S|ING)?\b"
        r"|\b(is_)?testing_?\s*[=;)]",
        "code that behaves otherwise under test is not tested",
        "an interface in the constructor; a function for tests only ends in _for_test",
        bad=("friend class SessionTest;", "#ifdef WHERRY_TESTING", "bool testing_ = false;",
             "if (testing) return;"),
        good=("void clear_for_test();", "friend class TableDraft;"),
        where=PRODUCTION),

    # --- threads ---
    Ban("thread",
        r"\bstd::j?thread\b(?!\s*::)|\bstd::async\b|\bpthread_create\b|\bthread_pool\b",
        "one control thread and one thread per worker, no others", "asio::post to the owner's thread",
        bad=("std::thread thread_;", "auto f = std::async(work);", "asio::thread_pool pool_{1};"),
        good=("std::thread::hardware_concurrency()", "std::this_thread::get_id()"),
        where=PRODUCTION,
        allowed={"proxy/app/worker.h": "the thread of one worker",
                 "proxy/app/worker.cpp": "the thread of one worker",
                 "proxy/app/app.h": "one thread reads files, which io_context can't wait for"}),
    Ban("detached",
        r"\bdetached\b|\.detach\s*\(",
        "nobody waits for its end or hears of its exception", "TaskGroup::spawn(name, coroutine)",
        bad=("asio::co_spawn(loop, run(), asio::detached);", "std::thread(f).detach();"),
        good=('tasks_.spawn("accept", accept());',),
        allowed={"bench/load/backend.cpp": "ends with its process"}),
    Ban("mutex",
        r"\b(std|boost)::\w*mutex\b(?!>)|\bpthread_mutex|\bcondition_variable|\bspinlock\b",
        "threads share the table and counters, and send messages for the rest",
        "asio::post to the owner's thread; a new place for a lock is a decision to write down here",
        bad=("std::mutex mutex_;  ///< guards all below", "boost::shared_mutex m;"),
        good=("const std::lock_guard lock(mutex_);",),
        where=PRODUCTION,
        allowed={"base/log.cpp": "the logger, which every thread writes to",
                 "balancer/picker/affinity_table.h": "a client's backend, chosen once for all workers"}),
    Ban("a mutex that guards nobody knows what",
        r"\bstd::\w*mutex \w+;(?!.*guards)",
        "a lock is only right in front of what it guards", "`std::mutex mutex_;  ///< guards ...`",
        bad=("std::mutex mutex_;", "mutable std::shared_mutex m;  ///< a lock"),
        good=("mutable std::mutex mutex_;  ///< guards lines_",),
        raw=True),
    Ban("atomic shared_ptr",
        r"\batomic<\s*std::shared_ptr|\batomic_(load|store|exchange)\w*\s*\(",
        "a spin lock on a pointer's bit in libstdc++, and ThreadSanitizer reports it",
        "asio::post of the pointer to each worker",
        bad=("std::atomic<std::shared_ptr<const BackendTable>> table_;",
             "std::atomic_load(&table_)"),
        good=("std::atomic<int> n;", "n.load()")),
    Ban("volatile",
        r"\bvolatile\b", "orders nothing between threads", "std::atomic",
        bad=("volatile bool stop;",), good=("std::atomic<bool> stop;", "// volatile")),

    # --- errors ---
    Ban("catch all",
        r"\bcatch\s*\(\s*\.\.\.",
        "hides every bug, thread cancellation too", "catch what can be thrown, by its type",
        bad=("} catch (...) {",), good=("} catch (const std::exception& e) {",)),
    Ban("data path: exceptions",
        r"\btry\s*\{|\b(throw|catch)\b",
        "an exception on the way of the bytes takes all sessions of its worker",
        "error_code and close(CloseReason)",
        bad=("try {", "throw std::runtime_error(x);"), good=("retry {", "const auto entry{x};"),
        where=DATA_PATH),
    Ban("data path: coroutines",
        r"\bco_(await|return|yield|spawn)\b|\basio::awaitable\b",
        "a frame on the heap for each operation", "a callback that captures `this`",
        bad=("co_await read();", "asio::awaitable<void> run();"), good=("socket_.async_wait(x);",),
        where=DATA_PATH),
    Ban("shared_from_this",
        r"\b(enable_)?shared_from_this\b",
        "the last callback decides when the object dies",
        "count pending operations; TaskGroup in the control plane",
        bad=("auto self = shared_from_this();", "std::enable_shared_from_this<Session>"),
        good=("std::make_shared<const Table>()",)),
    Ban("the process ends",
        r"(?<![\w.>:])(std::|::)?(_?exit|_Exit|quick_exit|abort|terminate)\s*\(",
        "after its start nothing that a peer does may end the process",
        "return an error; WHERRY_ASSERT for what only a bug can cause",
        bad=("std::abort();", "::_exit(1);", "exit(2);"),
        good=("relay.abort();", "on_exit(x)", "pod_->exit(x)"),
        where=PRODUCTION,
        allowed={"base/assert.cpp": "the one abort path"}),
    Ban("assert",
        r"(?<![\w.>:])assert\s*\(|<cassert>|<assert\.h>",
        "gone in release builds, or there where it costs", "WHERRY_ASSERT or WHERRY_DCHECK",
        bad=("assert(n > 0);", "#include <cassert>"),
        good=("static_assert(sizeof(int) == 4);", "WHERRY_ASSERT(n > 0);")),
    Ban("numbers that throw or guess",
        r"\bstd::sto(i|l|ll|ul|ull|f|d|ld)\s*\(|\b(atoi|atol|atoll|atof|sscanf|strto\w+)\s*\(",
        "takes \"80x\" for 80, or throws at what a stranger wrote", "std::from_chars, to the end",
        bad=("std::stoi(text)", "atoi(argv[1])", "strtoul(p, &end, 10)"),
        good=("std::from_chars(first, last, n)",),
        where=PRODUCTION),

    # --- ownership ---
    Ban("raw new and delete",
        r"(?<!operator )(?<![\w:])\bnew\b\s*[\w:(]|(?<!operator )(?<!= )\bdelete\b(\s*\[\s*\])?\s*[\w(*]"
        r"|(?<![\w.>])(std::|::)?(malloc|calloc|realloc|free)\s*\(",
        "an owner that the type does not show", "std::make_unique, a container, a value",
        bad=("auto* x = new Session(a);", "delete session;", "delete[] bytes;", "std::free(p);",
             "new (place) T()"),
        good=("Relay(const Relay&) = delete;", "::operator delete(memory);", "new_session(x);",
              "pool.free(x);", "// a new table"),
        allowed={"base/log.cpp": "never freed, so that the last destructor can still log",
                 "tests/watcher/memory_test.cpp": "replaces operator new to count"}),

    # --- what is printed ---
    Ban("printing",
        r"\bstd::(cout|cerr|clog)\b|(?<![\w.>])(std::|::)?(f|v|vf)?printf\s*\("
        r"|(?<![\w.>])(std::|::)?f?put(s|char)\s*\(",
        "what a process says goes through the log", "base/log.h; the command line prints in commands.cpp",
        bad=("std::cerr << x;", 'std::printf("x");', 'fputs("x", stderr);'),
        good=("std::snprintf(text, 4, f);", "log::info(x);"),
        where=PRODUCTION,
        allowed={"proxy/app/commands.cpp": "the answers of the command line",
                 "proxy/app/explain_command.cpp": "the same, of one command",
                 "base/assert.cpp": "the last words, when the log may be what broke"}),
    Ban("endl",
        r"\bstd::endl\b", "flushes at every line", r"'\n', and a flush where one is needed",
        bad=("out << x << std::endl;",), good=(r"out << x << '\n';",)),

    # --- names, headers, macros ---
    Ban("using namespace std",
        r"\busing namespace std\s*;", "lets any name of the library stand for ours",
        "std:: in front; `using std::x;` in a .cpp",
        bad=("using namespace std;",), good=("using namespace std::chrono_literals;",)),
    Ban("using namespace in a header",
        r"\busing namespace (?!(std::)?(\w+_)?literals\s*;)",
        "changes the names of every file that includes it", "write the namespace",
        bad=("using namespace wherry;", "using namespace std::chrono;"),
        good=("using namespace std::chrono_literals;", "using wherry::Result;"),
        where=HEADERS),
    Ban("include guard",
        r"^\s*#\s*ifndef\s+\w+_(H|HPP|H_|HPP_|INCLUDED)\s*$", "two ways of one thing",
        "#pragma once",
        bad=("#ifndef WHERRY_BASE_LOG_H",), good=("#pragma once", "#ifndef NDEBUG"),
        where=HEADERS),
    Ban("macro",
        r"^\s*#\s*define\b", "knows neither scope nor type", "a function, a constant, a template",
        bad=("#define MAX(a, b) ((a) > (b) ? (a) : (b))",), good=("constexpr int kMax = 3;",),
        allowed={"base/assert.h": "WHERRY_ASSERT and WHERRY_DCHECK, which say file, line and text"}),
    Ban("a name that hides the verb",
        r"^\s*(class|struct|enum class|enum) \w*(Manager|Helper|Util|Utils|Handler|Processor|Data|Info)"
        r"\b(?!::)",
        "says nothing of what it does", "the noun of its one job",
        bad=("class SessionManager {", "struct PodInfo;", "class Handler final : public X {"),
        good=("class Session {", "template <class Handler>", "struct HandlerMemory {"),
        allowed={"base/document/json_text.cpp": "what Boost.JSON's basic_parser calls a handler"}),
    Ban("a task without an owner",
        r"\b(TODO|FIXME|XXX|HACK)\b(?!\s*\(?#\d+)",
        "nobody finds it again", "an issue, and its number: TODO(#12)",
        bad=("// TODO: retry", "// FIXME(me) x"), good=("// TODO(#12): retry", '"/tmp/xXXXXXX"'),
        raw=True),

    # --- tests ---
    Ban("fixed port",
        r"\bhtons\s*\(\s*[1-9]|\bTestListener\b[^;]*\"[^\"]*:[1-9]\d*\"",
        "two test runs on one machine disturb each other", "port 0, then ask which it was",
        bad=("a.sin_port = htons(8080);", 'TestListener x(at("127.0.0.1:8080"));'),
        good=("htons(0)", "htons(port)", 'TestListener x(at("127.0.0.1:0"));',
              'EXPECT_EQ(row.listen, "127.0.0.1:80");'),
        where=TESTS, raw=True),
    Ban("a test that never runs",
        r"\bDISABLED_\w|\bGTEST_SKIP\s*\(\s*\)\s*;",
        "looks like a promise and is none", "delete it, or `GTEST_SKIP() << why;`",
        bad=("TEST(Picker, DISABLED_IsEven) {", "GTEST_SKIP();"),
        good=('GTEST_SKIP() << "needs root";',),
        where=TESTS),
    Ban("a test name that claims nothing",
        r"^\s*TEST(_F|_P)?\s*\(\s*\w+\s*,\s*([a-z]\w*|Test\d*|Works|Basics?)\s*\)",
        "what is promised can't be read from it", "a claim in the present tense, PascalCase",
        bad=("TEST(Picker, Works) {", "TEST_F(PickerTest, testUpdate) {", "TEST_P(X, Test1) {"),
        good=("TEST(Picker, GivesEachBackendItsTurn) {", "TEST_F(X, E9_WhatIsRejectedHasNoListener) {"),
        where=TESTS),
)

# A file holds one concept. Over 400 lines wants a reason at review; over the cap it is split.
LINES = 600
SHORTER = {"proxy/main.cpp": 60, "CMakeLists.txt": 150, "ARCHITECTURE.md": 250}

BLANK = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^\s()\\]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.S)


def without_text(source):
    """`source` without comments and quoted text, line for line; includes stay."""

    def blank(found):
        start = source.rfind("\n", 0, found.start()) + 1
        if re.match(r"\s*#\s*include", source[start:found.start()]):
            return found[0]
        quote = found[0][-1] if found[0][0] in "\"'R" else ""
        return quote + "\n" * found[0].count("\n") + quote

    return BLANK.sub(blank, source)


def excuse(ban, path):
    """The entry of `allowed` that covers a file, or None."""
    return next((entry for entry in ban.allowed
                 if path == entry or (entry.endswith("/") and path.startswith(entry))), None)


def check_bans(path, source, used):
    stripped = without_text(source)
    bare, lines = stripped.split("\n"), source.split("\n")
    for ban in BANS:
        if not re.fullmatch(ban.where, path):
            continue
        if not re.search(ban.pattern, source if ban.raw else stripped, re.M):
            continue  # in no line: the whole at once is quicker
        for number, line in enumerate(lines if ban.raw else bare, 1):
            if re.search(ban.pattern, line):
                entry = excuse(ban, path)
                if entry is None:
                    yield (f"{path}:{number}: {ban.name}: {lines[number - 1].strip()}\n"
                           f"    why: {ban.reason}\n    instead: {ban.instead}")
                else:
                    used.add((ban.name, entry))
    if path.endswith(".h") and "#pragma once" not in bare:
        yield f"{path}:1: no #pragma once: a header may be included twice"


def check_length(path, source):
    cap = SHORTER.get(path, LINES)
    count = source.count("\n")
    if count > cap:
        yield (f"{path}:{cap + 1}: {count} lines, and {cap} are the cap\n"
               "    why: a file holds one concept\n    instead: split it where a name comes to mind")


def check(root):
    used, seen = set(), 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders
                            if not f.startswith(".") and f not in ("build", "corpus", "golden"))
        for name in sorted(names):
            path = Path(folder, name).relative_to(root).as_posix()
            if not (name.endswith((".h", ".cpp", ".py", ".sh")) or path in SHORTER):
                continue
            source = Path(folder, name).read_text(encoding="utf-8")
            seen += 1
            yield from check_length(path, source)
            if name.endswith((".h", ".cpp")):
                yield from check_bans(path, source, used)
    if seen == 0:
        yield f"{root}: there is no source here"
    for ban in BANS:
        for entry in ban.allowed:
            if (ban.name, entry) not in used:
                yield f"{entry}:1: needs no exception from \"{ban.name}\" any more: strike it out"


def self_test():
    """Each ban finds its bad lines and lets its good ones through."""
    for ban in BANS:
        if not (ban.bad and ban.good and ban.reason and ban.instead):
            yield f"{ban.name}: needs bad lines, good lines, a reason and a remedy"
        for lines, expected in ((ban.bad, True), (ban.good, False)):
            for line in lines:
                seen = line if ban.raw else without_text(line)
                if bool(re.search(ban.pattern, seen)) != expected:
                    yield f"{ban.name}: {'misses' if expected else 'finds'} {line}"
    stripped = without_text('a = "// x"; b = 1\'000; /* c\nd */ e = \'"\'; // f\n#include "g.h"\nR"(h\n")" i')
    if stripped != 'a = ""; b = 1\'000; \n e = \'\'; \n#include "g.h"\n"\n" i':
        yield f"without_text: {stripped!r}"
    if not list(check_length("base/x.h", "\n" * (LINES + 1))) or list(
            check_length("base/x.h", "\n" * LINES)):
        yield "check_length: the cap does not hold"
    if not any("pragma once" in fault for fault in check_bans("base/x.h", "int x;\n", set())):
        yield "check_bans: a header without #pragma once passes"
    if len({ban.name for ban in BANS}) != len(BANS):
        yield "two bans have one name"


def main():
    if sys.argv[1:] == ["--self-test"]:
        faults = list(self_test())
    else:
        root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
        faults = list(check(root))
    for fault in faults:
        print(fault)
    print(f"ban list: {len(faults)} offences" if faults else f"ban list: {len(BANS)} bans, all kept")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
