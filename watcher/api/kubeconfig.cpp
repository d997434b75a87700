#include "watcher/api/kubeconfig.h"

#include "base/document/locate.h"
#include "base/document/read_documents.h"
#include "watcher/api/base64.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <utility>

namespace wherry::api {

using document::FieldReader;
namespace fs = std::filesystem;

/// Reads one file's text into the maps of a Kubeconfig.
class Kubeconfig::FileReader {
 public:
  FileReader(Kubeconfig& into, std::string_view text, const std::string& name, Faults& faults)
      : into_(into),
        text_(text),
        name_(name),
        folder_(fs::path(name).parent_path()),
        faults_(faults) {}

  void read() {
    std::optional<boost::json::value> first;
    std::optional<document::Mark> second;
    const auto take = [&](document::Document&& document) {
      if (document.item) return;
      if (!first) {
        first = std::move(document.value);
        number_ = document.number;
      } else if (!second) {
        second = document.mark;
      }
    };
    // A kubeconfig of a thousand clusters has some 50,000 values; their certificates are the most.
    const document::Limits limits{.depth = 32, .nodes = 250'000, .bytes = 16u << 20};
    if (const auto error = document::read_documents(text_, document::Expect::Yaml, limits, take)) {
      faults_.push_back({{name_, error->mark.line, error->mark.column}, "", error->text});
      return;
    }
    if (second) {
      faults_.push_back({{name_, second->line, second->column},
                         "",
                         "a second document; a kubeconfig is one document"});
    }
    const boost::json::value empty = boost::json::object();
    const FieldReader root(first ? *first : empty, field_faults_);
    if (root.expect_object("a kubeconfig, which is a mapping")) read_root(root);
    locate();
  }

 private:
  void read_root(const FieldReader& root) {
    const std::string kind = root.string("kind");
    if (!kind.empty() && kind != "Config") {
      return root.fault("kind", '"' + kind + "\" is no kubeconfig; its kind is Config");
    }
    if (into_.current_.empty()) into_.current_ = root.string("current-context");
    read_named(root, "clusters", "cluster", into_.clusters_,
               [this](const FieldReader& field) { return read_cluster(field); });
    read_named(root, "users", "user", into_.users_,
               [this](const FieldReader& field) { return read_user(field); });
    read_named(root, "contexts", "context", into_.contexts_,
               [](const FieldReader& field) { return read_context(field); });
  }

  /// "clusters: [{name: a, cluster: {...}}]"
  template <class T, class ReadOne>
  void read_named(const FieldReader& root, std::string_view list, std::string_view key,
                  std::map<std::string, T>& into, ReadOne read_one) {
    root.each(list, [&](const FieldReader& entry) {
      if (!entry.expect_object()) return;
      const std::string name = entry.string("name");
      if (name.empty()) return entry.fault("name", "missing; name what contexts shall refer to");
      const std::size_t faults_before = field_faults_.size();
      T read = read_one(entry.object(key));
      read.place = place_of(entry.path());
      document::FieldFaults found = take_faults_from(faults_before);
      const auto [counting, is_first] = into.emplace(name, std::move(read));
      // Of two entries with one name the first counts: what is wrong with another is nobody's
      // fault.
      if (is_first) found_.push_back({std::move(found), counting->second.faults});
    });
  }

  /// The faults that have been found since there were so many.
  document::FieldFaults take_faults_from(std::size_t count) {
    const auto begin = field_faults_.begin() + static_cast<std::ptrdiff_t>(count);
    document::FieldFaults taken(std::make_move_iterator(begin),
                                std::make_move_iterator(field_faults_.end()));
    field_faults_.erase(begin, field_faults_.end());
    return taken;
  }

  Cluster read_cluster(const FieldReader& field) {
    Cluster cluster;
    cluster.server = read_text(field, "server");
    cluster.proxy_url = read_text(field, "proxy-url");
    cluster.certificate_authority = read_file_or_text(field, "certificate-authority");
    cluster.skip_verify = field.boolean("insecure-skip-tls-verify").value_or(false);
    cluster.tls_server_name = field.string("tls-server-name");
    cluster.disable_compression = field.boolean("disable-compression").value_or(false);
    if (cluster.skip_verify && !cluster.certificate_authority.empty()) {
      field.fault("insecure-skip-tls-verify",
                  "true beside a certificate-authority; take one of the two away");
    }
    return cluster;
  }

  User read_user(const FieldReader& field) {
    User user;
    ClusterAccess& fields = user.fields;
    std::string token = field.string("token");
    fields.token = Secret(token);
    wipe(token);
    fields.token_file = resolve_path(field.string("tokenFile"));
    fields.user = field.string("username");
    std::string password = field.string("password");
    fields.password = Secret(password);
    wipe(password);
    fields.client_certificate = read_file_or_text(field, "client-certificate");
    fields.client_key = read_file_or_text(field, "client-key");
    if (fields.client_certificate.empty() != fields.client_key.empty()) {
      field.fault(fields.client_key.empty() ? "client-key" : "client-certificate",
                  "missing; a client certificate and its key come together");
    }
    fields.impersonate.user = field.string("as");
    fields.impersonate.uid = field.string("as-uid");
    fields.impersonate.groups = field.strings("as-groups");
    const FieldReader extra = field.object("as-user-extra");
    if (extra.present()) {
      extra.each_key([&](std::string_view key, const FieldReader&) {
        fields.impersonate.extra.emplace(key, extra.strings(key));
      });
    }
    if (fields.impersonate.user.empty() && !fields.impersonate.empty()) {
      field.fault("as", "missing; as-uid, as-groups and as-user-extra go with a user");
    }
    read_exec(field, user);
    user.auth_provider = read_text(field.object("auth-provider"), "name");
    return user;
  }

  void read_exec(const FieldReader& user_field, User& user) {
    const FieldReader field = user_field.object("exec");
    if (!field.present()) return;
    ExecPlugin exec;
    exec.api_version = field.string("apiVersion");
    if (exec.api_version != "client.authentication.k8s.io/v1" &&
        exec.api_version != "client.authentication.k8s.io/v1beta1") {
      field.fault("apiVersion",
                  '"' + exec.api_version +
                      "\" is not known; write client.authentication.k8s.io/v1, and have a plugin "
                      "that speaks it");
    }
    exec.command = field.string("command");
    if (exec.command.empty()) field.fault("command", "missing; name the program to run");
    // A path with a slash is relative to the file, a name is looked for in PATH (A30).
    if (exec.command.find('/') != std::string::npos) exec.command = resolve_path(exec.command);
    exec.arguments = field.strings("args");
    field.each("env", [&exec](const FieldReader& each) {
      if (!each.expect_object()) return;
      exec.environment.emplace_back(each.string("name"), each.string("value"));
    });
    exec.install_hint = field.string("installHint");
    exec.provide_cluster_info = field.boolean("provideClusterInfo").value_or(false);
    user.interactive_mode = field.string("interactiveMode");
    if (user.interactive_mode == "Always") {
      field.fault("interactiveMode",
                  "Always: wherry has no terminal; use a plugin that can do without "
                  "(interactiveMode IfAvailable or Never)");
    }
    user.fields.exec = std::move(exec);
  }

  static Context read_context(const FieldReader& field) {
    return {{}, {}, field.string("cluster"), field.string("user"), field.string("namespace")};
  }

  std::optional<Text> read_text(const FieldReader& field, std::string_view key) {
    auto text = field.optional_string(key);
    if (!text || text->empty()) return std::nullopt;
    const FieldReader value = field.at(key);
    return Text{std::move(*text), place_of(value.path()), value.path().to_string()};
  }

  /// KEY is a file, KEY-data its content in base64, which wins.
  FileOrText read_file_or_text(const FieldReader& field, const std::string& key) {
    FileOrText read;
    read.file = resolve_path(field.string(key));
    std::string data = field.string(key + "-data");
    if (data.empty()) return read;
    auto decoded = decode_base64(data);
    wipe(data);
    if (!decoded || decoded->empty()) {
      field.fault(key + "-data", "is no base64; write what base64 -w0 FILE prints");
      return read;
    }
    read.text = Secret(*decoded);
    wipe(*decoded);
    return read;
  }

  [[nodiscard]] std::string resolve_path(const std::string& path) const {
    if (path.empty()) return path;
    return (fs::path(folder_) / path).lexically_normal();
  }

  /// Where that is comes to be known once everything has been read.
  [[nodiscard]] PlaceIndex place_of(const document::FieldPath& path) {
    wanted_.push_back({number_, path});
    return into_.places_.size() + wanted_.size() - 1;
  }

  /// All places and faults in one more pass over the text.
  void locate() {
    const std::size_t places = wanted_.size();
    found_.push_back({std::move(field_faults_), faults_});
    for (const Found& each : found_) {
      for (const document::FieldFault& fault : each.faults)
        wanted_.push_back({number_, fault.path});
    }
    if (wanted_.empty()) return;
    const std::vector<document::Mark> marks = document::locate(text_, wanted_);
    for (std::size_t i = 0; i < places; ++i) {
      into_.places_.push_back({name_, marks[i].line, marks[i].column});
    }
    auto mark = marks.begin() + static_cast<std::ptrdiff_t>(places);
    for (const Found& each : found_) {
      for (const document::FieldFault& fault : each.faults) {
        each.into.push_back(
            {{name_, mark->line, mark->column}, fault.path.to_string(), fault.text});
        ++mark;
      }
    }
  }

  Kubeconfig& into_;
  std::string_view text_;
  const std::string& name_;
  const std::string folder_;
  Faults& faults_;
  /// What is wrong with one entry, or with the file, and who is told once its place is known.
  struct Found {
    document::FieldFaults faults;
    Faults& into;
  };

  document::FieldFaults field_faults_;  ///< of what is being read
  std::vector<Found> found_;
  std::size_t number_ = 0;
  std::vector<document::Where> wanted_;  ///< of the places that entries point to
};

namespace {

/// ", there are a, b, c": for names that are not there.
template <class T>
std::string known_names(const std::map<std::string, T>& entries) {
  constexpr std::size_t kMost = 20;
  if (entries.empty()) return "; the kubeconfig has none";
  std::string text = "; there are ";
  std::size_t count = 0;
  for (const auto& [name, entry] : entries) {
    if (count++ == kMost) return text + ", ...";
    text += (count == 1 ? "" : ", ") + name;
  }
  return text;
}

}  // namespace

void Kubeconfig::add(std::string_view text, const std::string& name, Faults& faults) {
  files_ += (files_.empty() ? "" : ":") + name;
  FileReader(*this, text, name, faults).read();
}

std::vector<std::string> Kubeconfig::contexts() const {
  std::vector<std::string> names;
  for (const auto& [name, context] : contexts_) names.push_back(name);
  return names;
}

std::variant<ClusterAccess, Faults> Kubeconfig::resolve(const Choice& choice) const {
  const std::string& name = choice.context.empty() ? current_ : choice.context;
  if (name.empty()) {
    return Faults{{{files_},
                   "current-context",
                   "missing; name a context with --context" + known_names(contexts_)}};
  }
  const auto context = contexts_.find(name);
  if (context == contexts_.end()) {
    return Faults{{{files_},
                   choice.context.empty() ? "current-context" : "",
                   "there is no context " + name + known_names(contexts_)}};
  }
  Faults faults = context->second.faults;
  const auto add = [&faults](const Faults& more) {
    faults.insert(faults.end(), more.begin(), more.end());
  };
  const auto cluster = clusters_.find(context->second.cluster);
  if (cluster != clusters_.end()) {
    add(cluster->second.faults);
  } else {
    faults.push_back({places_[context->second.place], "cluster",
                      "the context " + name + " names the cluster \"" + context->second.cluster +
                          "\", which is not there" + known_names(clusters_)});
  }
  static const User kNobody{};
  const auto found = users_.find(context->second.user);
  const User& user = found != users_.end() ? found->second : kNobody;
  add(user.faults);
  if (found == users_.end() && !context->second.user.empty()) {
    faults.push_back({places_[context->second.place], "user",
                      "the context " + name + " names the user \"" + context->second.user +
                          "\", which is not there" + known_names(users_)});
  }
  if (!faults.empty()) return faults;

  ClusterAccess access = user.fields;
  access.origin = files_ + ", context " + name;
  access.name_space = context->second.name_space;
  const Cluster& from = cluster->second;
  access.certificate_authority = from.certificate_authority;
  access.skip_verify = from.skip_verify;
  // Another server has another name, which is usually the one that it is called by (client-go too).
  if (choice.server.empty()) access.tls_server_name = from.tls_server_name;
  access.compression = !from.disable_compression;

  // client-go: what only TLS needs says that TLS is meant.
  const bool tls_is_likely = !access.certificate_authority.empty() || access.skip_verify ||
                             !access.client_certificate.empty();
  const bool is_given = !choice.server.empty();
  if (!is_given && !from.server) {
    faults.push_back({places_[from.place], "server",
                      "missing; write where the API server is, for example "
                      "https://10.0.0.1:6443"});
  } else {
    auto url = parse_server_url(is_given ? choice.server : from.server->value, tls_is_likely);
    if (const auto* fault = std::get_if<UrlFault>(&url)) {
      faults.push_back(
          is_given
              ? Fault{{"--master"}, "", '"' + without_user(choice.server) + "\" " + fault->text}
              : Fault{places_[from.server->place], from.server->field,
                      '"' + without_user(from.server->value) + "\" " + fault->text});
    } else {
      access.server = std::move(std::get<ServerUrl>(url));
    }
  }
  if (from.proxy_url) {
    auto url = parse_proxy_url(from.proxy_url->value);
    if (const auto* fault = std::get_if<UrlFault>(&url)) {
      faults.push_back({places_[from.proxy_url->place], from.proxy_url->field, fault->text});
    } else {
      access.proxy = std::move(std::get<ProxyUrl>(url));
    }
  }
  if (user.auth_provider && !access.has_credentials()) {
    faults.push_back({places_[user.auth_provider->place], user.auth_provider->field,
                      "auth-provider \"" + user.auth_provider->value +
                          "\": Kubernetes has taken auth providers away; use an exec plugin"});
  }
  if (!faults.empty()) return faults;
  return access;
}

}  // namespace wherry::api
