#include "watcher/last_good.h"

#include "base/document/field_reader.h"
#include "base/document/json_stream.h"
#include "base/unique_fd.h"
#include "watcher/model/decode.h"
#include "watcher/model/encode.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace wherry::watcher {
namespace {

namespace json = boost::json;

constexpr std::string_view kFormat = "wherry last good state";
constexpr int kVersion = 2;  // 2: ServiceCIDRs
constexpr std::size_t kChunk = 1u << 18;
/// The last line: {"sha256":"<64 digits>"} and a line feed.
constexpr std::string_view kSumBegin = "{\"sha256\":\"";
constexpr std::string_view kSumEnd = "\"}\n";
constexpr std::size_t kSumLine = kSumBegin.size() + 64 + kSumEnd.size();

error_code last_error() { return {errno, boost::system::system_category()}; }

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  [[nodiscard]] std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
      text += kDigits[digest[i] >> 4];
      text += kDigits[digest[i] & 0xf];
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

/// Collects text, writes it in large pieces, and sums it up.
class Writer {
 public:
  explicit Writer(int fd) : fd_(fd) {}

  void line(const json::value& value) { text(json::serialize(value) + '\n'); }
  void text(std::string_view bytes) {
    buffer_ += bytes;
    if (buffer_.size() >= kChunk) flush();
  }
  /// What was written up to here, in one word.
  [[nodiscard]] std::string sum() {
    flush();
    return sum_.hex();
  }
  [[nodiscard]] error_code finish() {
    flush();
    if (!error_ && ::fsync(fd_) != 0) error_ = last_error();
    return error_;
  }

 private:
  void flush() {
    sum_.add(buffer_);
    for (std::string_view rest = buffer_; !rest.empty() && !error_;) {
      const ssize_t n = ::write(fd_, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) error_ = last_error();
      if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
    }
    buffer_.clear();
  }

  int fd_;
  std::string buffer_;
  Sha256 sum_;
  error_code error_;
};

json::object header_of(const ClusterIdentity& identity, std::size_t objects) {
  return {{"format", json::string(kFormat)},
          {"version", kVersion},
          {"server", json::string(identity.server)},
          {"namespace", json::string(identity.name_space)},
          {"endpoints", json::string(identity.endpoints)},
          {"node", json::string(identity.node)},
          {"proxyName", json::string(identity.proxy_name)},
          {"objects", objects}};
}

LastGoodRefusal refusal(std::string text) { return {false, std::move(text)}; }

/// Puts the values of a file's lines together.
class Reader {
 public:
  explicit Reader(const ClusterIdentity& expected)
      : expected_(expected),
        stream_(document::Limits{}, document::JsonStream::Shape::Documents,
                [this](document::Document&& document) { take(document); }) {}

  void feed(std::string_view bytes) {
    if (wrong_) return;
    if (const auto error = stream_.feed(bytes); error && !wrong_) wrong_ = "is damaged: " + *error;
  }

  [[nodiscard]] std::variant<ClusterObjects, LastGoodRefusal> finish() {
    if (!wrong_ && !has_header_) wrong_ = "is none: it is empty";
    if (!wrong_ && objects_.size() != announced_) wrong_ = "is damaged: objects are missing";
    if (wrong_) return refusal(*wrong_);
    return std::move(objects_);
  }

 private:
  void take(const document::Document& document) {
    if (wrong_) return;
    document::FieldFaults faults;
    const document::FieldReader root(document.value, faults);
    if (!document.value.is_object()) {
      wrong_ = has_header_ ? "is damaged: a line is no object" : "is none";
    } else if (!has_header_) {
      take_header(root);
    } else {
      take_object(root);
    }
    if (!wrong_ && !faults.empty()) {
      wrong_ = "is damaged: " + faults.front().path.to_string() + ": " + faults.front().text;
    }
  }

  void take_header(const document::FieldReader& root) {
    has_header_ = true;
    if (root.string("format") != kFormat) {
      wrong_ = "is none: its first line does not say so";
      return;
    }
    if (root.integer("version") != kVersion) {
      wrong_ = "was written by another version of wherry";
      return;
    }
    const ClusterIdentity found{root.string("server"), root.string("namespace"),
                                root.string("endpoints"), root.string("node"),
                                root.string("proxyName")};
    if (!(found == expected_)) {
      wrong_ = "is of another cluster or of other options: server " + found.server +
               ", namespace \"" + found.name_space + "\", endpoints " + found.endpoints +
               ", node " + found.node +
               (found.proxy_name.empty() ? "" : ", proxy name " + found.proxy_name);
      return;
    }
    announced_ = static_cast<std::size_t>(root.integer("objects").value_or(0));
  }

  void take_object(const document::FieldReader& root) {
    const std::string kind = root.string("kind");
    if (kind == "Service") {
      objects_.services.push_back(
          std::make_shared<const model::Service>(model::decode_service(root)));
    } else if (kind == "EndpointSlice") {
      objects_.slices.push_back(
          std::make_shared<const model::EndpointSlice>(model::decode_endpoint_slice(root)));
    } else if (kind == "Pod") {
      objects_.pods.push_back(std::make_shared<const model::Pod>(model::decode_pod(root)));
    } else if (kind == "Node") {
      objects_.nodes.push_back(std::make_shared<const model::Node>(model::decode_node(root)));
    } else if (kind == "ServiceCIDR") {
      objects_.service_cidrs.push_back(
          std::make_shared<const model::ServiceCidr>(model::decode_service_cidr(root)));
    } else {
      wrong_ = "is damaged: a line of kind \"" + kind.substr(0, 100) + '"';
    }
  }

  const ClusterIdentity& expected_;
  document::JsonStream stream_;
  ClusterObjects objects_;
  bool has_header_ = false;
  std::size_t announced_ = 0;
  std::optional<std::string> wrong_;
};

}  // namespace

error_code write_last_good(const std::string& path, const ClusterIdentity& identity,
                           const ClusterObjects& objects) {
  const std::string beside = path + ".new";
  UniqueFd file(
      ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return last_error();
  Writer writer(file.get());
  writer.line(header_of(identity, objects.size()));
  for (const auto& each : objects.nodes) writer.line(model::encode(*each));
  for (const auto& each : objects.service_cidrs) writer.line(model::encode(*each));
  for (const auto& each : objects.services) writer.line(model::encode(*each));
  for (const auto& each : objects.slices) writer.line(model::encode(*each));
  for (const auto& each : objects.pods) writer.line(model::encode(*each));
  const std::string sum = writer.sum();
  writer.text(std::string(kSumBegin) + sum + std::string(kSumEnd));
  if (const error_code error = writer.finish()) {
    ::unlink(beside.c_str());
    return error;
  }
  file.reset();
  if (std::rename(beside.c_str(), path.c_str()) != 0) {
    const error_code error = last_error();
    ::unlink(beside.c_str());
    return error;
  }
  // The new name is on the disk once its folder is.
  const std::string folder = std::filesystem::path(path).parent_path();
  const UniqueFd parent(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent) ::fsync(parent.get());
  return {};
}

std::variant<ClusterObjects, LastGoodRefusal> read_last_good(const std::string& path,
                                                             const ClusterIdentity& identity) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file && errno == ENOENT) return LastGoodRefusal{true, "is not there"};
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) {
    return refusal("can't be read: " + last_error().message());
  }
  if (!S_ISREG(status.st_mode)) return refusal("is no file");

  Sha256 sum;
  Reader reader(identity);
  std::string held;  // the end may be the sum's line, which is not part of the sum
  std::string chunk(kChunk, '\0');
  for (;;) {
    const ssize_t n = ::read(file.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return refusal("can't be read: " + last_error().message());
    if (n == 0) break;
    held.append(chunk.data(), static_cast<std::size_t>(n));
    if (held.size() <= kSumLine) continue;
    const std::string_view sure = std::string_view(held).substr(0, held.size() - kSumLine);
    sum.add(sure);
    reader.feed(sure);
    held.erase(0, sure.size());
  }
  const std::string expected = std::string(kSumBegin) + sum.hex() + std::string(kSumEnd);
  if (held != expected) {
    return refusal("is damaged, or no such file: its checksum is wrong");
  }
  return reader.finish();
}

}  // namespace wherry::watcher
