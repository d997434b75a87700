#pragma once

#include "watcher/model/object_key.h"

#include <memory>
#include <vector>

namespace wherry::model {

/// Receives the objects of one kind, from whatever source: a reflector of the Kubernetes API or a
/// folder of manifests. Trackers implement it; sources call it, on the control thread.
///
/// Objects are immutable and shared: whoever must remember one holds a pointer, so that a cluster
/// is in memory once, however many are interested in it.
///
/// A source calls replace() once it knows all objects, then changes them one by one, and may
/// replace them again after a relist. Whether enough is known to act upon (W5) is for the source to
/// say elsewhere: sinks only hold what they were told.
template <class T>
class ObjectSink {
 public:
  using Object = std::shared_ptr<const T>;  ///< never null

  virtual ~ObjectSink() = default;

  virtual void replace(std::vector<Object> all) = 0;
  virtual void upsert(Object object) = 0;
  /// Erasing what is not there is no error.
  virtual void erase(const ObjectKey& key) = 0;
};

}  // namespace wherry::model
