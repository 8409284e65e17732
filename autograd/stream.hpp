#pragma once
// Internal: writing past the caches what fits none of them.

#include <cstddef>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace xgrad::detail {

/// Copies a multiple of 64 bytes between addresses that are multiples of 64, past the caches.
inline void stream(void* to, const void* from, std::size_t bytes) {
#ifdef __SSE2__
  auto* target = static_cast<__m128i*>(to);
  const auto* source = static_cast<const __m128i*>(from);
  for (std::size_t i = 0; i < bytes / sizeof(__m128i); ++i)
    _mm_stream_si128(target + i, _mm_load_si128(source + i));
#else
  std::memcpy(to, from, bytes);
#endif
}

/// To be called by the thread that streamed, before others may read.
inline void end_stream() {
#ifdef __SSE2__
  _mm_sfence();
#endif
}

}  // namespace xgrad::detail
