// Pages made from the tables of commands, options and metrics, so that none of them says less or more than the program
// takes.
#pragma once

#include <string>

namespace sluice::cli {

[[nodiscard]] std::string bash_completion();
[[nodiscard]] std::string commands_page();      // the commands and their flags, as scdoc text for sluice(1)
[[nodiscard]] std::string options_page();       // every option, as scdoc text for sluice.toml(5)
[[nodiscard]] std::string metrics_reference();  // what the daemons count, as Markdown

}  // namespace sluice::cli
