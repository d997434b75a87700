#include "watcher/api/outage_log.h"

#include "base/duration.h"
#include "base/log.h"

#include <algorithm>
#include <chrono>

namespace wherry::api {
namespace {

std::string lasted(TimePoint since, TimePoint now) {
  return format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(now - since));
}

}  // namespace

bool OutageLog::is_shared(ApiErrc code) noexcept {
  switch (code) {
    case ApiErrc::Forbidden:
    case ApiErrc::NotFound:
    case ApiErrc::BadRequest:
    case ApiErrc::UnexpectedAnswer:
    case ApiErrc::Malformed:
    case ApiErrc::TooLarge:
    case ApiErrc::Gone:
    case ApiErrc::VersionTooLarge:
      return false;
    default:
      return true;
  }
}

void OutageLog::update(const std::string& resource, const std::optional<ApiFailure>& failing,
                       TimePoint now) {
  const auto before = failing_.find(resource);
  if (!failing) {
    if (before == failing_.end()) return;
    failing_.erase(before);
    if (const auto alone = alone_since_.extract(resource)) {
      log::info("the API server tells of this resource again",
                {{"resource", resource}, {"after", lasted(alone.mapped(), now)}});
    }
    return end(now);
  }
  const bool is_news = before == failing_.end() || before->second.first != failing->code;
  failing_[resource] = {failing->code, failing->text};
  if (!is_news) return;
  if (!is_shared(failing->code)) {
    alone_since_.emplace(resource, now);
    log::warn("the API server does not tell of this resource; what is known of it stays in force",
              {{"resource", resource},
               {"server", server_},
               {"code", to_string(failing->code)},
               {"reason", failing->text}});
    return;
  }
  if (!since_) since_ = now;
  if (!told_.insert(failing->code).second) return;
  log::warn("the API server can't be followed; what is known of it stays in force",
            {{"server", server_}, {"code", to_string(failing->code)}, {"reason", failing->text}});
}

/// Once no resource suffers from the server any more.
void OutageLog::end(TimePoint now) {
  const bool goes_on = std::any_of(failing_.begin(), failing_.end(),
                                   [](const auto& each) { return is_shared(each.second.first); });
  if (goes_on || !since_) return;
  log::info("the API server is followed again",
            {{"server", server_}, {"after", lasted(*since_, now)}});
  since_.reset();
  told_.clear();
}

}  // namespace wherry::api
