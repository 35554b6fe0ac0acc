// A name server for tests: real DNS over UDP, at 127.0.0.1, that answers as a test says.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice::test {

class NameServer {
 public:
  struct Answer {
    std::vector<std::string> addresses;  // IPv4 and IPv6; each question gets those of its family
    enum class Mood { kAnswers, kFails, kIsSilent } mood = Mood::kAnswers;
  };
  // Called on the server's thread for each question of an IPv4 address, with how many of that name came before; the
  // next question of an IPv6 address gets the same answer.
  using Script = std::function<Answer(const std::string& name, int before)>;

  // On port 53, so in a PrivateNetwork.
  explicit NameServer(Script script);
  ~NameServer();
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  [[nodiscard]] int questions(const std::string& name);  // of an IPv4 address

 private:
  void serve();
  [[nodiscard]] std::string reply_to(const std::string& message);  // "" for silence

  Script script_;
  int socket_;
  std::mutex mutex_;
  std::map<std::string, int> questions_;
  std::map<std::string, Answer> last_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace sluice::test
