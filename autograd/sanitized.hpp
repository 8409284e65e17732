#pragma once
// Internal: defines XGRAD_SANITIZED under the address and thread sanitizers, which GCC tells by
// macros and Clang by features.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define XGRAD_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define XGRAD_SANITIZED
#endif
#endif
