// Log events as entries of the systemd journal, with every field of an event as a journal field.
#pragma once

#include <string>

#include "core/base/log.h"

namespace sluice {

// MESSAGE is the text with its fields, PRIORITY the level, SLUICE_<KEY> each field: `journalctl SLUICE_SESSION=…` finds
// the lines of one session.
[[nodiscard]] LogSink journal_sink(std::string identifier);

}  // namespace sluice
