#pragma once

#include "base/async/asio.h"
#include "base/unique_fd.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace wherry::manifest {

/// What happened to a name in a watched folder, reduced to what a reader of files must know.
enum class FileEvent {
  Written,   ///< a writer has closed it, or it was moved into place: complete
  Changing,  ///< it appeared or is being written: may be half a file
  Gone,      ///< it was removed or moved away
  Folder,    ///< something else about the folder or a folder in it
};

/// Tells of changes in folders. Control thread only; stop() before it is destroyed.
class Inotify {
 public:
  using OnEvent = std::function<void(int watch, FileEvent event, std::string_view name)>;
  struct Callbacks {
    OnEvent on_event;
    std::function<void(int watch)> on_lost;  ///< the folder is gone or elsewhere now
    std::function<void()> on_overflow;       ///< events were lost: look at everything
  };

  Inotify(asio::io_context& loop, Callbacks callbacks);
  ~Inotify();

  /// What to be told of: a folder that is only on the way to others may be /tmp, where everybody
  /// writes.
  enum class Interest { Names, NamesAndContents };

  /// A number for the folder, or -1 where it can't be watched (errno says why). A folder that is
  /// watched already keeps its number.
  [[nodiscard]] int add(const std::string& folder, Interest interest);
  void remove(int watch) noexcept;

  void start();
  void stop() noexcept;

  /// Calls back for what has happened by now, without waiting for the loop to find out.
  void read_pending();

 private:
  class Descriptor;
  void wait();
  bool read_events();

  const Callbacks callbacks_;
  std::unique_ptr<Descriptor> descriptor_;
};

}  // namespace wherry::manifest
