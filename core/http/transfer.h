// One curl easy handle and the response it collects. Handles are used again for later requests, with every option that
// varies set anew each time.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>
#include <vector>

#include "core/async/event.h"
#include "core/http/client.h"
#include "core/http/header_lines.h"
#include "core/http/judged_url.h"

namespace sluice::http {

struct EasyCleanup {
  void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, EasyCleanup>;

// A handle with every setting that all requests share (WEBHOOKS 5).
[[nodiscard]] Easy make_easy(const ClientOptions& options);

// Lives in the coroutine that sends; request, URL and event outlive the transfer.
class Transfer {
 public:
  Transfer(Easy easy, const AddressGuard& guard, Event& done) : easy_(std::move(easy)), guard_(guard), done_(done) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // Sets the handle up. `pinned` are the judged addresses of a name, empty for a literal address.
  void prepare(const Request& request, const JudgedUrl& url, const std::vector<Address>& pinned);

  // curl has finished with it: stores the outcome and wakes the coroutine.
  void finish(CURLcode code) noexcept;

  // The outcome, taken out after finish(); before it, what has arrived so far, for a transfer that is given up.
  [[nodiscard]] Response take_response();

  [[nodiscard]] CURL* easy() const noexcept { return easy_.get(); }
  [[nodiscard]] Easy release() noexcept;  // the handle for the next request, holding on to nothing of this one

 private:
  static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  void set_method(const Request& request);
  void set_headers(const Request& request);
  void set_certificate(const ClientCertificate* certificate);
  void read_header(std::string_view line);
  [[nodiscard]] bool is_complete() const noexcept;

  Easy easy_;
  const AddressGuard& guard_;
  Event& done_;
  HeaderLines headers_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> pinned_{nullptr, &curl_slist_free_all};

  Response response_;
  int header_status_ = 0;          // of the header block being read, which may be an interim one
  bool headers_complete_ = false;  // of the final response
  std::size_t header_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  std::size_t keep_body_ = 0;
  bool headers_too_large_ = false;
  bool body_too_large_ = false;
  bool out_of_descriptors_ = false;
  Verdict refused_{true, "", ""};
};

}  // namespace sluice::http
