#include "tests/support/private_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

void check(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(fmt::format("cannot {}: {}", what, std::strerror(errno)));
}

void on_a_thread(const std::function<void()>& call) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      call();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

void name(ifreq& interface, std::string_view text) {
  text.copy(interface.ifr_name, sizeof interface.ifr_name - 1);
}

void raise_loopback(int control) {
  ifreq interface{};
  name(interface, "lo");
  interface.ifr_flags = IFF_UP | IFF_RUNNING;
  check(ioctl(control, SIOCSIFFLAGS, &interface) == 0, "raise lo");
}

void hold_v4(int control, const std::string& address, int number) {
  ifreq interface{};
  name(interface, fmt::format("lo:{}", number));
  sockaddr_in in{};
  in.sin_family = AF_INET;
  inet_pton(AF_INET, address.c_str(), &in.sin_addr);
  std::memcpy(&interface.ifr_addr, &in, sizeof in);
  check(ioctl(control, SIOCSIFADDR, &interface) == 0, "hold " + address);
  in.sin_addr.s_addr = 0xffffffff;  // this address alone, whatever its class says
  std::memcpy(&interface.ifr_netmask, &in, sizeof in);
  check(ioctl(control, SIOCSIFNETMASK, &interface) == 0, "hold " + address);
}

void hold_v6(const std::string& address) {
  const int control = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  in6_ifreq request{};
  inet_pton(AF_INET6, address.c_str(), &request.ifr6_addr);
  request.ifr6_prefixlen = 128;
  request.ifr6_ifindex = static_cast<int>(if_nametoindex("lo"));
  const bool good = ioctl(control, SIOCSIFADDR, &request) == 0;
  close(control);
  check(good, "hold " + address);
}

// Files of /etc are seen with another content, in this view of the file system only.
void replace(const char* file, const std::string& content) {
  const fs::path substitute =
      fs::temp_directory_path() / fmt::format("{}-{}", fs::path(file).filename().string(), gettid());
  std::ofstream(substitute) << content;
  const bool good = mount(substitute.c_str(), file, nullptr, MS_BIND, nullptr) == 0;
  fs::remove(substitute);
  check(good, std::string("replace ") + file);
}

int open_own(const char* kind) {
  const int fd = open(fmt::format("/proc/thread-self/ns/{}", kind).c_str(), O_RDONLY | O_CLOEXEC);
  check(fd >= 0, std::string("open the namespace ") + kind);
  return fd;
}

bool enter_user_namespace() {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (unshare(CLONE_NEWUSER) != 0) return false;
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/gid_map") << fmt::format("{} {} 1", group, group);
  std::ofstream("/proc/self/uid_map") << fmt::format("{} {} 1", user, user);
  return true;
}

}  // namespace

bool PrivateNetwork::permitted() {
  static const bool may = [] {
    if (geteuid() != 0 && !enter_user_namespace()) return false;
    bool good = false;
    on_a_thread([&] { good = unshare(CLONE_NEWNET | CLONE_NEWNS) == 0; });
    return good;
  }();
  return may;
}

PrivateNetwork::PrivateNetwork(const std::vector<std::string>& addresses) {
  on_a_thread([&] {
    check(unshare(CLONE_NEWNET | CLONE_NEWNS) == 0, "make a network");
    check(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "keep mounts apart");
    replace("/etc/resolv.conf", "nameserver 127.0.0.1\n");
    replace("/etc/nsswitch.conf", "hosts: files dns\n");
    const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    raise_loopback(control);
    int number = 0;
    for (const std::string& address : addresses) {
      if (address.find(':') == std::string::npos) {
        hold_v4(control, address, ++number);
      } else {
        hold_v6(address);
      }
    }
    close(control);
    network_ = open_own("net");
    files_ = open_own("mnt");
  });
}

PrivateNetwork::~PrivateNetwork() {
  close(network_);
  close(files_);
}

void PrivateNetwork::within(const std::function<void()>& call) const {
  on_a_thread([&] {
    const fs::path here = fs::current_path();
    check(unshare(CLONE_FS) == 0 && setns(files_, CLONE_NEWNS) == 0 && setns(network_, CLONE_NEWNET) == 0,
          "enter the network");
    fs::current_path(here);
    call();
  });
}

}  // namespace sluice::test
