// Who may ask the console: whoever has the address that it printed. A token in that address is changed for a cookie, so
// that it stands in no later request; names in Host and Origin keep other sites' pages out.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/http/server.h"

namespace sluice::console {

class Access {
 public:
  // For a server that is bound to `address` ("127.0.0.1:9470") and was told to listen on `listen`, which may be a name.
  Access(std::string_view address, std::string_view listen);

  // "http://127.0.0.1:9470/?token=…"
  [[nodiscard]] std::string link() const;

  // Whether the Host is one that a browser only sends when it was meant: an address of this machine's loopback, the one
  // that is listened on, or localhost. Any other name may have been made to point here (DNS rebinding).
  [[nodiscard]] bool meant(const http::ServerRequest& request) const;

  // Whether the request has the cookie.
  [[nodiscard]] bool signed_in(const http::ServerRequest& request) const;

  // The Set-Cookie of a request with the right token in its query, else nothing.
  [[nodiscard]] std::optional<std::string> sign_in(const http::ServerRequest& request) const;

  // Whether a page of the console's own made the request: its Origin is the Host.
  [[nodiscard]] static bool own_page(const http::ServerRequest& request);

 private:
  std::string address_;
  std::string host_;    // that was bound, without the port
  std::string listen_;  // that was asked for, without the port
  bool every_address_;  // 0.0.0.0 or [::]
  std::string cookie_name_;
  std::string cookie_;
  std::string token_;
};

}  // namespace sluice::console
