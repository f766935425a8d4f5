#include "allocations.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

static _Thread_local uint64_t count;

uint64_t allocations_of_this_thread(void) { return count; }

void allocations_escape(const void *address) { __asm__ volatile("" : : "r"(address) : "memory"); }

#ifdef __GLIBC__

/* https://sourceware.org/glibc/manual/latest/html_node/Replacing-malloc.html: definitions in the executable come before
   the library's, for every shared library too. These are the library's own under their other names; free stays. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size)
{
	count++;
	return __libc_malloc(size);
}

void *calloc(size_t members, size_t size)
{
	count++;
	return __libc_calloc(members, size);
}

void *realloc(void *old, size_t size)
{
	count++;
	return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size)
{
	count++;
	return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	count++;
	return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size)
{
	count++;
	if (alignment % sizeof(void *) || !alignment || (alignment & (alignment - 1)))
		return EINVAL;
	void *memory = __libc_memalign(alignment, size);
	if (!memory)
		return ENOMEM;
	*result = memory;
	return 0;
}

bool allocations_are_counted(void) { return true; }

uint64_t allocations_call_each(void)
{
	void *grown = malloc(16), *zeroed = calloc(2, 8), *aligned = aligned_alloc(64, 64), *posix = NULL;
	allocations_escape(grown);
	grown = realloc(grown, 4096);
	if (posix_memalign(&posix, 64, 64))
		posix = NULL;
	allocations_escape(grown);
	allocations_escape(zeroed);
	allocations_escape(aligned);
	allocations_escape(posix);
	free(grown);
	free(zeroed);
	free(aligned);
	free(posix);
	return 5;
}

#else

bool allocations_are_counted(void) { return false; }
uint64_t allocations_call_each(void) { return 0; }

#endif
