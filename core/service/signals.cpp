#include "core/service/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/base/errors.h"

namespace sluice {

Signals::Signals(Loop& loop, std::initializer_list<int> signals) {
  sigemptyset(&blocked_);
  for (const int number : signals) sigaddset(&blocked_, number);
  pthread_sigmask(SIG_BLOCK, &blocked_, &before_);
  fd_ = signalfd(-1, &blocked_, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd_ < 0)
    throw Error(std::string("cannot receive signals: ") + std::generic_category().message(errno),
                "raise the limit of open files");
  poll_ = std::make_unique<Poll>(loop, fd_);
}

Signals::~Signals() {
  poll_.reset();  // before its descriptor is closed
  close(fd_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

Task<std::optional<int>> Signals::next(StopToken stop) {
  while (true) {
    signalfd_siginfo arrived{};
    if (read(fd_, &arrived, sizeof arrived) == sizeof arrived) co_return static_cast<int>(arrived.ssi_signo);
    const Woken woken = co_await poll_->wait(Readiness::kReadable, kNoDeadline, stop);
    if (woken == Woken::kStopped) co_return std::nullopt;
  }
}

}  // namespace sluice
