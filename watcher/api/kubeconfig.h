#pragma once

#include "base/document/field_reader.h"
#include "base/fault.h"
#include "watcher/api/access.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace wherry::api {

/// The files that kubectl reads: clusters, users, and contexts that name one of each (A28, A29).
/// Pure: who calls it brings the texts.
class Kubeconfig {
 public:
  /// Adds what one file says. Of an entry that several files have the first counts, as does the
  /// first current-context. `name` is the file's path as it shall stand in messages; relative paths
  /// in it are relative to its folder. What is wrong with the file is added to `faults` with line
  /// and column, and left out of the rest. What is wrong with one cluster, user or context is for
  /// resolve() to say: nobody is kept from one context by a fault of another (kubectl too).
  void add(std::string_view text, const std::string& name, Faults& faults);

  /// What a person chose in place of what the files say; empty: nothing.
  struct Choice {
    std::string context;
    std::string server;  ///< --master
  };
  /// The access of one context, or every fault on the way there.
  [[nodiscard]] std::variant<ClusterAccess, Faults> resolve(const Choice& choice) const;

  [[nodiscard]] std::vector<std::string> contexts() const;

 private:
  using PlaceIndex = std::size_t;  ///< in places_

  /// Something that a file says, and where.
  struct Text {
    std::string value;
    PlaceIndex place = 0;
    std::string field;
  };
  struct Cluster {
    PlaceIndex place = 0;
    Faults faults;
    std::optional<Text> server;
    std::optional<Text> proxy_url;
    FileOrText certificate_authority;
    bool skip_verify = false;
    std::string tls_server_name;
    bool disable_compression = false;
  };
  struct User {
    PlaceIndex place = 0;
    Faults faults;
    ClusterAccess fields;  ///< what the server shall know us by, and no more
    std::string interactive_mode;
    std::optional<Text> auth_provider;
  };
  struct Context {
    PlaceIndex place = 0;
    Faults faults;
    std::string cluster;
    std::string user;
    std::string name_space;
  };
  class FileReader;

  std::map<std::string, Cluster> clusters_;
  std::map<std::string, User> users_;
  std::map<std::string, Context> contexts_;
  std::vector<Place> places_;
  std::string current_;
  std::string files_;  ///< names of the files, for messages
};

}  // namespace wherry::api
