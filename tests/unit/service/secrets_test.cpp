#include "core/service/secrets.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/base/errors.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

struct SecretsTest : testing::Test {
  fs::path root = fs::path(testing::TempDir()) / ("secrets-" + std::to_string(getpid()));
  fs::path credentials = root / "credentials";
  fs::path directory = root / "directory";

  void SetUp() override {
    fs::create_directories(credentials);
    fs::create_directories(directory);
  }
  void TearDown() override { fs::remove_all(root); }

  static void put(const fs::path& folder, const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
  }
  Secrets secrets(Environment environment = {}) const {
    environment.emplace("CREDENTIALS_DIRECTORY", credentials.string());
    return {directory.string(), std::move(environment)};
  }
};

TEST_F(SecretsTest, FilesOfAFolderThatAUnitLoadsHaveItsNameBefore) {
  put(credentials, "secrets_a", "of the folder");
  put(directory, "a", "from directory");
  EXPECT_EQ(secrets({}).find("a"), "of the folder");
  put(credentials, "a", "by its own name");
  EXPECT_EQ(secrets({}).find("a"), "by its own name");
}

TEST_F(SecretsTest, CredentialsWinOverTheDirectoryAndThatOverTheEnvironment) {
  const Environment environment{{"SLUICE_SECRET_A", "from environment"}, {"SLUICE_SECRET_BOOKS_TOKEN_V2", "mapped"}};
  EXPECT_EQ(secrets(environment).find("a"), "from environment");
  put(directory, "a", "from directory\n");
  EXPECT_EQ(secrets(environment).find("a"), "from directory");
  put(credentials, "a", "from credentials");
  EXPECT_EQ(secrets(environment).find("a"), "from credentials");
  EXPECT_EQ(secrets(environment).find("books-token.v2"), "mapped");
  EXPECT_EQ(secrets(environment).find("b"), std::nullopt);
}

TEST_F(SecretsTest, OneLineBreakAtTheEndIsNotPartOfIt) {
  put(directory, "one", "x\n");
  put(directory, "two", "x\n\n");
  put(directory, "dos", "x\r\n");
  put(directory, "binary", std::string("\0\n\xff", 3));
  put(directory, "empty", "");
  EXPECT_EQ(secrets().find("one"), "x");
  EXPECT_EQ(secrets().find("two"), "x\n");
  EXPECT_EQ(secrets().find("dos"), "x");
  EXPECT_EQ(secrets().find("binary"), std::string("\0\n\xff", 3));
  EXPECT_EQ(secrets().find("empty"), "");
}

TEST_F(SecretsTest, NamesCannotLeaveTheDirectory) {
  put(root, "outside", "x");
  for (const std::string& name :
       {std::string("../outside"), std::string("a/../../outside"), std::string(""), std::string("."), std::string(".."),
        std::string(".hidden"), std::string("a\0b", 3), std::string("ä"), std::string(129, 'a')}) {
    EXPECT_FALSE(Secrets::is_name(name)) << name;
    EXPECT_EQ(secrets().find(name), std::nullopt) << name;
  }
  EXPECT_TRUE(Secrets::is_name(std::string(128, 'a')));
}

TEST_F(SecretsTest, WhatIsTooLongOrNoFileIsAnErrorWithoutContent) {
  put(directory, "long", "s3cret" + std::string(65531, 'x'));
  put(directory, "just", std::string(65536, 'x'));
  fs::create_directory(directory / "folder");
  ASSERT_EQ(mkfifo((directory / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(secrets().find("just")->size(), 65536U);
  EXPECT_EQ(secrets({{"SLUICE_SECRET_E", std::string(65536, 'x')}}).find("e")->size(), 65536U);
  EXPECT_THROW((void)secrets({{"SLUICE_SECRET_E", std::string(65537, 'x')}}).find("e"), Error);
  for (const char* name : {"long", "folder", "fifo"}) {
    try {
      (void)secrets().find(name);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("'" + std::string(name) + "'"), std::string::npos);
      EXPECT_EQ(std::string(error.what()).find("s3cret"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace sluice
