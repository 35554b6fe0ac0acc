#include "tests/support/name_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <stdexcept>

namespace sluice::test {
namespace {

// RFC 1035, 4.1. A message is a header of twelve bytes and what it counts: questions, then answers.
constexpr std::size_t kHeader = 12;
constexpr std::uint16_t kPort = 53;
constexpr int kTypeA = 1;
constexpr int kTypeAaaa = 28;
constexpr int kServerFailure = 2;

struct Question {
  std::string name;  // in lower case
  int type = 0;
  std::size_t end = 0;  // of the question in its message
};

int byte_at(const std::string& message, std::size_t at) {
  return static_cast<unsigned char>(message.at(at));
}

std::optional<Question> question_of(const std::string& message) {
  if (message.size() < kHeader + 5) return std::nullopt;
  Question question;
  std::size_t at = kHeader;
  for (int length = byte_at(message, at); length > 0; length = byte_at(message, at)) {
    if (!question.name.empty()) question.name += '.';
    for (const char c : message.substr(at + 1, static_cast<std::size_t>(length)))
      question.name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    at += static_cast<std::size_t>(length) + 1;
  }
  question.type = byte_at(message, at + 1) << 8 | byte_at(message, at + 2);
  question.end = at + 5;
  return question;
}

std::string two_bytes(std::size_t number) {
  return {static_cast<char>(number >> 8U), static_cast<char>(number & 0xffU)};
}

// A record of `name`, which stands right behind the header, that may be kept for no time at all.
std::string record(int type, const std::string& address) {
  std::array<char, 16> bytes{};
  inet_pton(type == kTypeA ? AF_INET : AF_INET6, address.c_str(), bytes.data());
  const std::size_t size = type == kTypeA ? 4 : 16;
  return "\xc0\x0c" + two_bytes(static_cast<std::size_t>(type)) + two_bytes(1) + std::string(4, '\0') +
         two_bytes(size) + std::string(bytes.data(), size);
}

}  // namespace

NameServer::NameServer(Script script)
    : script_(std::move(script)), socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot answer at port 53");
  thread_ = std::thread([this] { serve(); });
}

NameServer::~NameServer() {
  stopping_ = true;
  shutdown(socket_, SHUT_RDWR);
  thread_.join();
  close(socket_);
}

int NameServer::questions(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  return questions_[name];
}

void NameServer::serve() {
  std::array<char, 512> buffer{};
  while (!stopping_) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const ssize_t got = recvfrom(socket_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
    if (got <= 0) continue;
    const std::string reply = reply_to(std::string(buffer.data(), static_cast<std::size_t>(got)));
    if (!reply.empty()) sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&peer), size);
  }
}

std::string NameServer::reply_to(const std::string& message) {
  const std::optional<Question> question = question_of(message);
  if (!question) return {};
  Answer answer;
  {
    const std::scoped_lock lock(mutex_);
    if (question->type == kTypeA) last_[question->name] = script_(question->name, questions_[question->name]++);
    answer = last_[question->name];
  }
  if (answer.mood == Answer::Mood::kIsSilent) return {};
  std::string records;
  std::size_t count = 0;
  for (const std::string& address : answer.addresses) {
    const int type = address.find(':') == std::string::npos ? kTypeA : kTypeAaaa;
    if (type != question->type) continue;
    records += record(type, address);
    count += 1;
  }
  const bool fails = answer.mood == Answer::Mood::kFails;
  const std::size_t flags = 0x8180U | (fails ? kServerFailure : 0U);
  return message.substr(0, 2) + two_bytes(flags) + two_bytes(1) + two_bytes(count) + two_bytes(0) + two_bytes(0) +
         message.substr(kHeader, question->end - kHeader) + records;
}

}  // namespace sluice::test
