// What the console answers to a request: its page, and the API under /api (docs/console.md).
#pragma once

#include "console/access.h"
#include "console/database.h"
#include "console/live.h"
#include "console/series.h"
#include "core/http/server.h"

namespace sluice::console {

class Site {
 public:
  // References live as long as the site, which lives as long as what it answers.
  Site(const Access& access, Database& database, Series& series, Live& live)
      : access_(access), database_(database), series_(series), live_(live) {}

  Task<http::Reply> answer(const http::ServerRequest& request);

 private:
  Task<http::Reply> judge(const http::ServerRequest& request);
  Task<http::Reply> api(const http::ServerRequest& request, std::span<const std::string> words);
  Task<http::Reply> act(const http::ServerRequest& request, std::span<const std::string> words);
  Task<http::Reply> ask(std::string_view statement, pg::Params params);
  Task<http::Reply> me();
  Task<http::Reply> overview();

  const Access& access_;
  Database& database_;
  Series& series_;
  Live& live_;
};

}  // namespace sluice::console
