#pragma once

#include "base/clock.h"
#include "watcher/model/labels.h"
#include "watcher/model/object_key.h"

#include <optional>
#include <string>

namespace wherry::model {

/// What every object has, as far as wherry looks at it.
struct ObjectMeta {
  ObjectKey key;
  std::string uid;
  Labels labels;
  Labels annotations;               ///< only those that wherry reads (see decode_meta.cpp)
  std::optional<WallTime> created;  ///< creationTimestamp; none counts as newest
  bool deleting = false;            ///< deletionTimestamp is set

  friend bool operator==(const ObjectMeta&, const ObjectMeta&) = default;
};

}  // namespace wherry::model
