// Names of repositories, files and revisions, addresses, and the environment.
#include <gtest/gtest.h>

#include <map>

#include "hub/file_choice.h"
#include "hub/file_name.h"
#include "hub/model_reference.h"
#include "hub/settings.h"
#include "hub/url.h"

namespace sterna {
namespace {

TEST(ModelReference, TakesWhatTheHubCouldHave) {
  for (const char* name : {"org/repo", "gpt2", "Org-1/re.po_x", "a/b"}) {
    const auto reference = ParseModelReference(name);
    ASSERT_TRUE(reference.ok()) << name;
    EXPECT_EQ(reference->repo, name);
    EXPECT_EQ(RepoOfFolderName(RepoFolderName(name)), name);
  }
  EXPECT_EQ(ParseModelReference("org/repo:q8_0")->quant, "q8_0");
  EXPECT_EQ(RepoFolderName("org/repo"), "models--org--repo");
}

TEST(ModelReference, RefusesEveryOtherText) {
  for (const char* name : {"", "/", "a/", "/a", "a/b/c", "../b", "a/..", "a--b/c", "-a/b", "a/b-", "a/.b", "a/b.git", "a b/c",
                           "a/b:", "a/b:x y", "a/b:\n", "é/b"}) {
    EXPECT_FALSE(ParseModelReference(name).ok()) << name;
  }
  EXPECT_FALSE(IsRepoId(std::string(97, 'a')));
  EXPECT_FALSE(RepoOfFolderName("datasets--a--b"));
  EXPECT_FALSE(RepoOfFolderName("models--..--b"));
}

TEST(Revision, StaysBelowRefs) {
  for (const char* name : {"main", "refs/pr/1", "v1.0", "feature/x-y"}) EXPECT_TRUE(CheckRevision(name).ok()) << name;
  for (const char* name : {"", "..", "a/../b", "/a", "a/", "a//b", "a/.b", ".a", "-a", "a b", "a\n", "a:b"}) {
    EXPECT_FALSE(CheckRevision(name).ok()) << name;
  }
  EXPECT_FALSE(IsCommitHash(std::string(40, 'A')));
  EXPECT_FALSE(IsCommitHash(std::string(39, 'a')));
}

TEST(FileName, StaysBelowItsFolderOnEverySystem) {
  for (const char* name : {"config.json", "a/b/c.gguf", "...x", "console.txt", "com10", "ä.txt", "a b.txt", ".gitattributes"}) {
    EXPECT_TRUE(CheckFileName(name).ok()) << name;
  }
  for (const std::string& name : {std::string(),           std::string("/a"),      std::string(".."),
                                  std::string("a/../b"),   std::string("a/./b"),   std::string("a//b"),
                                  std::string("a/"),       std::string("a\\b"),    std::string("C:a"),
                                  std::string("a/c:\\b"),  std::string("a\0b", 3), std::string("a\nb"),
                                  std::string("a\x7f"),    std::string("NUL"),     std::string("x/con.txt"),
                                  std::string("LpT9"),     std::string("a."),      std::string("a "),
                                  std::string("\xff\xfe"), std::string(256, 'x'),  std::string("\xed\xa0\x80")}) {
    EXPECT_EQ(CheckFileName(name).code(), StatusCode::kMalformed) << name;
  }
}

TEST(Pattern, IsPythonsFnmatch) {
  EXPECT_TRUE(MatchesPattern("a/b.json", "*.json"));  // '*' also matches '/'
  EXPECT_TRUE(MatchesPattern(".hidden", "*"));
  EXPECT_TRUE(MatchesPattern("a1", "a[0-9]"));
  EXPECT_TRUE(MatchesPattern("ab", "a[!0-9]"));
  EXPECT_TRUE(MatchesPattern("onnx/x/y", "onnx/"));
  EXPECT_FALSE(MatchesPattern("A.json", "a.json"));
  EXPECT_FALSE(MatchesPattern("a.json5", "*.json"));
  const std::vector<std::string> include = {"*.json"}, exclude = {"b*"}, none;
  EXPECT_TRUE(IsIncluded("a.json", include, exclude));
  EXPECT_FALSE(IsIncluded("b.json", include, exclude));
  EXPECT_TRUE(IsIncluded("a.txt", none, exclude));
}

TEST(FileChoice, TagsStandBetweenSeparators) {
  const std::vector<std::string> paths = {"m-Q4_K_M.gguf", "m-Q8_0.gguf", "m-UD-Q4_K_M.gguf", "mmproj-m-Q8_0.gguf",
                                          "ggml-model-i2_s.gguf"};
  EXPECT_EQ(ChooseModelFiles(paths, "q4_k_m")->entry, "m-Q4_K_M.gguf");
  EXPECT_EQ(ChooseModelFiles(paths, "ud-q4_k_m")->entry, "m-UD-Q4_K_M.gguf");
  EXPECT_FALSE(ChooseModelFiles(paths, "Q4_K").ok());
  EXPECT_EQ(ChooseModelFiles(paths, "I2_S")->entry, "ggml-model-i2_s.gguf");
  EXPECT_EQ(ChooseModelFiles(paths, "")->entry, "ggml-model-i2_s.gguf");
  EXPECT_EQ(Quantizations(paths), (std::vector<std::string>{"Q4_K_M", "Q8_0", "i2_s"}));
}

TEST(FileChoice, SplitFilesBelongTogether) {
  std::vector<std::string> paths = {"x/m-F16-00001-of-00002.gguf", "x/m-F16-00002-of-00002.gguf"};
  const auto choice = ChooseModelFiles(paths, "F16");
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->entry, paths[0]);
  EXPECT_EQ(choice->paths, paths);
  paths.pop_back();
  EXPECT_EQ(ChooseModelFiles(paths, "F16").status().message(), "x/m-F16.gguf: expected 2 parts, found 1");
}

TEST(FileChoice, CheckpointsTakeOneKindOfWeights) {
  std::vector<std::string> paths = {"config.json", "model.safetensors", "onnx/model.safetensors", "pytorch_model.bin",
                                    "tokenizer.json"};
  EXPECT_EQ(ChooseModelFiles(paths, "")->paths, (std::vector<std::string>{"config.json", "model.safetensors", "tokenizer.json"}));
  paths.erase(paths.begin() + 1);
  EXPECT_EQ(ChooseModelFiles(paths, "")->paths, (std::vector<std::string>{"config.json", "pytorch_model.bin", "tokenizer.json"}));
  EXPECT_FALSE(ChooseModelFiles(paths, "Q8_0").ok());
  const std::vector<std::string> nothing;
  EXPECT_FALSE(ChooseModelFiles(nothing, "").ok());
}

TEST(Url, RelativeAddressesAndOrigins) {
  const auto base = ParseUrl("https://Host.example/a/b?x=1#f");
  ASSERT_TRUE(base.ok());
  EXPECT_EQ(base->host, "host.example");
  EXPECT_EQ(base->port, "443");
  EXPECT_EQ(ResolveUrl(*base, "/c")->text, "https://Host.example/c");
  EXPECT_TRUE(SameOrigin(*base, *ResolveUrl(*base, "https://host.example:443/z")));
  for (const char* other : {"http://host.example/", "https://host.example:444/", "https://host.example.evil/", "//other/x"}) {
    EXPECT_FALSE(SameOrigin(*base, *ResolveUrl(*base, other))) << other;
  }
  for (const char* bad : {"", "file:///x", "ftp://x/", "a", "http://"}) EXPECT_FALSE(ParseUrl(bad).ok()) << bad;
  EXPECT_EQ(EscapePath("a b/ü?#%"), "a%20b/%C3%BC%3F%23%25");
  EXPECT_EQ(EscapeSegment("refs/pr/1"), "refs%2Fpr%2F1");
  EXPECT_EQ(WithoutQuery("https://x/y?signature=1"), "https://x/y");
}

EnvironmentLookup From(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

TEST(Settings, CacheFolderInTheOrderOfHuggingFaceHub) {
  EXPECT_EQ(*HubCacheFolder(From({{"HOME", "/h"}})), "/h/.cache/huggingface/hub");
  EXPECT_EQ(*HubCacheFolder(From({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}})), "/x/huggingface/hub");
  EXPECT_EQ(*HubCacheFolder(From({{"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "/f/"}})), "/f/hub");
  EXPECT_EQ(*HubCacheFolder(From({{"HF_HOME", "/f"}, {"HUGGINGFACE_HUB_CACHE", "/old"}})), "/old");
  EXPECT_EQ(*HubCacheFolder(From({{"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HUB_CACHE", "/new"}})), "/new");
  EXPECT_EQ(*HubCacheFolder(From({{"HOME", "/h"}, {"D", "/d"}, {"HF_HUB_CACHE", "$D/${D}/$E"}})), "/d//d/$E");
  EXPECT_EQ(*HubCacheFolder(From({{"HOME", "/h"}, {"HF_HOME", "~/f"}})), "/h/f/hub");
  EXPECT_FALSE(HubCacheFolder(From({})).ok());
}

TEST(Settings, TokensAreCleanOrRefusedWithoutBeingShown) {
  const auto token = [](const std::string& value) {
    return ReadHubSettings(From({{"HOME", "/nonexistent"}, {"HF_TOKEN", value}}));
  };
  EXPECT_EQ(token(" hf_abc\n")->token, "hf_abc");
  EXPECT_EQ(token("")->token, "");
  const auto bad = token("hf_secret\r\nX: y");
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().message().find("secret"), std::string_view::npos);
  EXPECT_EQ(ReadHubSettings(From({{"HOME", "/nonexistent"}, {"HF_TOKEN", "x"}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}}))->token,
            "");
}

TEST(Settings, EndpointsAreAddresses) {
  const auto endpoint = [](const std::string& value) {
    return ReadHubSettings(From({{"HOME", "/nonexistent"}, {"HF_ENDPOINT", value}}));
  };
  EXPECT_EQ(endpoint("https://mirror.example/hf/")->endpoint, "https://mirror.example/hf");
  for (const char* bad : {"mirror", "file:///x", "https://u:p@x", "https://x/?a"}) EXPECT_FALSE(endpoint(bad).ok()) << bad;
  EXPECT_TRUE(ReadHubSettings(From({{"HOME", "/h"}, {"HF_HUB_OFFLINE", "yes"}}))->offline);
  EXPECT_FALSE(ReadHubSettings(From({{"HOME", "/h"}, {"HF_HUB_OFFLINE", "0"}}))->offline);
  EXPECT_FALSE(ReadHubSettings(From({{"HOME", "/h"}, {"HF_HUB_DOWNLOAD_TIMEOUT", "soon"}})).ok());
}

}  // namespace
}  // namespace sterna
