#include "base/read_file.h"

#include "base/unique_fd.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

namespace wherry {
namespace {

error_code last_error() { return {errno, boost::system::system_category()}; }

error_code make_error(boost::system::errc::errc_t code) {
  return boost::system::errc::make_error_code(code);
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t largest) {
  // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return last_error();
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return last_error();
  if (S_ISDIR(status.st_mode)) return make_error(boost::system::errc::is_a_directory);
  if (!S_ISREG(status.st_mode)) return make_error(boost::system::errc::no_such_device);
  if (static_cast<std::size_t>(status.st_size) > largest) {
    return make_error(boost::system::errc::file_too_large);
  }

  // One byte more than fstat() said, so that a file that grew meanwhile is seen to have grown.
  std::string text(static_cast<std::size_t>(status.st_size) + 1, '\0');
  std::size_t size = 0;
  for (;;) {
    const ssize_t n = ::read(fd.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return last_error();
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
    if (size > largest) return make_error(boost::system::errc::file_too_large);
    if (size == text.size()) text.resize(size + size / 2 + 4096);
  }
  text.resize(size);
  return text;
}

}  // namespace wherry
