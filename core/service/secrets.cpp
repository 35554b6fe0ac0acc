#include "core/service/secrets.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <system_error>

#include "core/base/errors.h"

namespace sluice {
namespace {

constexpr std::size_t kMaxNameBytes = 128;

// What systemd puts before the files of a folder that a unit loads by LoadCredential=secrets:FOLDER.
constexpr std::string_view kOfFolder = "secrets_";

[[noreturn]] void cannot_read(std::string_view name, const std::string& place, std::string_view why) {
  throw Error("cannot read secret '" + std::string(name) + "' from " + place + ": " + std::string(why),
              "the file must be readable by this service's user and hold at most " + std::to_string(kMaxSecretBytes) +
                  " bytes");
}

std::optional<std::string> read_from(const std::string& directory, std::string_view name) {
  const std::string path = directory + "/" + std::string(name);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    cannot_read(name, directory, std::generic_category().message(errno));
  }
  struct stat status{};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(fd);
    cannot_read(name, directory, "it is no regular file");
  }
  std::string text(kMaxSecretBytes + 1, '\0');
  std::size_t size = 0;
  ssize_t got = 0;
  while (size < text.size() && (got = read(fd, text.data() + size, text.size() - size)) > 0)
    size += static_cast<std::size_t>(got);
  const int error = errno;
  close(fd);
  if (got < 0) cannot_read(name, directory, std::generic_category().message(error));
  if (size > kMaxSecretBytes) cannot_read(name, directory, "it is too long");
  text.resize(size);
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

std::string variable_of(std::string_view name) {
  std::string variable = "SLUICE_SECRET_";
  for (const char c : name) {
    variable += c == '-' || c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return variable;
}

}  // namespace

Secrets::Secrets(std::string directory, Environment environment)
    : directory_(std::move(directory)), environment_(std::move(environment)) {
  std::erase_if(environment_, [](const auto& entry) {
    return entry.first != "CREDENTIALS_DIRECTORY" && !entry.first.starts_with("SLUICE_SECRET_");
  });
  if (const auto found = environment_.find("CREDENTIALS_DIRECTORY"); found != environment_.end())
    credentials_ = found->second;
}

bool Secrets::is_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' &&
         std::ranges::all_of(name,
                             [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; });
}

std::optional<std::string> Secrets::find(std::string_view name) const {
  if (!is_name(name)) return std::nullopt;
  if (!credentials_.empty()) {
    if (auto secret = read_from(credentials_, name)) return secret;
    if (auto secret = read_from(credentials_, std::string(kOfFolder).append(name))) return secret;
  }
  if (!directory_.empty()) {
    if (auto secret = read_from(directory_, name)) return secret;
  }
  const std::string variable = variable_of(name);
  const auto found = environment_.find(variable);
  if (found == environment_.end()) return std::nullopt;
  if (found->second.size() > kMaxSecretBytes) cannot_read(name, "$" + variable, "it is too long");
  return found->second;
}

}  // namespace sluice
