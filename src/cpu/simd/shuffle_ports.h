// Whether the CPU permutes vectors beside its multiplications.
#pragma once

namespace gavotte::internal::cpu {

/// Whether permutes of vectors have ports of their own, as in AMD's cores. In Intel's those of 512 bits take one of the
/// two ports that multiply and add, and a kernel loads more instead.
bool has_shuffle_ports();

}  // namespace gavotte::internal::cpu
