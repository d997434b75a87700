#include "watcher/manifest/inotify.h"

#include "base/log.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/inotify.h>

namespace wherry::manifest {
namespace {

constexpr std::uint32_t kNames = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
                                 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t kContents = IN_CLOSE_WRITE | IN_MODIFY;

FileEvent classify(const inotify_event& event) {
  if ((event.mask & IN_ISDIR) != 0) return FileEvent::Folder;
  if ((event.mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) return FileEvent::Written;
  if ((event.mask & (IN_CREATE | IN_MODIFY)) != 0) return FileEvent::Changing;
  if ((event.mask & (IN_DELETE | IN_MOVED_FROM)) != 0) return FileEvent::Gone;
  return FileEvent::Folder;
}

}  // namespace

class Inotify::Descriptor {
 public:
  Descriptor(asio::io_context& loop, int fd) : stream(loop, fd) {}
  asio::posix::stream_descriptor stream;
};

Inotify::Inotify(asio::io_context& loop, Callbacks callbacks) : callbacks_(std::move(callbacks)) {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) {
    // The periodic scan goes on without it.
    log::warn("files can't be followed at once, only looked at every few seconds",
              {{"reason", std::strerror(errno)}});
    return;
  }
  descriptor_ = std::make_unique<Descriptor>(loop, fd);
}

Inotify::~Inotify() { stop(); }

int Inotify::add(const std::string& folder, Interest interest) {
  if (!descriptor_) {
    errno = EBADF;
    return -1;
  }
  return ::inotify_add_watch(descriptor_->stream.native_handle(), folder.c_str(),
                             interest == Interest::Names ? kNames : kNames | kContents);
}

void Inotify::remove(int watch) noexcept {
  if (descriptor_) ::inotify_rm_watch(descriptor_->stream.native_handle(), watch);
}

void Inotify::start() {
  if (descriptor_) wait();
}

void Inotify::stop() noexcept {
  if (!descriptor_) return;
  boost::system::error_code ignored;
  descriptor_->stream.close(ignored);
}

void Inotify::wait() {
  descriptor_->stream.async_wait(asio::posix::descriptor_base::wait_read,
                                 [this](const boost::system::error_code& error) {
                                   if (error) return;  // only stop() ends the wait
                                   read_events();
                                   wait();
                                 });
}

void Inotify::read_pending() {
  // The cap lets the loop go on while somebody changes files faster than they can be told of.
  constexpr int kMostReads = 100;
  for (int i = 0; descriptor_ && i < kMostReads && read_events(); ++i) {
  }
}

/// False if there were none.
bool Inotify::read_events() {
  alignas(inotify_event) std::array<char, 16384> buffer;
  const ssize_t size = ::read(descriptor_->stream.native_handle(), buffer.data(), buffer.size());
  if (size <= 0) return false;
  for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
    const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
    at += sizeof(inotify_event) + event->len;
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
      callbacks_.on_overflow();
    } else if ((event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0) {
      callbacks_.on_lost(event->wd);
    } else {
      callbacks_.on_event(event->wd, classify(*event),
                          event->len > 0 ? std::string_view(event->name) : std::string_view());
    }
  }
  return true;
}

}  // namespace wherry::manifest
