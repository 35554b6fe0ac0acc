// sluice migrate.
#pragma once

#include "cli/command.h"

namespace sluice::cli {

ExitCode run_migrate(Invocation& invocation);

}  // namespace sluice::cli
