// For the thread sanitizer: Swift's Mutex, where threads wait for it, is locked and unlocked by the kernel and by the
// standard library, which are not instrumented (FUTEX_LOCK_PI, see futex(2)). Without these two the sanitizer does not
// know that who locks then comes after who unlocked, and reports races in what the lock guards.
// Loaded in front of libswiftSynchronization, whose functions are called.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#define HANDLE __attribute__((swift_context)) void *handle
#define SWIFT __attribute__((swiftcall))

// Of the sanitizer; not there in programs without it.
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

typedef SWIFT void (*lock_function)(uint32_t thread, HANDLE);
typedef SWIFT void (*unlock_function)(HANDLE);

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void lock_slow(uint32_t thread, HANDLE) __asm__(LOCK);
SWIFT void unlock_slow(HANDLE) __asm__(UNLOCK);

SWIFT void lock_slow(uint32_t thread, HANDLE) {
  ((lock_function)dlsym(RTLD_NEXT, LOCK))(thread, handle);
  if (__tsan_acquire) __tsan_acquire(handle);
}

SWIFT void unlock_slow(HANDLE) {
  if (__tsan_release) __tsan_release(handle);
  ((unlock_function)dlsym(RTLD_NEXT, UNLOCK))(handle);
}
