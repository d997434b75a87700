#include "tests/balancer/model/shrink.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

namespace wherry::balancer {
namespace {

namespace json = boost::json;

/// Without which an object is none.
bool is_needed(std::string_view key) {
  return key == "kind" || key == "apiVersion" || key == "metadata" || key == "name" ||
         key == "namespace" || key == "spec" || key == "clusterIP" || key == "addressType" ||
         key == "port" || key == "timeoutSeconds" || key == "ip";
}

class Shrinker {
 public:
  Shrinker(History history, const std::function<bool(const History&)>& fails)
      : best_(std::move(history)), fails_(fails) {}

  History run() {
    for (bool smaller = true; smaller;) {
      smaller = drop_events();
      for (std::size_t event = 0; event < best_.events.size(); ++event) {
        smaller = drop_from_list(event) || smaller;
        for (std::size_t i = 0; i < best_.events[event].objects.size(); ++i) {
          smaller = thin_out(event, i) || smaller;
        }
      }
    }
    return std::move(best_);
  }

 private:
  bool take_if_it_fails(History candidate) {
    if (!fails_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  /// Halves first, then ever smaller runs of events, from the end.
  bool drop_events() {
    bool smaller = false;
    for (std::size_t run = best_.events.size() / 2; run > 0; run /= 2) {
      for (std::size_t end = best_.events.size(); end > 0;) {
        const std::size_t begin = end - std::min(end, run);
        History candidate = best_;
        candidate.events.erase(std::next(candidate.events.begin(), std::ptrdiff_t(begin)),
                               std::next(candidate.events.begin(), std::ptrdiff_t(end)));
        smaller = take_if_it_fails(std::move(candidate)) || smaller;
        end = std::min(begin, best_.events.size());
      }
    }
    return smaller;
  }

  bool drop_from_list(std::size_t event) {
    bool smaller = false;
    if (best_.events[event].op != Event::Op::Replace) return false;
    for (std::size_t i = best_.events[event].objects.size(); i-- > 0;) {
      History candidate = best_;
      auto& objects = candidate.events[event].objects;
      objects.erase(std::next(objects.begin(), std::ptrdiff_t(i)));
      smaller = take_if_it_fails(std::move(candidate)) || smaller;
    }
    return smaller;
  }

  /// Tries to take away each part of an object, the large ones first.
  bool thin_out(std::size_t event, std::size_t index) {
    bool smaller = false;
    for (std::size_t part = 0;; ++part) {
      for (;;) {  // what follows moves up into the place of what went
        auto thinner = without_part(*best_.events[event].objects[index], part);
        if (!thinner) return smaller;
        History candidate = best_;
        candidate.events[event].objects[index] =
            std::make_shared<const json::value>(std::move(*thinner));
        if (!take_if_it_fails(std::move(candidate))) break;
        smaller = true;
      }
    }
  }

  /// The object without its n-th part, counted from the outside in; nothing where it has no such.
  static std::optional<json::value> without_part(const json::value& object, std::size_t n) {
    json::value copy = object;
    if (!remove_part(copy, n)) return std::nullopt;
    return copy;
  }

  static bool remove_part(json::value& value, std::size_t& n) {
    if (auto* array = value.if_array()) {
      for (std::size_t i = 0; i < array->size(); ++i) {
        if (n-- == 0) {
          array->erase(std::next(array->begin(), std::ptrdiff_t(i)));
          return true;
        }
        if (remove_part((*array)[i], n)) return true;
      }
    } else if (auto* members = value.if_object()) {
      for (auto& [key, member] : *members) {
        if (!is_needed(key) && n-- == 0) {
          members->erase(key);
          return true;
        }
        if (remove_part(member, n)) return true;
      }
    }
    return false;
  }

  History best_;
  const std::function<bool(const History&)>& fails_;
};

}  // namespace

History shrink(History history, const std::function<bool(const History&)>& fails) {
  return Shrinker(std::move(history), fails).run();
}

}  // namespace wherry::balancer
