#include "watcher/api/object_store.h"

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <string_view>

namespace wherry::api {
namespace {

namespace json = boost::json;

std::string_view metadata(const json::value& object, std::string_view field) {
  const json::object* root = object.if_object();
  const json::value* meta = root == nullptr ? nullptr : root->if_contains("metadata");
  const json::object* fields = meta == nullptr ? nullptr : meta->if_object();
  const json::value* found = fields == nullptr ? nullptr : fields->if_contains(field);
  const json::string* text = found == nullptr ? nullptr : found->if_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

}  // namespace

std::string resource_version_of(const json::value& object) {
  return std::string(metadata(object, "resourceVersion"));
}

model::ObjectKey key_of(const json::value& object) {
  return {std::string(metadata(object, "namespace")), std::string(metadata(object, "name"))};
}

}  // namespace wherry::api
