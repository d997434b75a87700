#include "proxy/udp/reply_path.h"

#include "proxy/udp/packet.h"
#include "proxy/udp/raw_socket.h"

#include <array>
#include <cerrno>
#include <netinet/in.h>

namespace wherry::udp {
namespace {

/// Whether the next answer may well be sent though this one was not.
bool is_of_this_one(int error) { return error != EAGAIN && error != ENOBUFS && error != ENOMEM; }

Outgoing outgoing_of(const Datagram& answer) {
  Outgoing outgoing;
  outgoing.to = answer.client;
  outgoing.scope = answer.scope;
  outgoing.bytes = answer.bytes;
  outgoing.segment = answer.segment;
  return outgoing;
}

/// By a raw socket.
Outgoing outgoing_of(const Datagram& answer, std::span<const std::byte> header) {
  Outgoing outgoing = outgoing_of(answer);
  outgoing.to->port = 0;  // it is in the header
  outgoing.from = answer.asked.ip;
  outgoing.header = header;
  return outgoing;
}

/// Sends all, but for those that fail.
void send_all(SendBatch& batch, int fd, std::span<const Outgoing> all, std::size_t first_index,
              const ReplyPath::OnFailed& on_failed) {
  std::size_t at = 0;
  while (at < all.size()) {
    const SendBatch::Sent sent = batch.send(fd, all.subspan(at));
    at += sent.count;
    if (sent.error == 0) return;
    on_failed(first_index + at++, sent.error);
    if (is_of_this_one(sent.error)) continue;
    // No room for anybody now.
    while (at < all.size()) on_failed(first_index + at++, sent.error);
  }
}

}  // namespace

void BoundReplyPath::send(std::span<const Datagram> answers, const OnFailed& on_failed) {
  std::array<Outgoing, SendBatch::kMost> all;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    all[i] = outgoing_of(answers[i]);
    if (source_ == Source::Asked) all[i].from = answers[i].asked.ip;
  }
  send_all(batch_, fd_, {all.data(), answers.size()}, 0, on_failed);
}

Result<std::unique_ptr<RawReplyPath>> RawReplyPath::open(IpFamily family) {
  auto socket = open_raw_socket(family, IPPROTO_UDP);
  if (!socket) return socket.error();
  return std::make_unique<RawReplyPath>(Token{}, std::move(*socket));
}

error_code RawReplyPath::try_permission(IpFamily family) {
  const auto socket = open_raw_socket(family, IPPROTO_UDP);
  return socket ? error_code() : socket.error();
}

void RawReplyPath::send(std::span<const Datagram> answers, const OnFailed& on_failed) {
  std::array<Outgoing, SendBatch::kMost> all;
  std::array<std::array<std::byte, kUdpHeader>, SendBatch::kMost> headers;
  std::size_t begin = 0;
  const auto flush = [&](std::size_t end) {
    send_all(batch_, socket_.get(), {all.data() + begin, end - begin}, begin, on_failed);
  };
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].segment != 0) {  // in its turn: a flow's answers keep their order
      flush(i);
      begin = i + 1;
      if (const int error = send_segments(answers[i]); error != 0) on_failed(i, error);
      continue;
    }
    headers[i] = udp_header(answers[i].asked, answers[i].client, answers[i].bytes);
    all[i] = outgoing_of(answers[i], headers[i]);
  }
  flush(answers.size());
}

int RawReplyPath::send_segments(const Datagram& joined) {
  for (std::size_t next = 0; next < joined.count();) {
    std::array<Outgoing, SendBatch::kMost> all;
    std::array<std::array<std::byte, kUdpHeader>, SendBatch::kMost> headers;
    std::size_t count = 0;
    for (; count < all.size() && next < joined.count(); ++count) {
      const Datagram one = joined.one(next++);
      headers[count] = udp_header(one.asked, one.client, one.bytes);
      all[count] = outgoing_of(one, headers[count]);
    }
    const SendBatch::Sent sent = batch_.send(socket_.get(), {all.data(), count});
    if (sent.error != 0) return sent.error;
  }
  return 0;
}

}  // namespace wherry::udp
