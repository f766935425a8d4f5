/* Many WebSocket terminals in one process: one thread, one epoll instance, nothing beyond libc. */
#ifndef TERMINALS_H
#define TERMINALS_H

#include "../measure/measure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What each program sets for itself. */
struct options {
	uint16_t port;       /* of the gateway, on 127.0.0.1 */
	uint32_t count;      /* terminals */
	uint32_t first;      /* what {i} is for the first terminal */
	const char *path;    /* template of the request target */
	uint32_t handshakes; /* handshakes under way at a time */
	uint32_t publishers; /* that the messages' stamps name */
	uint32_t size;       /* bytes of a payload, at least PAYLOAD_MIN */
};

extern struct options options;

/* ---- buffer.c -------------------------------------------------------- */

struct buffer {
	char *bytes;
	size_t length, capacity;
};

void append(struct buffer *, const void *bytes, size_t length);
void append_text(struct buffer *, const char *text);
void append_number(struct buffer *, uint64_t value);
/* Drops `count` bytes from the front. */
void consume(struct buffer *, size_t count);
/* The template with {i} filled in; other braces stand for themselves, so JSON needs no escaping. */
void append_template(struct buffer *, const char *template, uint64_t i);

/* ---- payload.c ------------------------------------------------------- */

/* "c=000;n=0000000001;t=0000000000000000001;" and padding: publishing connection, its sequence number from 1, send time. */
enum { PAYLOAD_MIN = 41 };

struct stamp {
	uint32_t publisher;
	uint64_t number, sent_at;
};

void write_stamp(char *payload, struct stamp);
bool read_stamp(const char *payload, size_t length, struct stamp *);

/* ---- frame.c --------------------------------------------------------- */

struct frame {
	uint8_t opcode;
	const uint8_t *payload;
	size_t size, length; /* of the payload, of the whole */
};

enum reading { PART, WHOLE, UNEXPECTED };

/* The frame at the front: text, close, ping or pong in one piece and unmasked, of at most so many bytes; nothing else is due. */
enum reading read_frame(const uint8_t *bytes, size_t left, size_t most, struct frame *);
/* Of a close frame; 1005 where it has none. */
int close_code(const struct frame *);
/* RFC 6455 §5.3: a client masks; a mask of zeros leaves the payload as it is. */
void send_control(int fd, uint8_t opcode, const uint8_t *payload, size_t length);

/* ---- subscribers.c --------------------------------------------------- */

struct subscriber_counts {
	uint32_t started, connecting, open, refused, closed;
	uint64_t deliveries, gaps, out_of_order, foreign;
};

extern struct subscriber_counts subscribers;
extern struct histogram latency;
extern bool is_measuring;

void prepare_subscribers(void);
void start_subscriber(void);
void subscriber_event(uint32_t index, uint32_t events);
void close_subscribers(void);

/* ---- of each program --------------------------------------------------- */

/* Something happened to what it watches with TAG_PUBLISHER. */
void publisher_event(uint32_t index, uint32_t events);
/* A subscriber got this message. */
void delivered(struct stamp);

/* ---- loop.c ---------------------------------------------------------- */

enum tag { TAG_SUBSCRIBER, TAG_PUBLISHER };

extern char read_buffer[256 * 1024];
/* For messages to people. */
extern const char *program;

/* Raises the limit of open files, and gives up where `files` are too many. */
void prepare_loop(uint64_t files);
void turn(int milliseconds);
/* Until a point in time, in nanoseconds. */
void idle_until(uint64_t until);
/* Opens `options.count` terminals; `gateway` tells the port for each client. */
void connect_all(uint16_t (*gateway)(uint32_t client));

void watch(int fd, enum tag, uint32_t index);
/* Keeps the first one for the report. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *noted(void);

#endif
