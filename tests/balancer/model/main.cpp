#include "base/random.h"
#include "tests/balancer/model/comparison.h"
#include "tests/balancer/model/oracle.h"
#include "tests/balancer/model/random_history.h"
#include "tests/balancer/model/shrink.h"

#include <charconv>
#include <cstdint>
#include <exception>
#include <functional>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

/// wherry-model: random clusters, and what three or four sides say of them. See README.md.
namespace wherry::balancer {
namespace {

constexpr std::string_view kUsage =
    "wherry-model [--cases N] [--seed SEED] [--jobs N] [--oracle PROGRAM]\n"
    "\n"
    "Compares what the naive model, the full build and the incremental build say of N random\n"
    "histories (1000), of the seeds from SEED on (by chance), in N processes (1). With --oracle: "
    "what\n"
    "kube-proxy's code and the incremental build say. The first difference is shrunk and printed;\n"
    "exit code 1.\n";

struct Arguments {
  std::uint64_t cases = 1000;
  std::uint64_t seed = 0;
  std::uint64_t jobs = 1;
  std::string oracle;
};

std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Arguments> read_arguments(std::span<char*> words) {
  Arguments arguments;
  arguments.seed = SystemRandom().next_below(1'000'000'000);
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const std::string_view key = words[i];
    if (i + 1 == words.size()) return std::nullopt;
    const std::string_view value = words[i + 1];
    if (key == "--oracle") {
      arguments.oracle = value;
      continue;
    }
    const auto number = to_number(value);
    if (!number) return std::nullopt;
    if (key == "--cases") {
      arguments.cases = *number;
    } else if (key == "--seed") {
      arguments.seed = *number;
    } else if (key == "--jobs" && *number > 0) {
      arguments.jobs = *number;
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

int report(const std::string& text) {
  std::cout << text << std::flush;
  return 1;
}

std::string shrunk(const History& history,
                   const std::function<std::string(const History&)>& compare) {
  const History small =
      shrink(history, [&](const History& candidate) { return !compare(candidate).empty(); });
  return compare(small) + to_manifests(small);
}

void print(const Arguments& arguments, const Compared& compared, std::string_view sides) {
  std::cout << compared.cases << " cases (seeds " << arguments.seed << " to "
            << arguments.seed + arguments.cases - 1 << "), " << compared.moments << " moments, "
            << compared.ports << " service ports: " << sides << " agree";
  if (compared.left_out > 0) {
    std::cout << "; " << compared.left_out << " service ports left out, of which kube-proxy may "
              << "say one thing or another";
  }
  std::cout << '\n' << std::flush;
}

int run_model(const Arguments& arguments) {
  Compared compared;
  for (std::uint64_t i = 0; i < arguments.cases; ++i) {
    const History history = random_history(arguments.seed + i);
    const std::string found = compare_with_model(history, compared);
    if (found.empty()) continue;
    return report(found + "\nThe same, made small:\n" + shrunk(history, [](const History& each) {
                    Compared unused;
                    return compare_with_model(each, unused);
                  }));
  }
  print(arguments, compared, "model, full build and incremental build");
  return 0;
}

int run_oracle(const Arguments& arguments) {
  constexpr std::uint64_t kBatch = 64;
  Oracle oracle(arguments.oracle);
  Compared compared;
  const auto ask_one = [&oracle](const History& history) {
    oracle.ask({history});
    Compared unused;
    return compare_with_oracle(history, oracle.answers({history}).front(), unused);
  };
  for (std::uint64_t done = 0; done < arguments.cases;) {
    std::vector<History> histories;
    for (; histories.size() < kBatch && done < arguments.cases; ++done) {
      histories.push_back(random_history(arguments.seed + done));
      histories.back().from_manifests = false;  // kube-proxy knows none
    }
    oracle.ask(histories);
    const auto answers = oracle.answers(histories);
    for (std::size_t i = 0; i < histories.size(); ++i) {
      const std::string found = compare_with_oracle(histories[i], answers[i], compared);
      if (found.empty()) continue;
      return report(found + "\nThe same, made small:\n" + shrunk(histories[i], ask_one));
    }
  }
  print(arguments, compared, "kube-proxy and the incremental build");
  return 0;
}

int run_part(const Arguments& arguments) {
  try {
    return arguments.oracle.empty() ? run_model(arguments) : run_oracle(arguments);
  } catch (const std::exception& error) {
    std::cerr << "wherry-model: " << error.what() << '\n';
    return 1;
  }
}

/// Each part of the seeds in a process of its own: 1 where one of them failed, or ended otherwise.
int run(const Arguments& arguments) {
  // First of all, so that a crash can be repeated too.
  std::cout << "wherry-model: --seed " << arguments.seed << " --cases " << arguments.cases << '\n'
            << std::flush;
  if (arguments.jobs == 1) return run_part(arguments);
  for (std::uint64_t job = 0; job < arguments.jobs; ++job) {
    Arguments part = arguments;
    const std::uint64_t begin = arguments.cases * job / arguments.jobs;
    part.seed += begin;
    part.cases = arguments.cases * (job + 1) / arguments.jobs - begin;
    const pid_t child = ::fork();
    if (child < 0) return report("wherry-model: fork failed\n");
    if (child == 0) return run_part(part);
  }
  int result = 0;
  for (std::uint64_t job = 0; job < arguments.jobs; ++job) {
    int status = 0;
    if (::wait(&status) < 0 || status != 0) result = 1;
  }
  return result;
}

}  // namespace
}  // namespace wherry::balancer

int main(int argc, char** argv) {
  using namespace wherry::balancer;
  const auto arguments = read_arguments(std::span(argv + 1, argv + argc));
  if (!arguments) {
    std::cerr << kUsage;
    return 64;
  }
  return run(*arguments);
}
