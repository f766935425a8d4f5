#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Calls of malloc, calloc, realloc and the aligned ones, by the calling thread since its start.
uint64_t allocations_of_this_thread(void);

/// Whether this C library lets them be counted.
bool allocations_are_counted(void);

/// Calls each of the counted functions once. Returns how many those are.
uint64_t allocations_call_each(void);

/// Keeps the compiler from proving that nobody uses `address`.
void allocations_escape(const void *address);
