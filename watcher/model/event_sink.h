#pragma once

#include "watcher/model/object_key.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace wherry::model {

/// The object that an Event is about.
struct EventSubject {
  std::string kind;  ///< of the core group: "Service", "Node"
  ObjectKey key;     ///< without a namespace where the kind has none
  std::string
      uid;  ///< by which kubectl describe finds its Events; of a Node its name (kubelet's way)
};

[[nodiscard]] inline EventSubject node_subject(const std::string& name) {
  return {"Node", {"", name}, name};
}

enum class EventType : std::uint8_t {
  Normal,   ///< tells of something that went as it should
  Warning,  ///< somebody should look at it
};

/// Who tells people of what happened to an object, beside the object itself (H6): the API server's
/// Events, where there is one. For what an owner of the object must know; what an operator of the
/// process must know goes to the log as well.
///
/// Control thread only. Never waits, never fails: what can't be told is left out.
class EventSink {
 public:
  virtual ~EventSink() = default;

  /// `reason` is one word in CamelCase out of a closed set, by which machines tell Events apart;
  /// `note` is a sentence for people.
  virtual void record(const EventSubject& regarding, EventType type, std::string_view reason,
                      std::string_view note) = 0;
};

/// Where there is nobody to tell.
class NoEvents final : public EventSink {
 public:
  void record(const EventSubject&, EventType, std::string_view, std::string_view) override {}
};

}  // namespace wherry::model
