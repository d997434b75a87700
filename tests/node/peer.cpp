// What the rig's hosts run where Python would be what is measured.
//
//   wherry-node-peer serve NAME ADDR:PORT...
//       A backend: tells whoever asks its name and the address that it sees, "NAME ADDR:PORT\n",
//       over TCP (and the end of the connection) and UDP (and the datagram, after the line). Says
//       "ready".
//   wherry-node-peer connect ADDR:PORT --seconds S [--parallel N] [--every-us U]
//       Connects, reads the answer, closes; N at a time as fast as it goes, or one every U
//       microseconds. Prints one JSON object: rate, latency, failures, the longest time without
//       success, and when those began that were cut after they had been connected (seconds of
//       CLOCK_MONOTONIC).
//   wherry-node-peer ask ADDR:PORT --seconds S [--clients N] [--every-us U]
//       UDP, as a resolver's clients do it: N connected sockets, one question every U microseconds,
//       each with a text of its own. Prints one JSON object: sent, answered, wrong answers,
//       refused.
//
// Exit codes: 0 done, 64 usage, 69 an address can't be had.

#include "base/clock.h"
#include "base/raw_socket_address.h"
#include "base/socket_address.h"
#include "base/unique_fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <map>
#include <netinet/in.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using wherry::RawSocketAddress;
using wherry::SocketAddress;
using wherry::TimePoint;
using wherry::UniqueFd;

constexpr std::size_t kMostDatagram = 65536;
/// What has not succeeded by then has failed; a lost SYN is sent again after a second.
constexpr milliseconds kPatience(900);

TimePoint now() {
  static const wherry::SystemClock clock;
  return clock.now();
}

void take_all_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

UniqueFd open_socket(const SocketAddress& address, int type) {
  const int family = wherry::address_family(address.ip.family());
  UniqueFd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  return fd;
}

class Poll {
 public:
  void add(int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event);
  }
  void change(int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(fd_.get(), EPOLL_CTL_MOD, fd, &event);
  }
  std::span<epoll_event> wait(milliseconds at_most) {
    const int count = ::epoll_wait(fd_.get(), events_.data(), static_cast<int>(events_.size()),
                                   static_cast<int>(at_most.count()));
    return std::span(events_).first(static_cast<std::size_t>(std::max(count, 0)));
  }

 private:
  UniqueFd fd_{::epoll_create1(EPOLL_CLOEXEC)};
  std::array<epoll_event, 512> events_{};
};

/// Ticks that a busy machine does not lose: what is late comes together.
class Pace {
 public:
  Pace(const Poll& poll, microseconds every)
      : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)) {
    itimerspec spec{};
    spec.it_interval.tv_sec = every.count() / 1000000;
    spec.it_interval.tv_nsec = every.count() % 1000000 * 1000;
    spec.it_value = spec.it_interval;
    ::timerfd_settime(fd_.get(), 0, &spec, nullptr);
    poll.add(fd_.get(), EPOLLIN);
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::uint64_t due() const {
    std::uint64_t ticks = 0;
    return ::read(fd_.get(), &ticks, sizeof(ticks)) == sizeof(ticks) ? ticks : 0;
  }

 private:
  UniqueFd fd_;
};

// --- serve

struct Backend {
  std::string name;
  Poll poll;
  std::vector<char> buffer = std::vector<char>(kMostDatagram);

  [[nodiscard]] std::string line_for(const RawSocketAddress& client) const {
    return name + ' ' + client.to_socket_address().to_string() + '\n';
  }

  void accept_all(int listener) {
    for (;;) {
      RawSocketAddress client;
      UniqueFd fd(::accept4(listener, client.get(), &client.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) return;
      const std::string line = line_for(client);
      if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) continue;
      ::shutdown(fd.get(), SHUT_WR);
      // Closed once the client has: what it still sends must not make a reset of the answer.
      poll.add(fd.release(), EPOLLIN | EPOLLRDHUP);
    }
  }

  void read_on(int fd) {
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (size > 0 || (size < 0 && errno == EAGAIN)) return;
    ::close(fd);
  }

  void answer_all(int fd) {
    for (;;) {
      RawSocketAddress client;
      const ssize_t size =
          ::recvfrom(fd, buffer.data(), buffer.size(), 0, client.get(), &client.size);
      if (size < 0) {
        if (errno == EAGAIN) return;
        continue;  // an ICMP error of an earlier answer
      }
      std::string answer = line_for(client);
      answer.append(buffer.data(), static_cast<std::size_t>(size));
      ::sendto(fd, answer.data(), answer.size(), MSG_NOSIGNAL, client.get(), client.size);
    }
  }
};

int serve(std::string name, const std::vector<SocketAddress>& addresses) {
  Backend backend;
  backend.name = std::move(name);
  std::map<int, int> types;
  for (const SocketAddress& address : addresses) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      UniqueFd fd = open_socket(address, type);
      const int on = 1;
      const int much = 4 << 20;
      ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
      ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &much, sizeof(much));
      const RawSocketAddress raw(address);
      if (::bind(fd.get(), raw.get(), raw.size) != 0 ||
          (type == SOCK_STREAM && ::listen(fd.get(), 4096) != 0)) {
        std::cerr << address.to_string() << ": " << std::strerror(errno) << '\n';
        return 69;
      }
      backend.poll.add(fd.get(), EPOLLIN);
      types[fd.release()] = type;
    }
  }
  std::cout << "ready\n" << std::flush;
  for (;;) {
    for (const epoll_event& event : backend.poll.wait(milliseconds(-1))) {
      const auto found = types.find(event.data.fd);
      if (found == types.end()) {
        backend.read_on(event.data.fd);
      } else if (found->second == SOCK_STREAM) {
        backend.accept_all(found->first);
      } else {
        backend.answer_all(found->first);
      }
    }
  }
}

// --- what the two loads have in common

struct Load {
  SocketAddress to;
  std::chrono::seconds time{1};
  std::size_t parallel = 1;
  std::size_t clients = 1;
  microseconds every{0};
};

/// Counts and times, as one JSON object.
class Report {
 public:
  void count(std::string_view what, std::uint64_t n = 1) { counts_[std::string(what)] += n; }
  void succeeded(TimePoint began) {
    const TimePoint at = now();
    took_.push_back(std::chrono::duration_cast<microseconds>(at - began).count());
    longest_gap_ = std::max(longest_gap_, at - last_);
    last_ = at;
  }
  /// After it was connected.
  void cut(TimePoint began) {
    cut_.push_back(std::chrono::duration<double>(began.time_since_epoch()).count());
  }
  void print() {
    std::sort(took_.begin(), took_.end());
    const auto at = [this](double share) {
      return took_.empty() ? 0 : took_[static_cast<std::size_t>(share * double(took_.size() - 1))];
    };
    longest_gap_ = std::max(longest_gap_, now() - last_);
    const double seconds = std::chrono::duration<double>(now() - began_).count();
    std::cout << "{\"answered\":" << took_.size()
              << ",\"per_second\":" << double(took_.size()) / seconds << ",\"p50_us\":" << at(0.5)
              << ",\"p90_us\":" << at(0.9) << ",\"p99_us\":" << at(0.99) << ",\"longest_gap_ms\":"
              << std::chrono::duration<double, std::milli>(longest_gap_).count() << ",\"counts\":{";
    const char* comma = "";
    for (const auto& [what, count] : counts_) {
      std::cout << std::exchange(comma, ",") << '"' << what << "\":" << count;
    }
    std::cout << "},\"cut\":[";
    comma = "";
    for (const double began : cut_) {
      std::cout << std::exchange(comma, ",")
                << std::to_string(began);  // six digits after the point
    }
    std::cout << "]}\n" << std::flush;
  }

 private:
  TimePoint began_ = now();
  TimePoint last_ = now();
  TimePoint::duration longest_gap_{};
  std::vector<std::int64_t> took_;
  std::vector<double> cut_;
  std::map<std::string, std::uint64_t> counts_;
};

// --- connect

class Connector {
 public:
  explicit Connector(const Load& load) : load_(load), raw_(load.to) {}

  int run() {
    const TimePoint end = now() + load_.time;
    std::optional<Pace> pace;
    if (load_.every.count() > 0) pace.emplace(poll_, load_.every);
    while (now() < end) {
      if (!pace) {
        while (attempts_.size() < load_.parallel) begin();
      }
      for (const epoll_event& event : poll_.wait(milliseconds(5))) {
        if (pace && event.data.fd == pace->fd()) {
          for (std::uint64_t due = pace->due(); due > 0; --due) begin();
        } else {
          go_on(event.data.fd);
        }
      }
      give_up();
    }
    report_.print();
    return 0;
  }

 private:
  struct Attempt {
    UniqueFd fd;
    TimePoint began;
    bool connected = false;
    bool answered = false;
  };

  void begin() {
    Attempt attempt{open_socket(load_.to, SOCK_STREAM), now()};
    const int fd = attempt.fd.get();
    // No TIME_WAIT that uses up the ports: the far end has closed first anyway.
    if (::connect(fd, raw_.get(), raw_.size) != 0 && errno != EINPROGRESS) {
      return report_.count(std::strerror(errno));
    }
    poll_.add(fd, EPOLLOUT);
    attempts_[fd] = std::move(attempt);
  }

  void go_on(int fd) {
    const auto found = attempts_.find(fd);
    if (found == attempts_.end()) return;
    Attempt& attempt = found->second;
    if (!attempt.connected) {
      int error = 0;
      socklen_t size = sizeof(error);
      ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return end(fd, std::strerror(error));
      attempt.connected = true;
      return poll_.change(fd, EPOLLIN);
    }
    std::array<char, 256> text{};
    const ssize_t got = ::recv(fd, text.data(), text.size(), 0);
    if (got > 0) {
      attempt.answered = true;
    } else if (got == 0) {
      if (attempt.answered) report_.succeeded(attempt.began);
      end(fd, attempt.answered ? "" : "ended without an answer");
    } else if (errno != EAGAIN) {
      end(fd, std::string("after connecting: ") + std::strerror(errno));
    }
  }

  void end(int fd, const std::string& failure) {
    const auto found = attempts_.find(fd);
    if (!failure.empty()) report_.count(failure);
    if (!failure.empty() && found->second.connected) report_.cut(found->second.began);
    attempts_.erase(found);
  }

  void give_up() {
    const TimePoint patient_since = now() - kPatience;
    std::erase_if(attempts_, [&](const auto& each) {
      if (each.second.began > patient_since) return false;
      report_.count(each.second.connected ? "no answer" : "silence");
      if (each.second.connected) report_.cut(each.second.began);
      return true;
    });
  }

  Load load_;
  RawSocketAddress raw_;
  Poll poll_;
  std::unordered_map<int, Attempt> attempts_;
  Report report_;
};

// --- ask

class Asker {
 public:
  explicit Asker(const Load& load) : load_(load), raw_(load.to) {}

  int run() {
    for (std::size_t i = 0; i < load_.clients; ++i) {
      UniqueFd fd = open_socket(load_.to, SOCK_DGRAM);
      if (!fd || ::connect(fd.get(), raw_.get(), raw_.size) != 0) {
        std::cerr << "client " << i << ": " << std::strerror(errno) << '\n';
        return 69;
      }
      poll_.add(fd.get(), EPOLLIN);
      const int key = fd.get();
      turn_.push_back(key);
      clients_[key].fd = std::move(fd);
    }
    const Pace pace(poll_, load_.every);
    const TimePoint end = now() + load_.time;
    while (now() < end) {
      for (const epoll_event& event : poll_.wait(milliseconds(5))) {
        if (event.data.fd == pace.fd()) {
          for (std::uint64_t due = pace.due(); due > 0; --due) ask();
        } else {
          listen(event.data.fd);
        }
      }
    }
    // What is on its way still counts.
    const TimePoint last = now() + kPatience;
    while (open_ > 0 && now() < last) {
      for (const epoll_event& event : poll_.wait(milliseconds(5))) listen(event.data.fd);
    }
    report_.count("unanswered", open_);
    report_.print();
    return 0;
  }

 private:
  struct Client {
    UniqueFd fd;
    std::map<std::string, TimePoint> open;  ///< questions without an answer yet
  };

  void ask() {
    Client& client = clients_[turn_[next_++ % turn_.size()]];
    // A refusal or an answer that came before is not this question's.
    listen(client.fd.get());
    std::string question = "question " + std::to_string(next_);
    report_.count("sent");
    if (::send(client.fd.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0) {
      return report_.count(std::string("send: ") + std::strerror(errno));
    }
    client.open.emplace(std::move(question), now());
    ++open_;
  }

  void listen(int fd) {
    const auto found = clients_.find(fd);
    if (found == clients_.end()) return;
    Client& client = found->second;
    for (;;) {
      const ssize_t got = ::recv(fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (got < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) return;
        report_.count(errno == ECONNREFUSED ? "refused" : std::strerror(errno));
        continue;
      }
      const std::string_view answer(buffer_.data(), static_cast<std::size_t>(got));
      const std::size_t line = answer.find('\n');
      const auto question = line == std::string_view::npos
                                ? client.open.end()
                                : client.open.find(std::string(answer.substr(line + 1)));
      if (question == client.open.end()) {
        report_.count("wrong");
        continue;
      }
      report_.count("by " + std::string(answer.substr(0, answer.find(' '))));
      report_.succeeded(question->second);
      client.open.erase(question);
      --open_;
    }
  }

  Load load_;
  RawSocketAddress raw_;
  Poll poll_;
  std::unordered_map<int, Client> clients_;
  std::vector<int> turn_;
  std::size_t next_ = 0;
  std::uint64_t open_ = 0;
  std::vector<char> buffer_ = std::vector<char>(kMostDatagram);
  Report report_;
};

// --- arguments

int usage() {
  std::cerr
      << "usage: wherry-node-peer serve NAME ADDR:PORT...\n"
         "       wherry-node-peer connect ADDR:PORT --seconds S [--parallel N] [--every-us U]\n"
         "       wherry-node-peer ask ADDR:PORT --seconds S [--clients N] [--every-us U]\n";
  return 64;
}

std::optional<Load> parse_load(std::span<char*> arguments) {
  const auto to = SocketAddress::parse(arguments[0]);
  if (!to || arguments.size() % 2 == 0) return std::nullopt;
  Load load;
  load.to = *to;
  for (std::size_t i = 1; i < arguments.size(); i += 2) {
    const std::string_view name = arguments[i];
    const std::string_view text = arguments[i + 1];
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 1) return std::nullopt;
    if (name == "--seconds") {
      load.time = std::chrono::seconds(value);
    } else if (name == "--parallel") {
      load.parallel = static_cast<std::size_t>(value);
    } else if (name == "--clients") {
      load.clients = static_cast<std::size_t>(value);
    } else if (name == "--every-us") {
      load.every = microseconds(value);
    } else {
      return std::nullopt;
    }
  }
  return load;
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  if (arguments.size() < 3) return usage();
  take_all_descriptors();
  const std::string_view what = arguments[1];
  if (what == "serve") {
    std::vector<SocketAddress> addresses;
    for (const char* text : arguments.subspan(3)) {
      const auto address = SocketAddress::parse(text);
      if (!address) return usage();
      addresses.push_back(*address);
    }
    return addresses.empty() ? usage() : serve(arguments[2], addresses);
  }
  auto load = parse_load(arguments.subspan(2));
  if (!load) return usage();
  if (what == "connect") return Connector(*load).run();
  if (what != "ask") return usage();
  if (load->every.count() == 0) load->every = microseconds(1000);
  return Asker(*load).run();
}
