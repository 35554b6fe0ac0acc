// Header lines as curl wants them, in three blocks of memory instead of two a line.
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

class HeaderLines {
 public:
  HeaderLines();

  // The line is the parts one after another.
  void add(std::string_view first, std::string_view second = {}, std::string_view third = {});

  // Null for no lines. Valid until the next call of either function or the end of this object.
  [[nodiscard]] curl_slist* list();

 private:
  std::string text_;  // each line with a NUL
  std::vector<std::size_t> starts_;
  std::vector<curl_slist> nodes_;
};

}  // namespace sluice::http
