// The console: a web page on what Sluice does, for people who run it.
#pragma once

#include <memory>

#include "core/service/daemon.h"

namespace sluice::console {

enum class Place {
  kAlone,   // what keeps it from being served ends the process
  kBeside,  // other services go on without it, and the log says why
};

// Serves console.listen and prints the address with its token, once, on standard output.
[[nodiscard]] std::unique_ptr<Service> make_console(Place place);

}  // namespace sluice::console
