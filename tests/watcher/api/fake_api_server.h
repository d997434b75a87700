#pragma once

#include "tests/watcher/api/fake_collection.h"
#include "tests/watcher/api/fake_dialer.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::test {

/// An API server at the other end of a FakeDialer: HTTP as real ones speak it, byte for byte, over
/// FakeCollections. It does nothing by itself: time and faults are the test's.
class FakeApiServer {
 public:
  /// How it behaves; may be changed at any time.
  struct Behaviour {
    bool watch_list = true;      ///< WatchList is enabled
    bool gzip = false;           ///< lists are packed
    std::string token;           ///< what a request must bring; empty: nothing
    std::size_t page_size = 0;   ///< of lists with a limit; 0: the limit's
    std::size_t piece = 0;       ///< bytes are sent in pieces of this size; 0: whole answers
    bool drop_requests = false;  ///< never answers
  };

  FakeApiServer();

  /// "/api/v1/pods" is this collection.
  void serve(const std::string& path, FakeCollection& collection);
  /// The next request is answered so, whatever it is; later ones after those before it.
  void answer_next(int status, std::string body = {}, std::string headers = {});
  void answer_next_with_bytes(std::string bytes);

  /// Tells the watches of what has changed.
  void deliver();
  void bookmark();
  /// Ends watches, as a server does whose timeout has come; or cuts every connection.
  void end_watches();
  void reset_connections();
  /// The watches that are open now hear nothing any more, and nobody tells their clients.
  void silence_watches();
  /// Sends bytes as they are into every watch.
  void send_to_watches(const std::string& text);

  [[nodiscard]] FakeDialer::Wire& wire() { return wire_; }
  Behaviour behaviour;

  /// Targets, in the order of their arrival.
  std::vector<std::string> take_requests() { return std::exchange(requests_, {}); }
  [[nodiscard]] const std::vector<std::string>& requests() const { return requests_; }
  [[nodiscard]] std::size_t open_watches() const;
  [[nodiscard]] std::size_t connections() const { return wire_.peers.size(); }

 private:
  struct Watch {
    std::shared_ptr<FakePeer> peer;
    FakeCollection* collection = nullptr;
    std::uint64_t seen = 0;
    bool silent = false;
  };
  using Query = std::map<std::string, std::string>;

  void on_request(const std::shared_ptr<FakePeer>& peer);
  void answer(const std::shared_ptr<FakePeer>& peer, const std::string& head);
  void list(FakePeer& peer, const FakeCollection& collection, const Query& query);
  void watch(const std::shared_ptr<FakePeer>& peer, FakeCollection& collection, const Query& query);
  void deliver_to(Watch& watch);
  void send(FakePeer& peer, const std::string& bytes) const;
  void send_answer(FakePeer& peer, int status, const std::string& body,
                   const std::string& headers = {}) const;
  void send_chunk(FakePeer& peer, const std::string& text) const;
  void forget_closed();

  FakeDialer::Wire wire_;
  std::map<std::string, FakeCollection*> collections_;
  std::deque<std::string> answers_;
  std::vector<Watch> watches_;
  std::vector<std::string> requests_;
};

}  // namespace wherry::test
