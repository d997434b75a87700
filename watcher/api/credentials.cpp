#include "watcher/api/credentials.h"

#include "base/log.h"
#include "base/read_file.h"
#include "watcher/api/base64.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace wherry::api {
namespace {

constexpr Duration kTokenPeriod = std::chrono::seconds(50);       // A25: 60 s less 10 s
constexpr Duration kCertificatePeriod = std::chrono::minutes(5);  // A27
/// Files that don't go together are usually being replaced, one after the other.
constexpr Duration kMendingPeriod = std::chrono::seconds(10);
constexpr std::size_t kLargestCredential = 1u << 20;

ApiFailure failure(std::string text) { return {ApiErrc::Credentials, std::move(text)}; }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// What would end a header line, or is no text.
bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// As client-go writes the keys of Impersonate-Extra-*: what no header name may hold is escaped.
std::string header_key(std::string_view key) {
  constexpr std::string_view kPlain = "!#$&'*+-.^_`|~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : key) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || kPlain.find(c) != std::string_view::npos;
    if (is_plain) {
      escaped += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    escaped += '%';
    escaped += kHex[byte >> 4];
    escaped += kHex[byte & 0xf];
  }
  return escaped;
}

/// Nothing where a value can't stand in a header: leaving it out would ask for more than was meant.
std::optional<std::string> impersonation_headers(const Impersonation& impersonate) {
  std::string lines;
  bool is_good = true;
  const auto add = [&](const std::string& name, const std::string& value) {
    is_good = is_good && !has_control_characters(value);
    if (!value.empty()) lines += name + ": " + value + "\r\n";
  };
  add("Impersonate-User", impersonate.user);
  add("Impersonate-Uid", impersonate.uid);
  for (const std::string& group : impersonate.groups) add("Impersonate-Group", group);
  for (const auto& [key, values] : impersonate.extra) {
    for (const std::string& value : values) add("Impersonate-Extra-" + header_key(key), value);
  }
  if (!is_good) return std::nullopt;
  return lines;
}

/// A header line with a secret in it, of which no other copy stays.
Secret authorization(std::string_view fixed, std::string_view scheme, std::string_view value) {
  std::string lines;
  lines.reserve(fixed.size() + scheme.size() + value.size() + 32);  // no copies left by growing
  lines += fixed;
  if (!value.empty()) {
    lines += "Authorization: ";
    lines += scheme;
    lines += ' ';
    lines += value;
    lines += "\r\n";
  }
  Secret secret(lines);
  wipe(lines);
  return secret;
}

std::string name_of(const FileOrText& source, const char* field) {
  return source.text.empty() ? source.file : std::string(field) + "-data";
}

ApiResult<Secret> read_secret(const FileOrText& source) {
  if (!source.text.empty()) return source.text;
  auto text = read_file(source.file, kLargestCredential);
  if (!text) return failure(source.file + ": " + text.error().message());
  Secret secret(*text);
  wipe(*text);
  return secret;
}

}  // namespace

Credentials::Credentials(asio::io_context& loop, const ClusterAccess& access, Timers& timers,
                         const Clock& clock, Environment environment)
    : loop_(loop),
      access_(access),
      timers_(timers),
      clock_(clock),
      environment_(std::move(environment)),
      fixed_headers_(impersonation_headers(access.impersonate)) {
  if (!access.client_certificate.file.empty() || !access.client_key.file.empty()) {
    check_certificate_after(kCertificatePeriod);
  }
}

Credentials::~Credentials() = default;

asio::awaitable<ApiResult<Secret>> Credentials::headers() {
  if (!fixed_headers_) {
    co_return failure(
        "as, as-uid, as-groups or as-user-extra hold a line break or a control "
        "character, which no header can");
  }
  Secret token = access_.token;
  if (!access_.token_file.empty()) {
    ApiResult<Secret> read = token_of_file();
    if (!read) co_return read.error();
    token = *read;
  } else if (access_.exec) {
    if (auto refused = co_await refresh_plugin()) co_return *refused;
    if (plugin_answer_) token = plugin_answer_->token;
  }
  if (has_control_characters(token.view())) {
    co_return failure("the token holds a line break or a control character; a token is one word");
  }
  if (!token.empty()) co_return authorization(*fixed_headers_, "Bearer", token.view());
  if (access_.user.empty()) co_return Secret(*fixed_headers_);
  std::string pair = access_.user + ':';
  pair += access_.password.view();
  std::string encoded = encode_base64(pair);
  wipe(pair);
  Secret lines = authorization(*fixed_headers_, "Basic", encoded);
  wipe(encoded);
  co_return lines;
}

/// A25: read again after a while; where that fails the last one holds.
ApiResult<Secret> Credentials::token_of_file() {
  const TimePoint now = clock_.now();
  if (token_read_ && now - *token_read_ < kTokenPeriod) return token_;
  auto text = read_file(access_.token_file, kLargestCredential);
  if (text && !trimmed(*text).empty()) {
    token_ = Secret(trimmed(*text));
    token_read_ = now;
    wipe(*text);
    return token_;
  }
  const std::string reason = text ? "it is empty" : text.error().message();
  if (token_.empty())
    return failure("the token can't be read: " + access_.token_file + ": " + reason);
  if (token_read_) {
    log::warn("the token can't be read again; the last one stays in use",
              {{"file", access_.token_file}, {"reason", reason}});
  }
  token_read_ = now;
  return token_;
}

bool Credentials::invalidate(const Secret& refused) {
  const auto is_in_use = [&](const Secret& token) {
    return authorization(*fixed_headers_, "Bearer", token.view()) == refused;
  };
  bool may_help = false;
  if (!access_.token_file.empty()) {
    if (!is_in_use(token_)) return true;
    // Only a token that was not read just now can have become another one.
    may_help = token_read_ && clock_.now() - *token_read_ > std::chrono::seconds(1);
    token_read_.reset();
    if (may_help) token_ = Secret();
  } else if (access_.exec) {
    if (plugin_answer_ && is_in_use(plugin_answer_->token)) plugin_answer_.reset();
    may_help = true;
  }
  return may_help;
}

bool Credentials::plugin_is_fresh() const {
  return plugin_answer_ && (!plugin_answer_->expires || clock_.wall() < *plugin_answer_->expires);
}

/// One run at a time; who comes meanwhile waits for its answer.
asio::awaitable<std::optional<ApiFailure>> Credentials::refresh_plugin() {
  if (stopping_) co_return stopped();
  if (plugin_is_fresh()) co_return std::nullopt;
  if (program_) {
    const auto mine = waiting_.emplace(waiting_.end(), loop_);
    co_await mine->wait();
    waiting_.erase(mine);
    co_return plugin_failure_;
  }
  auto answer = co_await run_plugin();
  plugin_failure_.reset();
  if (answer) {
    const auto fault = fault_of({answer->client_certificate, answer->client_key});
    if (fault) answer = failure("the exec plugin " + access_.exec->command + ": " + *fault);
  }
  if (answer) {
    plugin_answer_ = std::move(*answer);
    if (!plugin_answer_->client_certificate.empty()) {
      set_certificate({plugin_answer_->client_certificate, plugin_answer_->client_key});
    }
  } else {
    plugin_failure_ = answer.error();
  }
  for (Wakeup& waiter : waiting_) waiter.wake();
  co_return plugin_failure_;
}

asio::awaitable<ApiResult<ExecCredential>> Credentials::run_plugin() {
  const ExecPlugin& plugin = *access_.exec;
  std::string authority;
  if (plugin.provide_cluster_info && !access_.certificate_authority.empty()) {
    if (auto read = read_secret(access_.certificate_authority)) authority = read->view();
  }
  Environment::Variables variables = environment_.all();
  for (const auto& [name, value] : plugin.environment) variables[name] = value;
  variables["KUBERNETES_EXEC_INFO"] = exec_info(plugin, access_, authority);

  Program::Command command;
  command.path = plugin.command;
  command.arguments = plugin.arguments;
  command.environment = Environment(std::move(variables));
  program_ = std::make_unique<Program>(loop_, timers_);
  auto ended = co_await program_->run(std::move(command));
  program_.reset();
  if (stopping_) co_return stopped();

  const std::string name = "the exec plugin " + plugin.command;
  const std::string hint = plugin.install_hint.empty() ? "" : "; " + plugin.install_hint;
  if (!ended) co_return failure(name + " can't be started: " + ended.error().message() + hint);
  using End = Program::Outcome::End;
  if (ended->end == End::TimedOut) co_return failure(name + " did not end within 60 s");
  if (ended->end == End::TooMuchOutput) co_return failure(name + " wrote more than 1 MiB");
  if (ended->end == End::Killed || ended->status != 0) {
    co_return failure(name + " failed (" + (ended->end == End::Killed ? "signal " : "exit code ") +
                      std::to_string(ended->status) + "): " + std::string(trimmed(ended->errors)));
  }
  auto parsed = parse_exec_credential(ended->output, plugin.api_version);
  wipe(ended->output);
  co_return parsed;
}

asio::awaitable<ApiResult<ClientCertificate>> Credentials::client_certificate() {
  if (access_.exec && access_.client_certificate.empty()) {
    if (auto refused = co_await refresh_plugin()) co_return *refused;
    if (!plugin_answer_) co_return ClientCertificate{};
    co_return ClientCertificate{plugin_answer_->client_certificate, plugin_answer_->client_key};
  }
  co_return current_certificate();
}

/// A27: the certificate is read again; where that fails, or half of it is new, the last good one
/// holds.
ApiResult<ClientCertificate> Credentials::current_certificate() {
  ApiResult<ClientCertificate> read = read_certificate();
  if (read) {
    certificate_fault_.clear();
    set_certificate(*read);
    return read;
  }
  if (!certificate_) return read;
  if (read.error().text != certificate_fault_) {
    certificate_fault_ = read.error().text;
    log::warn("the client certificate can't be read again; the last one stays in use",
              {{"reason", certificate_fault_}});
  }
  if (!stopping_) check_certificate_after(kMendingPeriod);
  return *certificate_;
}

ApiResult<ClientCertificate> Credentials::read_certificate() const {
  if (access_.client_certificate.empty()) return ClientCertificate{};
  auto chain = read_secret(access_.client_certificate);
  if (!chain) return chain.error();
  auto key = read_secret(access_.client_key);
  if (!key) return key.error();
  ClientCertificate read{*chain, *key};
  if (certificate_ && read == *certificate_) return read;
  if (const auto fault = fault_of(read)) {
    return failure(*fault + ": " + name_of(access_.client_certificate, "client-certificate") +
                   ", " + name_of(access_.client_key, "client-key"));
  }
  return read;
}

void Credentials::check_certificate_after(Duration pause) {
  certificate_check_ = timers_.schedule(pause, [this] {
    check_certificate_after(kCertificatePeriod);
    static_cast<void>(current_certificate());
  });
}

void Credentials::set_certificate(const ClientCertificate& certificate) {
  const bool is_another = certificate_ && !(*certificate_ == certificate);
  certificate_ = certificate;
  if (!is_another) return;
  log::info("the client certificate has changed: connections are made anew");
  for (const auto& subscriber : std::vector(subscribers_)) {
    if (const auto callback = subscriber.lock()) (*callback)();
  }
}

Credentials::Subscription Credentials::on_certificate_change(std::function<void()> callback) {
  std::erase_if(subscribers_, [](const auto& subscriber) { return subscriber.expired(); });
  auto subscription = std::make_shared<std::function<void()>>(std::move(callback));
  subscribers_.push_back(subscription);
  return subscription;
}

void Credentials::stop() {
  stopping_ = true;
  certificate_check_.cancel();
  if (program_) program_->kill();
}

}  // namespace wherry::api
