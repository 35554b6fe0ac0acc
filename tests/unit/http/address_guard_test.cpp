#include "core/http/address_guard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "core/base/errors.h"
#include "core/http/header_policy.h"

namespace sluice::http {
namespace {

Address address(std::string_view text) {
  const auto parsed = Address::from_numeric(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Address::v4(0));
}

AddressGuard guard_allowing(const std::vector<std::string>& networks) {
  GuardPolicy policy;
  for (const auto& text : networks) policy.allow_networks.push_back(Network::parse(text));
  return AddressGuard(policy);
}

// First and last address of every denied range, and the neighbours that are public again.
TEST(AddressGuard, DeniesTheRangesOfTheContractToTheirEdges) {
  const std::map<std::string, std::string> table{
      {"0.0.0.0", "this_network"},
      {"0.255.255.255", "this_network"},
      {"1.0.0.0", ""},
      {"9.255.255.255", ""},
      {"10.0.0.0", "private_network"},
      {"10.255.255.255", "private_network"},
      {"11.0.0.0", ""},
      {"100.63.255.255", ""},
      {"100.64.0.0", "shared_network"},
      {"100.127.255.255", "shared_network"},
      {"100.128.0.0", ""},
      {"126.255.255.255", ""},
      {"127.0.0.0", "loopback"},
      {"127.255.255.255", "loopback"},
      {"128.0.0.0", ""},
      {"168.63.129.15", ""},
      {"168.63.129.16", "cloud_metadata"},
      {"168.63.129.17", ""},
      {"169.253.255.255", ""},
      {"169.254.0.0", "link_local"},
      {"169.254.169.254", "link_local"},
      {"169.254.255.255", "link_local"},
      {"169.255.0.0", ""},
      {"172.15.255.255", ""},
      {"172.16.0.0", "private_network"},
      {"172.31.255.255", "private_network"},
      {"172.32.0.0", ""},
      {"191.255.255.255", ""},
      {"192.0.0.0", "special_purpose"},
      {"192.0.0.255", "special_purpose"},
      {"192.0.1.0", ""},
      {"192.0.1.255", ""},
      {"192.0.2.0", "documentation"},
      {"192.0.2.255", "documentation"},
      {"192.0.3.0", ""},
      {"192.88.98.255", ""},
      {"192.88.99.0", "relay"},
      {"192.88.99.255", "relay"},
      {"192.88.100.0", ""},
      {"192.167.255.255", ""},
      {"192.168.0.0", "private_network"},
      {"192.168.255.255", "private_network"},
      {"192.169.0.0", ""},
      {"198.17.255.255", ""},
      {"198.18.0.0", "benchmarking"},
      {"198.19.255.255", "benchmarking"},
      {"198.20.0.0", ""},
      {"198.51.99.255", ""},
      {"198.51.100.0", "documentation"},
      {"198.51.100.255", "documentation"},
      {"198.51.101.0", ""},
      {"203.0.112.255", ""},
      {"203.0.113.0", "documentation"},
      {"203.0.113.255", "documentation"},
      {"203.0.114.0", ""},
      {"223.255.255.255", ""},
      {"224.0.0.0", "multicast"},
      {"239.255.255.255", "multicast"},
      {"240.0.0.0", "reserved"},
      {"255.255.255.255", "reserved"},
      {"::", "this_network"},
      {"::1", "loopback"},
      {"::2", "reserved"},
      {"::127.0.0.1", "reserved"},
      {"::8.8.8.8", "reserved"},
      {"100::1", "reserved"},
      {"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"},
      {"2000::", ""},
      {"2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
      {"2001::", "special_purpose"},
      {"2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "special_purpose"},
      {"2001:200::", ""},
      {"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", ""},
      {"2001:db8::", "documentation"},
      {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"},
      {"2001:db9::", ""},
      {"2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
      {"2002::", "relay"},
      {"2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "relay"},
      {"2003::", ""},
      {"2606:4700::1111", ""},
      {"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
      {"3fff::", "documentation"},
      {"3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"},
      {"3fff:1000::", ""},
      {"3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
      {"4000::", "reserved"},
      {"5f00::1", "reserved"},
      {"64:ff9b:1::1", "reserved"},
      {"fc00::", "private_network"},
      {"fdff::1", "private_network"},
      {"fe80::1", "link_local"},
      {"febf::1", "link_local"},
      {"fec0::1", "reserved"},
      {"ff02::1", "multicast"},
      {"::ffff:10.0.0.1", "private_network"},
      {"::ffff:8.8.8.8", ""},
      {"::ffff:169.254.169.254", "link_local"},
      {"64:ff9b::7f00:1", "loopback"},
      {"64:ff9b::a00:1", "private_network"},
      {"64:ff9b::808:808", ""},
  };
  const AddressGuard guard;
  for (const auto& [text, reason] : table) {
    const Verdict verdict = guard.judge_address(address(text));
    EXPECT_EQ(verdict.reason, reason) << text;
    EXPECT_EQ(verdict.allowed, reason.empty()) << text;
  }
}

TEST(AddressGuard, AllowedNetworksOpenRangesOnEveryPort) {
  const AddressGuard guard = guard_allowing({"127.0.0.0/8", "fd00::/8"});
  EXPECT_TRUE(guard.judge_target(address("127.9.9.9"), 5432).allowed);
  EXPECT_TRUE(guard.judge_target(address("::ffff:127.0.0.1"), 1).allowed);
  EXPECT_TRUE(guard.judge_target(address("64:ff9b::7f00:1"), 80).allowed);
  EXPECT_TRUE(guard.judge_target(address("fd12::1"), 3000).allowed);
  EXPECT_FALSE(guard.judge_target(address("fc12::1"), 443).allowed);
  EXPECT_FALSE(guard.judge_target(address("10.0.0.1"), 443).allowed);
  EXPECT_EQ(guard.judge_address(address("127.0.0.1")).reason, "allowed_network");
}

TEST(AddressGuard, PortsOutsideThePolicyAreRefused) {
  const AddressGuard guard;
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{80, 443, 8000, 8443, 9000})
    EXPECT_TRUE(guard.judge_target(address("8.8.8.8"), port).allowed) << port;
  for (const std::uint16_t port :
       std::initializer_list<std::uint16_t>{0, 22, 25, 79, 81, 444, 5432, 7999, 9001, 65535}) {
    EXPECT_EQ(guard.judge_target(address("8.8.8.8"), port).reason, "port") << port;
  }
}

TEST(AddressGuard, OurOwnListenersAreRefusedEvenInAllowedNetworks) {
  AddressGuard guard = guard_allowing({"127.0.0.0/8", "10.0.0.0/8"});
  guard.deny({address("127.0.0.1"), 9464});
  guard.deny({address("10.1.1.1"), 0});
  guard.deny({address("0.0.0.0"), 9465});
  EXPECT_EQ(guard.judge_target(address("127.0.0.1"), 9464).reason, "own_service");
  EXPECT_EQ(guard.judge_target(address("::ffff:127.0.0.1"), 9464).reason, "own_service");
  EXPECT_TRUE(guard.judge_target(address("127.0.0.1"), 9463).allowed);
  EXPECT_EQ(guard.judge_target(address("10.1.1.1"), 443).reason, "own_service");
  EXPECT_EQ(guard.judge_target(address("127.0.0.5"), 9465).reason, "own_service");
  EXPECT_NE(guard.judge_target(address("8.8.8.8"), 9465).reason, "own_service");
}

TEST(AddressGuard, JudgesUrlsByTheAddressTheyMean) {
  const AddressGuard guard;
  const std::map<std::string, std::string> refused{
      {"http://127.0.0.1/", "loopback"},
      {"http://2130706433/", "loopback"},
      {"http://0x7f.1/", "loopback"},
      {"http://0x7f000001/", "loopback"},
      {"http://0177.0.0.1/", "loopback"},
      {"http://127.1:80/", "loopback"},
      {"http://127.0.0.1./", "loopback"},
      {"http://0x7f000001./", "loopback"},
      {"http://%31%32%37.0.0.1/", "loopback"},
      {"http://①②⑦.0.0.1/", "loopback"},
      {"http://１２７.0.0.1/", "loopback"},
      {"http://２１３０７０６４３３/", "loopback"},
      {"http://127。0。0。1/", "loopback"},
      {"http://0/", "this_network"},
      {"http://[::]/", "this_network"},
      {"http://[::1]/", "loopback"},
      {"http://[::ffff:127.0.0.1]/", "loopback"},
      {"http://[::ffff:7f00:1]/", "loopback"},
      {"http://[64:ff9b::10.0.0.1]/", "private_network"},
      {"https://169.254.169.254/latest/meta-data", "link_local"},
      {"http://[fe80::1%25eth0]/", "url_zone"},
      {"http://user@a.example/", "url_userinfo"},
      {"http://user:pw@a.example/", "url_userinfo"},
      {"http://:pw@a.example/", "url_userinfo"},
      {"http://@a.example/", "url_userinfo"},
      {"http://a.example\\@127.0.0.1/", "url_userinfo"},
      {"ftp://a.example/", "url_scheme"},
      {"file:///etc/passwd", "url_scheme"},
      {"gopher://a.example/", "url_scheme"},
      {"javascript:alert(1)", "url_syntax"},
      {"a.example/path", "url_syntax"},
      {"", "url_syntax"},
      {"http://", "url_syntax"},
      {"http://a b/", "url_syntax"},
      {"http://a.example:65536/", "url_syntax"},
      {"http://a.example:0/", "port"},
      {"http://a.example:22/", "port"},
      {"http://8.8.8.8:5432/", "port"},
      {"http://localhost/", "local_name"},
      {"http://LOCALHOST./", "local_name"},
      {"http://a.localhost/", "local_name"},
      {"http://ｌｏｃａｌｈｏｓｔ/", "local_name"},
      {"http://printer.local/", "local_name"},
      {"http://metadata.google.internal/", "local_name"},
      {"http://intranet/", "local_name"},
      {"http://1.2.3.4.5/", "url_host"},
      {"http://256.256.256.256/", "url_host"},
      {"http://4294967296/", "url_host"},
      {"http://a.example.0x7f/", "url_host"},
      {"http://a..example/", "url_host"},
  };
  for (const auto& [url, reason] : refused) {
    const Verdict verdict = guard.judge_url(url);
    EXPECT_FALSE(verdict.allowed) << url;
    EXPECT_EQ(verdict.reason, reason) << url << ": " << verdict.sentence;
    EXPECT_FALSE(verdict.sentence.empty()) << url;
  }
  const std::string start = "http://a.example/";
  EXPECT_TRUE(guard.judge_url(start + std::string(8192 - start.size(), 'x')).allowed);
  EXPECT_EQ(guard.judge_url(start + std::string(8193 - start.size(), 'x')).reason, "url_length");
  EXPECT_EQ(guard.judge_url(std::string_view("http://a.example/\0b", 19)).reason, "url_syntax");
  EXPECT_EQ(guard.judge_url("http://a.example/\r\nx: y").reason, "url_syntax");

  for (const char* url : {"https://hooks.example.com/a?b=c#d", "http://a.example:8080/", "HTTPS://A.EXAMPLE:443",
                          "https://bücher.example/ü", "http://a.example/with space"}) {
    const Verdict verdict = guard.judge_url(url);
    EXPECT_TRUE(verdict.allowed) << url << ": " << verdict.reason;
    EXPECT_EQ(verdict.reason, "name_unresolved");
  }
  EXPECT_TRUE(guard.judge_url("https://8.8.8.8/").allowed);
  EXPECT_TRUE(guard.judge_url("https://[2606:4700::1111]:8443/").allowed);
}

TEST(AddressGuard, AllowedNetworksOpenUrlsToo) {
  const AddressGuard guard = guard_allowing({"127.0.0.0/8"});
  for (const char* url :
       {"http://127.0.0.1:3000/", "http://localhost:3000/", "http://0x7f.1:1/", "http://a.internal/"}) {
    EXPECT_TRUE(guard.judge_url(url).allowed) << url;
  }
  EXPECT_FALSE(guard.judge_url("http://[::1]:3000/").allowed);
  EXPECT_FALSE(guard.judge_url("http://10.0.0.1/").allowed);
  EXPECT_FALSE(guard_allowing({"10.0.0.0/8"}).judge_url("http://localhost/").allowed);
}

TEST(Network, ParsesAndRefuses) {
  EXPECT_TRUE(Network::parse("10.0.0.0/8").contains(address("10.255.0.1")));
  EXPECT_FALSE(Network::parse("10.0.0.0/8").contains(address("11.0.0.1")));
  EXPECT_TRUE(Network::parse("0.0.0.0/0").contains(address("8.8.8.8")));
  EXPECT_FALSE(Network::parse("0.0.0.0/0").contains(address("::1")));
  EXPECT_TRUE(Network::parse("192.0.2.7").contains(address("192.0.2.7")));
  EXPECT_FALSE(Network::parse("192.0.2.7").contains(address("192.0.2.6")));
  EXPECT_TRUE(Network::parse("::ffff:10.0.0.0/104").contains(address("10.1.2.3")));
  EXPECT_TRUE(Network::parse("2001:db8::/33").contains(address("2001:db8:7fff::1")));
  EXPECT_FALSE(Network::parse("2001:db8::/33").contains(address("2001:db8:8000::1")));
  EXPECT_EQ(Network::parse("10.0.0.0/8").text(), "10.0.0.0/8");
  for (const char* text : {"", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "::/129", "10.0.0.0/", "10.0.0.0/8x",
                           "localhost/8", "10.0.0.0/-1"}) {
    EXPECT_THROW((void)Network::parse(text), ConfigError) << text;
  }
}

TEST(HeaderPolicy, RefusesNamesOfTheConnectionAndTheSignature) {
  for (const char* name :
       {"Host", "content-length", "Transfer-Encoding", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade",
        "Proxy-Authorization", "Expect", "webhook-id", "Webhook-Signature", "X-Webhook-Signature"}) {
    EXPECT_EQ(judge_header(name, "x").reason, "header_reserved") << name;
  }
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a:b"), std::string("a\r\nb"),
                                  std::string("ä"), std::string(257, 'a')}) {
    EXPECT_EQ(judge_header(name, "x").reason, "header_name") << name;
  }
  for (const std::string& value : {std::string("a\rb"), std::string("a\nb"), std::string("a\0b", 3),
                                   std::string("\x7f"), std::string(8193, 'x')}) {
    EXPECT_EQ(judge_header("x", value).reason, "header_value");
  }
  for (const char* name : {"Authorization", "x-api-key", "Content-Type", "user-agent", "traceparent"}) {
    EXPECT_TRUE(judge_header(name, "Bearer ü\t1").allowed) << name;
  }
  EXPECT_TRUE(judge_header(std::string(256, 'a'), std::string(8192, 'x')).allowed);
  EXPECT_EQ(judge_header("x-token", "s3cret\n").sentence.find("s3cret"), std::string::npos);
}

// Python's tables are another reading of the same registries. All that it calls not global must be denied here; what is
// denied beyond that are multicast, and the ranges that the contract adds.
TEST(AddressGuard, AgreesWithPythonOnRandomAddresses) {
  if (std::system("python3 -c '' >/dev/null 2>&1") != 0) GTEST_SKIP() << "python3 is not installed";
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string path = testing::TempDir() + "/addresses-" + std::to_string(seed);
  std::ofstream list(path);
  std::vector<Address> addresses;
  for (int i = 0; i < 6'000; ++i) {
    std::array<std::uint8_t, 16> bytes{};
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    if (i % 4 == 0) {
      addresses.push_back(Address::v4(static_cast<std::uint32_t>(random())));
    } else if (i % 4 == 1) {  // near the special ranges: few distinct first bytes
      constexpr std::array<std::uint8_t, 10> kFirst{10, 100, 127, 169, 172, 192, 198, 203, 224, 0};
      const std::uint32_t low = static_cast<std::uint32_t>(random());
      addresses.push_back(Address::v4(std::uint32_t{kFirst[random() % 10]} << 24U | (low & 0xffffffU)));
    } else {
      bytes[0] = i % 4 == 2 ? 0x20 : static_cast<std::uint8_t>(random());
      if (i % 4 == 2) bytes[1] = static_cast<std::uint8_t>(random() % 4);
      addresses.push_back(Address::v6(bytes));
    }
    list << addresses.back().text() << '\n';
  }
  list.close();
  ASSERT_TRUE(list);
  const std::string command =
      "python3 -c \"import ipaddress,sys\n"
      "for line in open(sys.argv[1]):\n"
      "  a=ipaddress.ip_address(line.strip())\n"
      "  print('D' if not a.is_global or a.is_multicast else 'A')\" " +
      path;
  FILE* answers = popen(command.c_str(), "r");
  ASSERT_NE(answers, nullptr);
  const std::vector<Network> ours{Network::parse("192.88.99.0/24"), Network::parse("168.63.129.16/32"),
                                  Network::parse("192.0.0.0/24"),   Network::parse("2001::/23"),
                                  Network::parse("2002::/16"),      Network::parse("3fff::/20")};
  const Network global_v6 = Network::parse("2000::/3");
  const AddressGuard guard;
  char answer[8];
  for (const Address& each : addresses) {
    ASSERT_NE(std::fgets(answer, sizeof answer, answers), nullptr);
    const bool allowed = guard.judge_address(each).allowed;
    if (answer[0] == 'D') {
      EXPECT_FALSE(allowed) << each.text();
    } else if (!allowed) {
      const bool added = std::ranges::any_of(ours, [&](const Network& network) { return network.contains(each); });
      EXPECT_TRUE(added || (!each.is_v4() && !global_v6.contains(each))) << each.text();
    }
  }
  EXPECT_EQ(pclose(answers), 0);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace sluice::http
