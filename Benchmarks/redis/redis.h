/*
 * What the programs that measure nodes on Redis share. Terminals and clock are those of terminals.h;
 * `publisher_event` and `delivered` are each program's own.
 */
#ifndef REDIS_H
#define REDIS_H

#include "terminals.h"

/* ---- resp.c ---------------------------------------------------------- */

/* A blocking connection to Redis on 127.0.0.1. */
int connect_to_redis(uint16_t port);
void append_command(struct buffer *, uint32_t arguments);
void append_argument(struct buffer *, const void *bytes, size_t length);
void append_text_argument(struct buffer *, const char *text);
void append_publish(struct buffer *, const char *channel, const struct buffer *body);
void send_to_redis(int fd, const struct buffer *request);
/* False where nothing is there yet. */
bool read_from_redis(int fd, struct buffer *answer);
/* Takes an integer off the front: what PUBLISH answers. False where it has not come whole. */
bool take_integer(struct buffer *answer, int64_t *value);

/* What a subscriber is sent. */
struct push {
	const char *kind, *body; /* kind: "subscribe" or "message"; body: 0 for anything but a message */
	size_t body_length;
};

/* Reads one off the bytes and returns its length; 0 where it has not come whole. */
size_t read_push(const char *bytes, size_t length, struct push *);

/* ---- envelope.c ------------------------------------------------------ */

/* The channel of a node: "im_v2_wsServer127.0.0.1:PORT". */
void node_channel(char name[64], uint16_t port);
/* `size` bytes for a terminal: a stamp and a JSON object, so that the envelope has something to escape. */
void write_payload(char *payload, uint32_t size, struct stamp);
void append_direct(struct buffer *, uint64_t sender, uint64_t receiver, const char *payload, size_t length);
void append_broadcast(struct buffer *, const char *payload, size_t length);

/* ---- settings.c ------------------------------------------------------ */

struct setting {
	const char *name;
	double *value, least, most;
};

/* Reads "--name value" pairs; those without a setting go to `other`, which returns false where it does not know them. */
void read_settings(int argc, char **argv, const char *help, const struct setting *settings, size_t count,
		   bool (*other)(const char *name, const char *value));

#endif
