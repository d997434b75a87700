#include "tests/watcher/api/fake_api_server.h"

#include "tests/watcher/api/gzip_of.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <charconv>
#include <optional>
#include <utility>

namespace wherry::test {

namespace json = boost::json;

namespace {

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string hex(std::size_t number) {
  char text[20];
  return {text, std::to_chars(text, text + sizeof text, number, 16).ptr};
}

std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 2 >= text.size()) {
      plain += text[i];
      continue;
    }
    int byte = 0;
    std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    plain += static_cast<char>(byte);
    i += 2;
  }
  return plain;
}

std::map<std::string, std::string> parse_query(std::string_view text) {
  std::map<std::string, std::string> query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    query[std::string(pair.substr(0, equals))] = unescaped(pair.substr(equals + 1));
  }
  return query;
}

std::string event_text(std::string_view type, const json::object& object) {
  return json::serialize(json::object{{"type", json::string(type)}, {"object", object}}) + '\n';
}

json::object bookmark_object(const FakeCollection& collection, bool ends_initial_events) {
  json::object metadata{{"resourceVersion", std::to_string(collection.version())}};
  if (ends_initial_events) metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  return {{"kind", json::string(collection.kind())},
          {"apiVersion", json::string(collection.api_version())},
          {"metadata", std::move(metadata)}};
}

constexpr const char* kJson = "Content-Type: application/json\r\n";

}  // namespace

FakeApiServer::FakeApiServer() {
  wire_.on_connect = [this](const std::shared_ptr<FakePeer>& peer) {
    // Weak: the peer holds the callback.
    peer->on_received([this, weak = std::weak_ptr(peer)] {
      if (const auto alive = weak.lock()) on_request(alive);
    });
  };
}

void FakeApiServer::serve(const std::string& path, FakeCollection& collection) {
  collections_[path] = &collection;
}

void FakeApiServer::answer_next(int status, std::string body, std::string headers) {
  answers_.push_back("HTTP/1.1 " + std::to_string(status) + " X\r\n" + kJson + headers +
                     "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

void FakeApiServer::answer_next_with_bytes(std::string bytes) {
  answers_.push_back(std::move(bytes));
}

void FakeApiServer::on_request(const std::shared_ptr<FakePeer>& peer) {
  const std::string& text = peer->received();
  if (!text.ends_with("\r\n\r\n")) return;
  answer(peer, peer->take_received());
}

void FakeApiServer::answer(const std::shared_ptr<FakePeer>& peer, const std::string& head) {
  const std::string target = head.substr(4, head.find(' ', 4) - 4);
  requests_.push_back(target);
  if (behaviour.drop_requests) return;
  if (!answers_.empty()) {
    send(*peer, answers_.front());
    answers_.pop_front();
    return;
  }
  if (!behaviour.token.empty() &&
      head.find("\r\nAuthorization: Bearer " + behaviour.token + "\r\n") == std::string::npos) {
    return send_answer(*peer, 401, status_text(401, "Unauthorized", "Unauthorized"));
  }
  const std::size_t mark = target.find('?');
  const auto found = collections_.find(target.substr(0, mark));
  if (found == collections_.end()) {
    return send_answer(*peer, 404, status_text(404, "NotFound", "the server could not find that"));
  }
  const Query query =
      parse_query(mark == std::string::npos ? "" : std::string_view(target).substr(mark + 1));
  const std::uint64_t version =
      query.contains("resourceVersion") ? number_of(query.at("resourceVersion")) : 0;
  if (version > found->second->version()) {
    return send_answer(
        *peer, 504,
        status_text(504, "Timeout", "Too large resource version", "ResourceVersionTooLarge"));
  }
  if (query.contains("watch")) return watch(peer, *found->second, query);
  list(*peer, *found->second, query);
}

void FakeApiServer::list(FakePeer& peer, const FakeCollection& collection, const Query& query) {
  const std::size_t limit = query.contains("limit") ? number_of(query.at("limit")) : 0;
  const std::size_t page = limit == 0 ? collection.objects().size()
                                      : (behaviour.page_size > 0 ? behaviour.page_size : limit);
  const std::size_t from = query.contains("continue") ? number_of(query.at("continue")) : 0;
  json::array items;
  std::size_t index = 0;
  for (const auto& [key, object] : collection.objects()) {
    const bool is_on_page = index >= from && index < from + page;
    ++index;
    if (!is_on_page) continue;
    json::object item = object;
    item.erase("kind");
    item.erase("apiVersion");
    items.emplace_back(std::move(item));
  }
  json::object metadata{{"resourceVersion", std::to_string(collection.version())}};
  if (from + page < collection.objects().size()) metadata["continue"] = std::to_string(from + page);
  const std::string body =
      json::serialize(json::object{{"kind", json::string(collection.kind() + "List")},
                                   {"apiVersion", json::string(collection.api_version())},
                                   {"metadata", std::move(metadata)},
                                   {"items", std::move(items)}});
  if (behaviour.gzip) return send_answer(peer, 200, gzip_of(body), "Content-Encoding: gzip\r\n");
  send_answer(peer, 200, body);
}

void FakeApiServer::watch(const std::shared_ptr<FakePeer>& peer, FakeCollection& collection,
                          const Query& query) {
  const bool is_watch_list = query.contains("sendInitialEvents");
  if (is_watch_list && !behaviour.watch_list) {
    return send_answer(*peer, 422,
                       status_text(422, "Invalid",
                                   "ListOptions is invalid: sendInitialEvents: Forbidden: "
                                   "sendInitialEvents is forbidden for watch unless the WatchList "
                                   "feature gate is enabled"));
  }
  Watch watch{peer, &collection, collection.version(), false};
  if (!is_watch_list) {
    watch.seen = number_of(query.at("resourceVersion"));
    if (watch.seen < collection.compacted()) {
      return send_answer(*peer, 410, status_text(410, "Expired", "too old resource version"));
    }
  }
  send(*peer,
       "HTTP/1.1 200 OK\r\nContent-Type: application/json;stream=watch\r\n"
       "Transfer-Encoding: chunked\r\n\r\n");
  if (is_watch_list) {
    for (const auto& [key, object] : collection.objects()) {
      send_chunk(*peer, event_text("ADDED", object));
    }
    send_chunk(*peer, event_text("BOOKMARK", bookmark_object(collection, true)));
  }
  watches_.push_back(std::move(watch));
  deliver_to(watches_.back());
}

void FakeApiServer::deliver_to(Watch& watch) {
  if (watch.silent || watch.peer->is_closed_by_client()) return;
  if (watch.seen < watch.collection->compacted()) {
    send_chunk(*watch.peer,
               event_text("ERROR", status_object(410, "Expired", "too old resource version")));
    send(*watch.peer, "0\r\n\r\n");
    watch.silent = true;
    return;
  }
  for (const FakeCollection::Event& event : watch.collection->history()) {
    if (event.version > watch.seen) send_chunk(*watch.peer, event_text(event.type, event.object));
  }
  watch.seen = watch.collection->version();
}

void FakeApiServer::deliver() {
  forget_closed();
  for (Watch& watch : watches_) deliver_to(watch);
}

void FakeApiServer::bookmark() {
  deliver();
  for (Watch& watch : watches_) {
    if (watch.silent) continue;
    send_chunk(*watch.peer, event_text("BOOKMARK", bookmark_object(*watch.collection, false)));
  }
}

void FakeApiServer::end_watches() {
  for (Watch& watch : std::exchange(watches_, {})) {
    if (!watch.silent) send(*watch.peer, "0\r\n\r\n");
  }
}

void FakeApiServer::reset_connections() {
  watches_.clear();
  for (const auto& peer : std::exchange(wire_.peers, {})) peer->reset();
}

void FakeApiServer::silence_watches() {
  for (Watch& watch : watches_) watch.silent = true;
}

void FakeApiServer::send_to_watches(const std::string& text) {
  for (Watch& watch : watches_) {
    if (!watch.silent) send_chunk(*watch.peer, text);
  }
}

std::size_t FakeApiServer::open_watches() const {
  std::size_t open = 0;
  for (const Watch& watch : watches_) {
    open += !watch.silent && !watch.peer->is_closed_by_client() ? 1 : 0;
  }
  return open;
}

void FakeApiServer::send(FakePeer& peer, const std::string& bytes) const {
  if (behaviour.piece == 0) return peer.send(bytes);
  for (std::size_t at = 0; at < bytes.size(); at += behaviour.piece) {
    peer.send(bytes.substr(at, behaviour.piece));
  }
}

void FakeApiServer::send_answer(FakePeer& peer, int status, const std::string& body,
                                const std::string& headers) const {
  send(peer, "HTTP/1.1 " + std::to_string(status) + " X\r\n" + kJson + headers +
                 "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

void FakeApiServer::send_chunk(FakePeer& peer, const std::string& text) const {
  send(peer, hex(text.size()) + "\r\n" + text + "\r\n");
}

void FakeApiServer::forget_closed() {
  std::erase_if(watches_, [](const Watch& watch) { return watch.peer->is_closed_by_client(); });
  std::erase_if(wire_.peers, [](const auto& peer) { return peer->is_closed_by_client(); });
}

}  // namespace wherry::test
