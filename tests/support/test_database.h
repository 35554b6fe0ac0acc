// A database of one test's own.
#pragma once

#include <string>
#include <string_view>

#include "tests/support/test_cluster.h"

namespace sluice::test {

// Created by the constructor and dropped, with whoever is still connected, by the destructor.
class TestDatabase {
 public:
  enum class From { kTemplate, kNothing };  // migrated, or empty

  explicit TestDatabase(From from = From::kTemplate);
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string dsn() const { return TestCluster::instance().dsn(name_); }
  [[nodiscard]] std::string socket_dsn() const { return TestCluster::instance().socket_dsn(name_); }
  // Through something that listens on another port of 127.0.0.1, such as a TcpProxy.
  [[nodiscard]] std::string dsn_through(int port) const {
    return TestCluster::instance().dsn_as("postgres", name_, port);
  }

 private:
  std::string name_;
};

}  // namespace sluice::test
