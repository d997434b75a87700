// Many short connections through a Service of three pods while a pod is replaced again and again.
//
//   wherry-soak-connections WHERRY_BINARY [--connections N] [--replace-every-ms MS] [--even N]
//
// First phase: N connections without pause, a pod replaced every MS milliseconds. A pod leaves as a
// well-behaved one does: out of the table first, then it stops listening. Every connection must
// reach a pod that lives and get its whole answer.
//
// Second phase: as many replacements as --even says, with the load stopped around each, so that it
// is known which connections belong to which table: within one table the counts of its three
// backends must differ by at most one.
//
// Ends with exit code 0 only if nothing failed, the counts were even, and neither descriptors nor
// memory grew.

#include "base/duration.h"
#include "base/open_files.h"
#include "base/raw_socket_address.h"
#include "base/unique_fd.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_folder.h"
#include "tests/support/wherry_process.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace wherry;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint16_t kPodPort = 9376;
constexpr int kClients = 64;  ///< connections under way at once

/// One pod: accepts, says its number, closes.
struct Pod {
  int number = 0;
  std::string address;
  UniqueFd listener;
  std::uint64_t served = 0;
};

int open_listener(const std::string& address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const RawSocketAddress raw(SocketAddress{*IpAddress::parse(address), kPodPort});
  if (::bind(fd, raw.get(), raw.size) != 0 || ::listen(fd, 4096) != 0) {
    throw std::runtime_error("a pod can't listen on " + address + ": " + std::strerror(errno));
  }
  return fd;
}

/// All pods, served by one thread. Numbers are never used twice, so that an answer names one pod.
class Pods {
 public:
  Pods() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), thread_([this] { run(); }) {}
  ~Pods() {
    stop_ = true;
    thread_.join();
  }

  /// Starts the next pod.
  std::shared_ptr<Pod> add() {
    const std::lock_guard lock(mutex_);
    auto pod = std::make_shared<Pod>();
    pod->number = ++last_;
    // 5,000 addresses in turn: none is used again for a long while. Other runs on this machine
    // have other ones.
    pod->address = "127." + std::to_string(1 + ::getpid() % 30) + '.' +
                   std::to_string(1 + pod->number / 250 % 20) + '.' +
                   std::to_string(1 + pod->number % 250);
    pod->listener = UniqueFd(open_listener(pod->address));
    pods_.emplace(pod->listener.get(), pod);
    epoll_event event{.events = EPOLLIN, .data = {.fd = pod->listener.get()}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pod->listener.get(), &event);
    return pod;
  }

  /// Stops listening, once it has taken what the kernel had let in: closing the socket would reset
  /// those connections, although the backend accepted them as far as anybody else can see.
  void remove(const std::shared_ptr<Pod>& pod) {
    const std::lock_guard lock(mutex_);
    accept_all(*pod);
    pods_.erase(pod->listener.get());
    pod->listener.reset();
  }

  std::uint64_t served(const std::shared_ptr<Pod>& pod) const {
    const std::lock_guard lock(mutex_);
    return pod->served;
  }

 private:
  void run() {
    std::array<epoll_event, 64> events{};
    while (!stop_) {
      const int n = ::epoll_wait(epoll_.get(), events.data(), events.size(), 50);
      const std::lock_guard lock(mutex_);
      for (int i = 0; i < n; ++i) {
        const auto fd = events[static_cast<std::size_t>(i)].data.fd;
        if (const auto found = pods_.find(fd); found != pods_.end()) {
          accept_all(*found->second);
        } else if (open_.contains(fd)) {
          drain(fd);
        }
      }
    }
  }

  void accept_all(Pod& pod) {
    for (;;) {
      const int fd = ::accept4(pod.listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      ++pod.served;
      const std::string answer = "pod-" + std::to_string(pod.number) + '\n';
      if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(answer.size())) {
        std::cerr << "a pod can't answer\n";
      }
      ::shutdown(fd, SHUT_WR);
      open_.emplace(fd, UniqueFd(fd));
      epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    }
  }

  /// Reads until the other side has closed too.
  void drain(int fd) {
    std::array<char, 256> rest{};
    for (;;) {
      const ssize_t n = ::recv(fd, rest.data(), rest.size(), 0);
      if (n > 0) continue;
      if (n < 0 && errno == EAGAIN) return;
      open_.erase(fd);
      return;
    }
  }

  UniqueFd epoll_;
  mutable std::mutex mutex_;  ///< guards all below but stop_
  std::map<int, std::shared_ptr<Pod>> pods_;
  std::map<int, UniqueFd> open_;
  int last_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

/// What clients saw.
struct Outcome {
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::map<std::string, std::uint64_t> first_failures;
};

/// Clients, driven by the calling thread: each connects, sends a byte, reads to the end.
class Clients {
 public:
  explicit Clients(SocketAddress target)
      : target_(target), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

  /// Makes `count` connections, kClients at once. `between` is called often.
  template <class Between>
  void run(std::uint64_t count, Outcome& outcome, const Between& between) {
    std::uint64_t started = 0;
    const std::uint64_t end = outcome.done + outcome.failed + count;
    while (outcome.done + outcome.failed < end) {
      while (started < count && open_.size() < kClients) {
        ++started;
        start(outcome);
      }
      std::array<epoll_event, 64> events{};
      const int n = ::epoll_wait(epoll_.get(), events.data(), events.size(), 100);
      for (int i = 0; i < n; ++i) read(events[static_cast<std::size_t>(i)].data.fd, outcome);
      expire(outcome);
      between();
    }
  }

 private:
  struct Client {
    UniqueFd fd;
    std::string answer;
    Clock::time_point since;
  };

  static void fail(Outcome& outcome, const std::string& why) {
    ++outcome.failed;
    ++outcome.first_failures[why];
  }

  void start(Outcome& outcome) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const RawSocketAddress to(target_);
    if (::connect(fd.get(), to.get(), to.size) != 0) {
      return fail(outcome, std::string("connect: ") + std::strerror(errno));
    }
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    if (::send(fd.get(), "?", 1, MSG_NOSIGNAL) != 1) {
      return fail(outcome, std::string("send: ") + std::strerror(errno));
    }
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd.get()}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event);
    const int number = fd.get();
    open_.emplace(number, Client{std::move(fd), {}, Clock::now()});
  }

  void read(int fd, Outcome& outcome) {
    const auto found = open_.find(fd);
    if (found == open_.end()) return;
    std::array<char, 256> buffer{};
    for (;;) {
      const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (n > 0) {
        found->second.answer.append(buffer.data(), static_cast<std::size_t>(n));
        continue;
      }
      if (n < 0 && errno == EAGAIN) return;
      const std::string& answer = found->second.answer;
      if (n < 0) {
        fail(outcome, std::string("read: ") + std::strerror(errno));
      } else if (!answer.starts_with("pod-") || !answer.ends_with('\n')) {
        fail(outcome, "an answer that is not whole: \"" + answer + '"');
      } else {
        ++outcome.done;
      }
      open_.erase(found);
      return;
    }
  }

  void expire(Outcome& outcome) {
    if (Clock::now() < next_expiry_) return;
    next_expiry_ = Clock::now() + 1s;
    for (auto at = open_.begin(); at != open_.end();) {
      if (Clock::now() - at->second.since < 30s) {
        ++at;
        continue;
      }
      fail(outcome, "no answer within 30 s");
      at = open_.erase(at);
    }
  }

  const SocketAddress target_;
  UniqueFd epoll_;
  std::map<int, Client> open_;
  Clock::time_point next_expiry_{};
};

/// The folder of manifests and the three pods behind the Service.
class Service {
 public:
  Service(const test::TempFolder& folder, Pods& pods) : folder_(folder), pods_(pods) {
    folder.replace("service.yaml", test::service_manifest("soak", "soak", 80, kPodPort));
    for (int i = 0; i < 3; ++i) add();
  }

  /// One comes, the oldest goes: first from the manifests. Returns it; it still listens.
  std::shared_ptr<Pod> replace_manifests() {
    add();
    auto leaving = current_.front();
    current_.pop_front();
    folder_.remove(file_of(*leaving));
    return leaving;
  }

  [[nodiscard]] const std::deque<std::shared_ptr<Pod>>& current() const { return current_; }

 private:
  void add() {
    auto pod = pods_.add();
    folder_.replace(file_of(*pod),
                    test::pod_manifest("pod-" + std::to_string(pod->number), "soak", pod->address));
    current_.push_back(std::move(pod));
  }
  [[nodiscard]] static std::string file_of(const Pod& pod) {
    return "pod-" + std::to_string(pod.number) + ".yaml";
  }

  const test::TempFolder& folder_;
  Pods& pods_;
  std::deque<std::shared_ptr<Pod>> current_;
};

/// Replaces pods at a steady pace while the load runs in another thread.
class Replacer {
 public:
  Replacer(Service& service, Pods& pods, const test::WherryProcess& wherry,
           std::chrono::milliseconds every)
      : thread_([this, &service, &pods, &wherry, every] {
          auto next = Clock::now();
          while (!stop_) {
            next += every;
            std::this_thread::sleep_until(next);
            const auto leaving = service.replace_manifests();
            // It is out of the table once every backend that the table names is a current one.
            if (!test::eventually([&] { return is_out(wherry, *leaving); }, 10s)) {
              std::cerr << "a pod does not leave the table\n";
              failed_ = true;
              return;
            }
            pods.remove(leaving);
            ++replaced_;
          }
        }) {}
  /// Returns how many were replaced; throws if the last one never left the table.
  int stop() {
    stop_ = true;
    thread_.join();
    if (failed_) throw std::runtime_error("a pod stayed in the table");
    return replaced_;
  }

  static bool is_out(const test::WherryProcess& wherry, const Pod& pod) {
    const std::string endpoints = wherry.get("/endpoints");
    if (endpoints.find('"' + pod.address + '"') != std::string::npos) return false;
    // The page shows the newest table; the metric, the one that every worker uses.
    const double newest = wherry.metric("wherry_table_generation");
    const std::string words = "generation " + std::to_string(static_cast<long>(newest)) + ',';
    return newest > 0 && wherry.get("/readyz?verbose").find(words) != std::string::npos;
  }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<bool> failed_{false};
  int replaced_ = 0;
  std::thread thread_;
};

struct Arguments {
  std::string binary;
  std::uint64_t connections = 100'000;
  std::chrono::milliseconds replace_every{100};
  int even = 50;
};

Arguments read_arguments(int argc, char** argv) {
  Arguments arguments;
  if (argc < 2) throw std::runtime_error("say which wherry binary");
  arguments.binary = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    const long value = std::stol(argv[i + 1]);
    if (flag == "--connections") arguments.connections = static_cast<std::uint64_t>(value);
    if (flag == "--replace-every-ms") arguments.replace_every = std::chrono::milliseconds(value);
    if (flag == "--even") arguments.even = static_cast<int>(value);
  }
  return arguments;
}

void print_failures(const Outcome& outcome) {
  for (const auto& [why, count] : outcome.first_failures) {
    std::cout << "  " << count << " x " << why << '\n';
  }
}

/// True if within every table the counts differed by at most one.
bool check_evenness(Clients& clients, Service& service, Pods& pods,
                    const test::WherryProcess& wherry, int rounds) {
  Outcome outcome;
  std::uint64_t worst = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto leaving = service.replace_manifests();
    if (!test::eventually([&] { return Replacer::is_out(wherry, *leaving); }, 10s)) {
      std::cout << "a pod does not leave the table\n";
      return false;
    }
    pods.remove(leaving);
    std::vector<std::uint64_t> before;
    for (const auto& pod : service.current()) before.push_back(pods.served(pod));
    const auto count = static_cast<std::uint64_t>(100 + round % 7);
    clients.run(count, outcome, [] {});
    std::vector<std::uint64_t> counts;
    for (std::size_t i = 0; i < before.size(); ++i) {
      counts.push_back(pods.served(service.current()[i]) - before[i]);
    }
    const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
    worst = std::max(worst, *most - *least);
  }
  std::cout << "even: " << rounds << " tables, " << outcome.done << " connections, "
            << outcome.failed << " failed, counts of one table's backends differ by at most "
            << worst << '\n';
  print_failures(outcome);
  return outcome.failed == 0 && worst <= 1;
}

int run(const Arguments& arguments) {
  raise_open_file_limit();
  const test::TempFolder folder;
  Pods pods;
  Service service(folder, pods);
  const std::uint16_t port = test::free_port();
  test::WherryProcess wherry(arguments.binary,
                             {"--manifests", folder.path().string(), "--port-offset",
                              std::to_string(port - 80), "--workers", "2", "--log-level", "warn"});
  Clients clients({IpAddress::loopback(IpFamily::IPv4), port});

  // Memory and descriptors are compared after a warm-up, once pools have their size.
  Outcome warm_up;
  {
    Replacer replacer(service, pods, wherry, arguments.replace_every);
    clients.run(std::min<std::uint64_t>(arguments.connections / 10, 20'000), warm_up, [] {});
    replacer.stop();
  }
  const auto is_quiet = [&] { return wherry.metric("wherry_tcp_sessions_active") == 0; };
  if (!test::eventually(is_quiet, 10s)) throw std::runtime_error("sessions do not end");
  const std::uint64_t resident_before = wherry.resident_kib();
  const std::size_t descriptors_before = wherry.open_descriptors();

  const auto cpu_before = wherry.cpu_time();
  const auto began = Clock::now();
  Outcome outcome;
  int replaced = 0;
  {
    Replacer replacer(service, pods, wherry, arguments.replace_every);
    clients.run(arguments.connections, outcome, [] {});
    replaced = replacer.stop();
  }
  const double seconds = seconds_of(Clock::now() - began);
  const double cpu_us =
      std::chrono::duration<double, std::micro>(wherry.cpu_time() - cpu_before).count();
  std::cout << "connections: " << outcome.done << " done, " << outcome.failed << " failed, "
            << replaced << " pods replaced, " << static_cast<std::uint64_t>(seconds) << " s, "
            << static_cast<std::uint64_t>(static_cast<double>(outcome.done) / seconds) << "/s, "
            << cpu_us / static_cast<double>(outcome.done) << " us of wherry's CPU each\n";
  print_failures(outcome);

  const bool settled = test::eventually(is_quiet, 10s);
  const std::uint64_t resident_after = wherry.resident_kib();
  const std::size_t descriptors_after = wherry.open_descriptors();
  std::cout << "wherry: " << resident_before << " KiB resident and " << descriptors_before
            << " descriptors before, " << resident_after << " KiB and " << descriptors_after
            << " after; " << wherry.metric("wherry_tcp_retries_total") << " retries, "
            << wherry.metric("wherry_refused_total") << " refused\n";

  const bool even = check_evenness(clients, service, pods, wherry, arguments.even);
  const int exit_code = wherry.stop();

  // A few pages come and go; a leak of one byte per connection would show as a megabyte per
  // million.
  const bool memory_kept = resident_after <= resident_before + 2048;
  const bool descriptors_kept = descriptors_after <= descriptors_before + 2;
  const bool good = warm_up.failed == 0 && outcome.failed == 0 && settled && memory_kept &&
                    descriptors_kept && even && exit_code == 0 && replaced > 0;
  std::cout << (good ? "good" : "NOT good") << " (exit code of wherry: " << exit_code << ")\n";
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(read_arguments(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
