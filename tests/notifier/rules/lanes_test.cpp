// All lanes of a process: when enough waits in them that a claim may take its time.
#include "notifier/lanes.h"

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <array>

#include "tests/notifier/rules/delivery_builder.h"

namespace sluice::notifier {
namespace {

class LanesTest : public testing::Test {
 protected:
  LanesTest() { (void)lanes_.review(acquired(true), now_); }

  // What acquire_lanes answers: one lane, or none.
  static pg::Result acquired(bool ours) {
    std::array<std::string, 5> names{"endpoint_id", "token", "paused_ms", "breaker", "fair_share"};
    std::array<PGresAttDesc, 5> columns{};
    for (std::size_t i = 0; i < names.size(); ++i) columns[i].name = names[i].data();
    PGresult* result = PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK);
    PQsetResultAttrs(result, static_cast<int>(columns.size()), columns.data());
    if (ours) {
      std::array<std::string, 5> row{kEndpoint, "3", "0", "", "1"};
      for (std::size_t i = 0; i < row.size(); ++i)
        PQsetvalue(result, 0, static_cast<int>(i), i == 3 ? nullptr : row[i].data(), static_cast<int>(row[i].size()));
    }
    return pg::Result(result);
  }

  Delivery delivery(std::int64_t id) {
    Destination destination = make_destination();
    destination.max_in_flight = 2;
    Delivery made = make_delivery(0, destination);
    made.id = id;
    made.endpoint = *Uuid::parse(kEndpoint);
    return made;
  }
  std::uint64_t begin(std::int64_t id) {
    const auto era = lanes_.begin(delivery(id), now_);
    EXPECT_TRUE(era);
    return era.value_or(0);
  }
  void deliver(std::int64_t id, std::uint64_t era) {
    Outcome delivered;
    delivered.kind = Outcome::Kind::kDelivered;
    lanes_.end(delivery(id), delivered, era, now_, 0);
    lanes_.written(delivery(id));
  }
  bool keep(std::int64_t id) {
    Delivery kept = delivery(id);
    return lanes_.keep(kept, now_);
  }

  static constexpr const char* kEndpoint = "0197a0f5-7b1c-7000-8000-000000000001";
  Clock::time_point now_ = Clock::now();
  Lanes lanes_;
};

TEST_F(LanesTest, AreStockedWhileAsManyWaitAsAreInFlight) {
  EXPECT_FALSE(lanes_.are_stocked()) << "nothing waits";
  deliver(1, begin(1));
  const auto second = begin(2);
  const auto third = begin(3);
  ASSERT_TRUE(keep(4));
  EXPECT_FALSE(lanes_.are_stocked()) << "two in flight, one waits";
  ASSERT_TRUE(keep(5));
  EXPECT_TRUE(lanes_.are_stocked());
  deliver(2, second);
  ASSERT_TRUE(lanes_.begin_waiting(*Uuid::parse(kEndpoint), now_));
  EXPECT_FALSE(lanes_.are_stocked()) << "two in flight, one waits";
  deliver(3, third);
  EXPECT_TRUE(lanes_.are_stocked()) << "one in flight, one waits";
}

TEST_F(LanesTest, AreNotStockedWithWhatWasDropped) {
  deliver(1, begin(1));
  ASSERT_TRUE(keep(2));
  ASSERT_TRUE(lanes_.are_stocked());
  lanes_.drop_waiting();
  EXPECT_FALSE(lanes_.are_stocked());
  ASSERT_TRUE(keep(3));
  (void)lanes_.review(acquired(false), now_);
  EXPECT_FALSE(lanes_.are_stocked());
  EXPECT_EQ(lanes_.in_flight(), 0U);
}

}  // namespace
}  // namespace sluice::notifier
