// sluice up, listener, worker, notifier.
#pragma once

#include "cli/command.h"

namespace sluice::cli {

ExitCode run_up(Invocation& invocation);
ExitCode run_listener(Invocation& invocation);
ExitCode run_worker(Invocation& invocation);
ExitCode run_notifier(Invocation& invocation);

}  // namespace sluice::cli
