// Thousands of sessions at once through 200 Services of three pods each, every byte checked.
//
//   wherry-soak-sessions WHERRY_BINARY [--sessions N] [--services N]
//
// All sessions are opened first and stand idle, which gives wherry's memory for an idle one. Then
// all move at once: random sizes both ways, slow readers on both sides, ends that close their
// direction early or late, ends that abort. Each end checks every byte it gets against what the
// other must have sent, that a direction ends where it should, and that an abort arrives as one.
//
// Ends with exit code 0 only if all of it was so.

#include "base/open_files.h"
#include "base/raw_socket_address.h"
#include "base/unique_fd.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_folder.h"
#include "tests/support/wherry_process.h"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <netinet/tcp.h>
#include <random>
#include <stdexcept>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace {

using namespace wherry;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint16_t kPodPort = 9376;
constexpr int kPodsPerService = 3;

/// What one end of a session does.
struct Script {
  std::size_t send = 0;  ///< bytes, then it closes its direction
  bool read_slowly = false;
  bool read_first = false;  ///< sends only after it has read everything
  bool send_first = false;  ///< reads only after it has sent everything and closed its direction
  std::size_t abort_after = 0;  ///< resets the connection after so many bytes sent; 0: never
};

struct SessionScript {
  Script client;
  Script pod;
  [[nodiscard]] bool aborts() const { return client.abort_after > 0 || pod.abort_after > 0; }
};

std::size_t random_size(std::mt19937& random) {
  // Mostly small, some large, now and then nothing.
  switch (random() % 10) {
    case 0:
      return 0;
    case 1:
    case 2:
      return 100'000 + random() % 400'000;
    default:
      return 1 + random() % 20'000;
  }
}

SessionScript make_script(std::mt19937& random) {
  SessionScript script;
  script.client.send = random_size(random);
  script.pod.send = random_size(random);
  switch (random() % 10) {
    case 0:
      script.client.read_slowly = true;
      break;
    case 1:
      script.pod.read_slowly = true;
      break;
    case 2:
      script.client.send_first = true;
      break;
    case 3:
      script.pod.send_first = true;
      break;
    case 4:
      script.client.read_first = true;
      break;
    case 5:
      script.pod.read_first = true;
      break;
    case 6:
      script.client.send += 2;
      script.client.abort_after = 1 + random() % (script.client.send - 1);
      break;
    case 7:
      script.pod.send += 2;
      script.pod.abort_after = 1 + random() % (script.pod.send - 1);
      break;
    default:
      break;
  }
  return script;
}

/// The bytes that each direction of each session carries: a window into a random table.
class Pattern {
 public:
  explicit Pattern(std::mt19937& random) : table_(kPeriod + kWindow) {
    for (std::size_t i = 0; i < kPeriod; ++i) table_[i] = static_cast<char>(random());
    std::copy_n(table_.begin(), kWindow, table_.begin() + kPeriod);
  }
  static constexpr std::size_t kWindow = 65536;

  /// At least kWindow bytes from `offset` of a direction on.
  [[nodiscard]] const char* at(std::size_t direction, std::size_t offset) const {
    return table_.data() + (direction * 7919 + offset) % kPeriod;
  }

 private:
  static constexpr std::size_t kPeriod = 1'000'003;
  std::vector<char> table_;
};

enum class Ended { No, Well, Badly };

/// One end of one session.
class End {
 public:
  End(UniqueFd fd, const Script& script, const Script& other, const Pattern& pattern,
      std::size_t out_direction, std::size_t in_direction)
      : fd_(std::move(fd)),
        script_(script),
        other_(other),
        pattern_(pattern),
        out_direction_(out_direction),
        in_direction_(in_direction) {
    if (script_.read_slowly) {
      const int small = 4096;
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    }
  }

  [[nodiscard]] Ended ended() const { return ended_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] std::size_t received() const { return received_; }

  /// Does what can be done now.
  void move() {
    if (ended_ == Ended::No && !(script_.read_first && !end_of_input_)) write_some();
    if (ended_ == Ended::No && !(script_.send_first && !closed_)) read_some();
    if (ended_ == Ended::No && closed_ && end_of_input_) finish();
  }

 private:
  void bad(const std::string& what) {
    ended_ = Ended::Badly;
    problem_ = what + " after " + std::to_string(received_) + " of " + std::to_string(other_.send) +
               " bytes in, " + std::to_string(sent_) + " of " + std::to_string(script_.send) +
               " out";
    fd_.reset();
  }

  void finish() {
    ended_ = Ended::Well;
    fd_.reset();
  }

  void write_some() {
    const std::size_t goal = script_.abort_after > 0 ? script_.abort_after : script_.send;
    while (sent_ < goal) {
      const std::size_t size = std::min(goal - sent_, Pattern::kWindow);
      const ssize_t n =
          ::send(fd_.get(), pattern_.at(out_direction_, sent_), size, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0) return on_error("writing");
      sent_ += static_cast<std::size_t>(n);
    }
    if (script_.abort_after > 0) {
      const linger now{1, 0};
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
      finish();
    } else if (!closed_) {
      closed_ = true;
      ::shutdown(fd_.get(), SHUT_WR);
    }
  }

  void read_some() {
    std::array<char, Pattern::kWindow> buffer;
    const std::size_t most = script_.read_slowly ? 4096 : buffer.size();
    while (!end_of_input_) {
      const ssize_t n = ::recv(fd_.get(), buffer.data(), most, MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0) return on_error("reading");
      if (n == 0) return on_end_of_input();
      if (std::memcmp(buffer.data(), pattern_.at(in_direction_, received_),
                      static_cast<std::size_t>(n)) != 0) {
        return bad("wrong bytes");
      }
      received_ += static_cast<std::size_t>(n);
      if (received_ > other_.send) return bad("too many bytes");
      if (script_.read_slowly) return;
    }
  }

  void on_end_of_input() {
    end_of_input_ = true;
    if (other_.abort_after > 0) return bad("a good end in place of a reset");
    if (received_ != other_.send) return bad("an early end");
  }

  void on_error(const std::string& doing) {
    const bool was_reset = errno == ECONNRESET || errno == EPIPE;
    if (other_.abort_after > 0 && was_reset) return finish();
    bad(doing + ": " + std::strerror(errno));
  }

  UniqueFd fd_;
  const Script script_;
  const Script other_;
  const Pattern& pattern_;
  const std::size_t out_direction_;
  const std::size_t in_direction_;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  bool closed_ = false;
  bool end_of_input_ = false;
  Ended ended_ = Ended::No;
  std::string problem_;
};

UniqueFd listen_on(const std::string& address) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const RawSocketAddress raw(SocketAddress{*IpAddress::parse(address), kPodPort});
  if (::bind(fd.get(), raw.get(), raw.size) != 0 || ::listen(fd.get(), 512) != 0) {
    throw std::runtime_error("a pod can't listen on " + address + ": " + std::strerror(errno));
  }
  return fd;
}

struct Rig {
  std::unique_ptr<test::TempFolder> folder = std::make_unique<test::TempFolder>();
  std::vector<UniqueFd> pod_listeners;
  std::unique_ptr<test::WherryProcess> wherry;
  std::vector<SocketAddress> services;
};

/// Where each Service listens, as the table says.
std::vector<SocketAddress> read_services(const test::WherryProcess& wherry) {
  std::vector<SocketAddress> all;
  const boost::json::value table = boost::json::parse(wherry.get("/table"));
  for (const auto& row : table.as_array()) {
    const auto& listen = row.as_object().at("listen").as_array();
    if (listen.size() != 1) throw std::runtime_error("a Service does not listen");
    all.push_back(*SocketAddress::parse(std::string(listen[0].as_string())));
  }
  return all;
}

Rig set_up(const std::string& binary, int services) {
  Rig rig;
  for (int s = 0; s < services; ++s) {
    const std::string name = "service-" + std::to_string(s);
    std::string manifests = test::service_manifest(name, name, 8080, kPodPort);
    for (int p = 0; p < kPodsPerService; ++p) {
      const std::string address = "127." + std::to_string(100 + ::getpid() % 40 * 3 + p) + '.' +
                                  std::to_string(s / 200) + '.' + std::to_string(1 + s % 200);
      rig.pod_listeners.push_back(listen_on(address));
      manifests += "---\n" + test::pod_manifest(name + '-' + std::to_string(p), name, address);
    }
    rig.folder->write(name + ".yaml", manifests);
  }
  rig.wherry = std::make_unique<test::WherryProcess>(
      binary, std::vector<std::string>{"--manifests", rig.folder->path().string(), "--listen-pool",
                                       "127.64.0.0/16", "--workers", "2", "--log-level", "warn"});
  rig.services = read_services(*rig.wherry);
  return rig;
}

/// Opens a session: the client says its number, the pod that gets it takes note. Blocks briefly.
std::pair<UniqueFd, UniqueFd> open_session(const Rig& rig, std::uint32_t number, int epoll) {
  UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const RawSocketAddress to(rig.services[number % rig.services.size()]);
  if (::connect(client.get(), to.get(), to.size) != 0 ||
      ::send(client.get(), &number, sizeof number, MSG_NOSIGNAL) != sizeof number) {
    throw std::runtime_error(std::string("a client can't connect: ") + std::strerror(errno));
  }
  epoll_event event{};
  if (::epoll_wait(epoll, &event, 1, 10'000) != 1) throw std::runtime_error("no pod was reached");
  UniqueFd pod(::accept4(event.data.fd, nullptr, nullptr, SOCK_CLOEXEC));
  std::uint32_t heard = 0;
  if (::recv(pod.get(), &heard, sizeof heard, MSG_WAITALL) != sizeof heard || heard != number) {
    throw std::runtime_error("a pod heard something else than its client said");
  }
  return {std::move(client), std::move(pod)};
}

int run(const std::string& binary, std::uint32_t sessions, int services) {
  if (const std::uint64_t limit = raise_open_file_limit(); limit < sessions * 2 + 2000) {
    throw std::runtime_error("the limit on open files is too low: " + std::to_string(limit) +
                             " (ulimit -Hn)");
  }
  const auto seed = static_cast<std::uint32_t>(std::random_device{}());
  std::cout << "seed " << seed << '\n';
  std::mt19937 random(seed);
  const Pattern pattern(random);
  Rig rig = set_up(binary, services);
  test::WherryProcess& wherry = *rig.wherry;

  const UniqueFd accepting(::epoll_create1(EPOLL_CLOEXEC));
  for (const UniqueFd& listener : rig.pod_listeners) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = listener.get()}};
    ::epoll_ctl(accepting.get(), EPOLL_CTL_ADD, listener.get(), &event);
  }
  // One of each worker's first allocations is not a session's.
  for (std::uint32_t i = 0; i < 20; ++i) (void)open_session(rig, i, accepting.get());
  (void)test::eventually([&] { return wherry.metric("wherry_tcp_sessions_active") == 0; }, 5s);

  const std::uint64_t resident_before = wherry.resident_kib();
  std::vector<SessionScript> scripts;
  std::vector<End> ends;
  ends.reserve(sessions * 2);
  for (std::uint32_t i = 0; i < sessions; ++i) {
    auto [client, pod] = open_session(rig, i, accepting.get());
    const SessionScript script = make_script(random);
    scripts.push_back(script);
    ends.emplace_back(std::move(client), script.client, script.pod, pattern, i * 2, i * 2 + 1);
    ends.emplace_back(std::move(pod), script.pod, script.client, pattern, i * 2 + 1, i * 2);
  }
  const double active = wherry.metric("wherry_tcp_sessions_active");
  const std::uint64_t resident_open = wherry.resident_kib();
  std::cout << active << " sessions open over " << rig.services.size()
            << " services; idle: " << (resident_open - resident_before) * 1024 / sessions
            << " bytes of wherry's memory each (" << resident_before << " -> " << resident_open
            << " KiB)\n";

  const auto began = Clock::now();
  std::uint64_t resident_peak = resident_open;
  std::size_t open = ends.size();
  while (open > 0 && Clock::now() - began < 180s) {
    open = 0;
    for (End& end : ends) {
      end.move();
      open += end.ended() == Ended::No ? 1 : 0;
    }
    resident_peak = std::max(resident_peak, wherry.resident_kib());
    (void)test::eventually([] { return false; }, 2ms);
  }

  std::size_t bytes = 0;
  std::size_t wrong = 0;
  std::size_t aborted = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    bytes += ends[i].received();
    aborted += i % 2 == 0 && scripts[i / 2].aborts() ? 1 : 0;
    if (ends[i].ended() == Ended::Well) continue;
    if (++wrong <= 10) {
      std::cout << "session " << i / 2 << (i % 2 == 0 ? " client: " : " pod: ")
                << (ends[i].ended() == Ended::No ? "never ended" : ends[i].problem()) << '\n';
    }
  }
  const bool settled =
      test::eventually([&] { return wherry.metric("wherry_tcp_sessions_active") == 0; }, 10s);
  std::cout << ends.size() / 2 << " sessions, " << aborted << " aborted, " << bytes
            << " bytes checked, " << wrong << " ends wrong, peak " << resident_peak << " KiB, "
            << wherry.metric("wherry_tcp_retries_total") << " retries\n";
  const int exit_code = wherry.stop();
  const bool good = wrong == 0 && settled && exit_code == 0 && active == sessions;
  std::cout << (good ? "good" : "NOT good") << " (exit code of wherry: " << exit_code << ")\n";
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "say which wherry binary\n";
    return 64;
  }
  std::uint32_t sessions = 2000;
  int services = 200;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--sessions") {
      sessions = static_cast<std::uint32_t>(std::stoul(argv[i + 1]));
    }
    if (std::string(argv[i]) == "--services") services = std::stoi(argv[i + 1]);
  }
  try {
    return run(argv[1], sessions, services);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
