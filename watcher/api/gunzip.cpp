#include "watcher/api/gunzip.h"

#include <array>
#include <zlib.h>

namespace wherry::api {

struct Gunzip::State {
  z_stream stream{};
  bool is_open = false;
  bool complete = true;  ///< nothing at all is complete too
  std::array<char, 65536> out{};

  ~State() {
    if (is_open) inflateEnd(&stream);
  }
};

Gunzip::Gunzip() : state_(std::make_unique<State>()) {}

Gunzip::~Gunzip() = default;

std::optional<std::string> Gunzip::feed(std::string_view bytes,
                                        const std::function<void(std::string_view)>& take) {
  State& state = *state_;
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  if (!state.is_open) {
    if (inflateInit2(&state.stream, kGzipOnly) != Z_OK) return "zlib can't start";
    state.is_open = true;
  }
  // zlib's interface is older than const.
  state.stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  state.stream.avail_in = static_cast<uInt>(bytes.size());
  while (state.stream.avail_in > 0) {
    if (state.complete) inflateReset(&state.stream);  // a member begins, the first or another
    state.complete = false;
    for (;;) {
      state.stream.next_out = reinterpret_cast<Bytef*>(state.out.data());
      state.stream.avail_out = static_cast<uInt>(state.out.size());
      const int result = inflate(&state.stream, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        return std::string("is no gzip: ") +
               (state.stream.msg == nullptr ? "broken" : state.stream.msg);
      }
      const std::size_t size = state.out.size() - state.stream.avail_out;
      if (size > 0) take({state.out.data(), size});
      if (result == Z_STREAM_END) {
        state.complete = true;
        break;
      }
      if (state.stream.avail_out > 0) break;  // wants more
    }
  }
  return std::nullopt;
}

bool Gunzip::is_complete() const noexcept { return state_->complete; }

}  // namespace wherry::api
