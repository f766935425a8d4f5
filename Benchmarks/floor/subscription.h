/* A subscription of one Redis channel; what floor and uwebsockets have in common. */
#ifndef SUBSCRIPTION_H
#define SUBSCRIPTION_H

#include <stddef.h>

/* "HOST:PORT" of a Redis; returns a socket that does not block, on which the subscription has been asked for. Ends the
 * program where there is none. */
int subscribe(const char *host_and_port, const char *channel);

/* Hands each body that has come whole to `message`, and returns how many bytes were taken. */
size_t take_bodies(const char *bytes, size_t length, void (*message)(const char *body, size_t length));

#endif
