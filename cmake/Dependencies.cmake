# Every third-party library, once. Each is linked by one folder only (docs/dependencies.md says which and why).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(CURL REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(pegtl REQUIRED)
pkg_check_modules(uv REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(idn2 REQUIRED IMPORTED_TARGET libidn2)
pkg_check_modules(microhttpd REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(systemd REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)

# Programs that are to be fast; sanitizers bring an allocator of their own.
pkg_check_modules(tcmalloc REQUIRED IMPORTED_TARGET libtcmalloc_minimal)
add_library(allocator INTERFACE)
if(NOT SLUICE_SANITIZE)
  target_link_libraries(allocator INTERFACE PkgConfig::tcmalloc)
endif()

# rapidjson 1.1.0 (Debian's) declares an assignment operator that assigns to a const member, which clang 19 refuses even unused, and
# adds to a null pointer when a stack is empty, which UBSan reports. Upstream mended both after the release; the build reads a
# copy of the headers with the same changes.
find_path(rapidjson_headers rapidjson/document.h REQUIRED)
set(rapidjson_mended "${PROJECT_BINARY_DIR}/generated-system")
file(COPY "${rapidjson_headers}/rapidjson" DESTINATION "${rapidjson_mended}"
  PATTERN document.h EXCLUDE PATTERN stack.h EXCLUDE)
function(mend_rapidjson header from to)
  file(READ "${rapidjson_headers}/rapidjson/${header}" text)
  string(REPLACE "${from}" "${to}" text "${text}")
  file(CONFIGURE OUTPUT "${rapidjson_mended}/rapidjson/${header}" CONTENT "${text}" @ONLY)
endfunction()
mend_rapidjson(document.h "GenericStringRef& operator=(const GenericStringRef& rhs) { s = rhs.s; length = rhs.length; }" "")
mend_rapidjson(internal/stack.h "stackTop_ + sizeof(T) * count > stackEnd_"
  "static_cast<std::ptrdiff_t>(sizeof(T) * count) > stackEnd_ - stackTop_")
add_library(rapidjson INTERFACE)
target_include_directories(rapidjson SYSTEM INTERFACE "${rapidjson_mended}")
target_compile_definitions(rapidjson INTERFACE RAPIDJSON_HAS_STDSTRING=1)

# valijson 1.0's adapter subtracts iterators through a member that does not exist; clang 19 refuses it even unused. The build
# reads a copy of that header with the member's real name, before the installed ones. One file of core/flow includes it. The
# same copy does not step past the end of an empty object, which is undefined and told nothing about this rapidjson.
find_path(valijson_headers valijson/validator.hpp REQUIRED)
set(valijson_mended "${PROJECT_BINARY_DIR}/generated-valijson")
file(READ "${valijson_headers}/valijson/adapters/rapidjson_adapter.hpp" valijson_adapter)
string(REPLACE "other.itr" "other.m_itr" valijson_adapter "${valijson_adapter}")
string(REPLACE "maybeEnd != empty.MemberBegin() + 1" "maybeEnd == empty.MemberEnd()" valijson_adapter "${valijson_adapter}")
file(CONFIGURE OUTPUT "${valijson_mended}/valijson/adapters/rapidjson_adapter.hpp" CONTENT "${valijson_adapter}" @ONLY)
add_library(valijson INTERFACE)
target_include_directories(valijson SYSTEM INTERFACE "${valijson_mended}" "${valijson_headers}")
